package users

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// belongings are all that a merge may touch of two users.
type belongings struct {
	Users      []gatehouse.User
	Identities [][]gatehouse.Identity
	Emails     [][]gatehouse.Email
	Accounts   [][]gatehouse.AccountReference
	Consents   [][]gatehouse.Consent
	Numbers    [][]store.ClientNumber
	Approvals  []gatehouse.Approval
}

func belongingsOf(tx *store.Tx, ids ...string) (b belongings, err error) {
	for _, id := range ids {
		h, err := holdingsOf(tx, id)
		if err != nil {
			return b, err
		}
		h.user.UpdatedAt = time.Time{}
		a, err := tx.Approval(id)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return b, err
		}
		b.Users, b.Identities, b.Emails = append(b.Users, h.user), append(b.Identities, h.identities), append(b.Emails, h.emails)
		b.Accounts, b.Consents, b.Numbers = append(b.Accounts, h.accounts), append(b.Consents, h.consents), append(b.Numbers, h.numbers)
		b.Approvals = append(b.Approvals, a)
	}
	return b, nil
}

// furnish gives a user a bit of everything, as drawn.
func furnish(t *rapid.T, tx *store.Tx, n int, u *gatehouse.User, connections, connectors []string) error {
	some := func(label string) bool { return rapid.Bool().Draw(t, label) }
	u.Username = fmt.Sprintf("user-%d-%s", n, store.NewID()[24:])
	u.Email = rapid.SampledFrom([]string{"", "one@x.org", "two@x.org"}).Draw(t, "primary")
	u.EmailVerified = u.Email != "" && some("verified")
	if holders, err := tx.UsersByVerifiedEmail(u.Email); err != nil || len(holders) > 0 {
		u.EmailVerified = false
	}
	if err := tx.SaveUser(u); err != nil {
		return err
	}
	for _, address := range []string{"one@x.org", "two@x.org", "three@x.org"} {
		if address == u.Email || !some("has "+address) {
			continue
		}
		holders, err := tx.UsersByVerifiedEmail(address)
		if err != nil {
			return err
		}
		if err := tx.SaveEmail(&gatehouse.Email{UserID: u.ID, Address: address, Verified: len(holders) == 0 && some("verified")}); err != nil {
			return err
		}
	}
	for _, c := range connections {
		if some("identity") {
			i := gatehouse.Identity{UserID: u.ID, ConnectionID: c, Subject: store.NewID(), Aliases: map[string]string{"openid": store.NewID()}}
			if err := tx.SaveIdentity(&i); err != nil {
				return err
			}
		}
	}
	for i, c := range connectors {
		if err := tx.MatchAccount(c, fmt.Sprintf("%d-%d", n, i), u.ID, "email"); err != nil {
			return err
		}
	}
	for _, client := range []string{"a", "b"} {
		if some("consent") {
			if err := tx.SaveConsent(gatehouse.Consent{UserID: u.ID, ClientID: client, Scopes: []string{"openid", fmt.Sprint(n)}}); err != nil {
				return err
			}
		}
		if some("knows") {
			if err := tx.Introduce(client, *u); err != nil {
				return err
			}
		}
	}
	if u.State == gatehouse.UserPending {
		return tx.SaveApproval(&gatehouse.Approval{UserID: u.ID, Message: "please"})
	}
	return nil
}

// TestMergeThenSplitIsAsBefore: whatever two users have, a split gives back
// exactly what the merge took.
func TestMergeThenSplitIsAsBefore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var connections, connectors []string
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			for _, name := range []string{"gitlab", "dingtalk"} {
				c := gatehouse.Connection{Name: name, Kind: name, Enabled: true}
				k := gatehouse.Connector{Key: name, Name: name, Kind: name}
				client := gatehouse.Client{ID: map[string]string{"gitlab": "a", "dingtalk": "b"}[name], Name: name, Enabled: true}
				if err := errors.Join(tx.SaveConnection(&c), tx.SaveConnector(&k), tx.SaveClient(&client)); err != nil {
					return err
				}
				connections, connectors = append(connections, c.ID), append(connectors, k.ID)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			undone := errors.New("undone, so that the next case starts anew")
			err := s.Update(context.Background(), func(tx *store.Tx) error {
				keep := gatehouse.User{State: gatehouse.UserActive, Role: rapid.SampledFrom(Roles()).Draw(t, "role")}
				gone := gatehouse.User{State: rapid.SampledFrom([]gatehouse.UserState{"active", "pending"}).Draw(t, "state"), Role: gatehouse.RoleAuditor}
				if err := furnish(t, tx, 1, &keep, connections, connectors); err != nil {
					return err
				}
				if err := furnish(t, tx, 2, &gone, connections, connectors); err != nil {
					return err
				}
				if err := mergeAndSplit(t, tx, keep, gone); err != nil {
					return err
				}
				return undone
			})
			if !errors.Is(err, undone) {
				t.Fatal(err)
			}
		})
	})
}

func mergeAndSplit(t *rapid.T, tx *store.Tx, keep, gone gatehouse.User) error {
	u := &Users{}
	before, err := belongingsOf(tx, keep.ID, gone.ID)
	if err != nil {
		return err
	}
	m, err := u.Merge(tx, operator, keep.ID, gone.ID)
	if err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	between, err := belongingsOf(tx, keep.ID, gone.ID)
	if err != nil {
		return err
	}
	if n := len(between.Identities[1]) + len(between.Emails[1]) + len(between.Accounts[1]); n > 0 || between.Users[1].State != gatehouse.UserMerged {
		t.Fatalf("the one who is gone still has %+v", between)
	}
	if len(between.Identities[0]) != len(before.Identities[0])+len(before.Identities[1]) || between.Users[0].Role != keep.Role {
		t.Fatalf("the kept one has %+v", between)
	}
	if found, err := tx.UserByNumber(gone.Number); err != nil || found.ID != keep.ID {
		t.Fatalf("the number of the one who is gone finds %s, %v", found.ID, err)
	}
	if _, err := u.Split(tx, operator, m.ID); err != nil {
		return fmt.Errorf("split: %w", err)
	}
	after, err := belongingsOf(tx, keep.ID, gone.ID)
	if err != nil {
		return err
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Fatalf("split is not as before (-before +after):\n%s", diff)
	}
	return nil
}

// TestMergeEndsSessionsAndTokens of the one who goes; and a split those of the
// other that began while they were one.
func TestMergeEndsSessionsAndTokens(t *testing.T) {
	t.Parallel()
	clocked(t, func(t *testing.T, s *store.Store, now *time.Time) {
		u := &Users{Store: s}
		keep := saved(t, s, gatehouse.User{Username: "keep", State: "active"})
		gone := saved(t, s, gatehouse.User{Username: "gone", State: "active"})
		hash := func(name string) []byte { return fmt.Appendf(nil, "%-32s", name) }
		update := func(fn func(tx *store.Tx) error) {
			t.Helper()
			if err := s.Update(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
		}
		// begin gives a user a session and a token of an app, for which they
		// proved who they are at a time.
		begin := func(tx *store.Tx, name string, who gatehouse.User, at time.Time) error {
			later := tx.Now().Add(time.Hour)
			return errors.Join(
				tx.SaveSession(&gatehouse.Session{TokenHash: hash(name), UserID: who.ID, CreatedAt: at, AuthAt: at, ExpiresAt: later}),
				tx.SaveTokens(&gatehouse.Token{
					Hash: hash(name), Kind: gatehouse.AccessToken, Family: name, ExpiresAt: later,
					Grant: gatehouse.Grantable{ClientID: "app", UserID: who.ID, AuthAt: at},
				}))
		}
		lives := func(tx *store.Tx, name string, want bool) {
			t.Helper()
			_, _, noSession := tx.SessionByToken(hash(name))
			_, known, noToken := tx.LiveToken(hash(name))
			if (noSession == nil) != want || (noToken == nil) != want {
				t.Errorf("%s: session %v, token %v, want alive: %t", name, noSession, noToken, want)
			}
			if want && known.Number != gone.Number {
				t.Errorf("the app that knew only the one who is gone sees number %d, want %d", known.Number, gone.Number)
			}
		}
		update(func(tx *store.Tx) error {
			before := tx.Now()
			return errors.Join(
				tx.SaveClient(&gatehouse.Client{ID: "app", Name: "App", Enabled: true}),
				begin(tx, "keep", keep, before), begin(tx, "renewed", keep, before), begin(tx, "gone", gone, before),
				tx.AddPersonalToken(&gatehouse.PersonalToken{UserID: keep.ID, Name: "before", Hash: hash("before"), ExpiresAt: tx.Now().Add(time.Hour)}),
				tx.Introduce("app", gone))
		})
		*now = now.Add(time.Minute)
		var m gatehouse.Merge
		update(func(tx *store.Tx) (err error) {
			m, err = u.Merge(tx, operator, keep.ID, gone.ID)
			lives(tx, "keep", true)
			lives(tx, "gone", false)
			return err
		})
		update(func(tx *store.Tx) error {
			renewed, _, err := tx.SessionByToken(hash("renewed"))
			return errors.Join(err,
				tx.RenewSession(renewed.ID, hash("renewed"), tx.Now()), // by whom nobody can tell
				begin(tx, "since", keep, tx.Now()),
				tx.AddPersonalToken(&gatehouse.PersonalToken{UserID: keep.ID, Name: "since", Hash: hash("since"), ExpiresAt: tx.Now().Add(time.Hour)}))
		})
		update(func(tx *store.Tx) error {
			plan, err := u.PlanSplit(tx, m.ID)
			if err != nil || len(plan.Sessions) != 2 {
				t.Errorf("the plan ends %d sessions, %v, want 2", len(plan.Sessions), err)
			}
			_, err = u.Split(tx, operator, m.ID)
			return err
		})
		update(func(tx *store.Tx) error {
			gone.Number = keep.Number // which the app sees again
			lives(tx, "keep", true)
			lives(tx, "since", false)
			if _, _, err := tx.SessionByToken(hash("renewed")); gatehouse.KindOf(err) != gatehouse.NotFound {
				t.Errorf("a session that was proved anew since the merge: %v", err)
			}
			personal, err := tx.PersonalTokens(keep.ID)
			if len(personal) != 1 || personal[0].Name != "before" {
				t.Errorf("personal tokens: %+v, %v", personal, err)
			}
			if known, err := tx.UserFor("app", keep.ID); err != nil || known.Number != keep.Number {
				t.Errorf("after the split the app knows %d, %v", known.Number, err)
			}
			return nil
		})
	})
}

func TestWhoMayBeMerged(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	u := &Users{Store: s}
	person := func(name string, state gatehouse.UserState, role gatehouse.AdminRole) gatehouse.User {
		return saved(t, s, gatehouse.User{Username: name, Name: name, State: state, Role: role})
	}
	root := person("root", "active", gatehouse.RoleSuperAdministrator)
	ann, bob := person("ann", "active", ""), person("bob", "active", "")
	pending, blocked, left := person("pending", "pending", ""), person("blocked", "blocked", ""), person("left", "left", "")
	by := func(u gatehouse.User) gatehouse.Actor {
		return gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID, Name: u.Name}
	}
	for name, c := range map[string]struct {
		by         gatehouse.Actor
		keep, gone gatehouse.User
		want       gatehouse.ErrorKind
	}{
		"two active":               {operator, ann, bob, ""},
		"a pending one":            {operator, ann, pending, ""},
		"into oneself":             {operator, ann, ann, gatehouse.Invalid},
		"into a pending one":       {operator, pending, ann, gatehouse.Conflict},
		"a blocked one":            {operator, ann, blocked, gatehouse.Conflict},
		"into a blocked one":       {operator, blocked, ann, gatehouse.Conflict},
		"one who left":             {operator, ann, left, gatehouse.Conflict},
		"oneself away":             {by(bob), ann, bob, gatehouse.Forbidden},
		"into one's own":           {by(ann), ann, bob, ""},
		"the only administrator":   {operator, ann, root, gatehouse.Conflict},
		"into the administrator":   {operator, root, ann, ""},
		"somebody who is not here": {operator, ann, gatehouse.User{ID: store.NewID()}, gatehouse.NotFound},
	} {
		err := s.View(t.Context(), func(tx *store.Tx) error {
			_, err := u.PlanMerge(tx, c.by, c.keep.ID, c.gone.ID)
			return err
		})
		if got := gatehouse.KindOf(err); got != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestMergesAreSplitInReverseOrder: a chain of merges is taken apart from its end.
func TestMergesAreSplitInReverseOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, "gitlab", creating)
		a, _ := h.come(person("1", "ann", "", ""), "")
		b, _ := h.come(person("2", "bob", "", ""), "")
		c, _ := h.come(person("3", "cid", "", ""), "")
		merge := func(keep, gone gatehouse.User) (m gatehouse.Merge) {
			t.Helper()
			h.update(func(tx *store.Tx) (err error) {
				m, err = h.Merge(tx, operator, keep.ID, gone.ID)
				return err
			})
			return m
		}
		split := func(m gatehouse.Merge) error {
			return s.Update(t.Context(), func(tx *store.Tx) error {
				_, err := h.Split(tx, operator, m.ID)
				return err
			})
		}
		first, second := merge(b, a), merge(c, b)
		h.update(func(tx *store.Tx) error {
			for _, n := range []int64{a.Number, b.Number, c.Number} {
				if u, err := tx.UserByNumber(n); err != nil || u.ID != c.ID {
					t.Errorf("number %d finds %s, %v", n, u.Username, err)
				}
			}
			return nil
		})
		if got, _ := h.come(person("1", "ann", "", ""), ""); got.ID != c.ID {
			t.Errorf("ann's identity signs in %s", got.Username)
		}
		if err := split(first); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("splitting the first merge first: %v", err)
		}
		for _, m := range []gatehouse.Merge{second, first} {
			if err := split(m); err != nil {
				t.Fatal(err)
			}
			if err := split(m); !errors.Is(err, gatehouse.Conflict) {
				t.Errorf("splitting twice: %v", err)
			}
		}
		for i, want := range []gatehouse.User{a, b, c} {
			if got, d := h.come(person(fmt.Sprint(i+1), "", "", ""), ""); got.ID != want.ID || d.Outcome != gatehouse.OutcomeSignedIn {
				t.Errorf("identity %d signs in %s", i+1, got.Username)
			}
		}
	})
}

// TestSplitGivesBackOnlyWhatIsThere: what the kept one removed or took for their
// own since the merge stays so.
func TestSplitGivesBackOnlyWhatIsThere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, "gitlab", creating)
		keep, _ := h.come(person("1", "keep", "", ""), "")
		gone, _ := h.come(person("2", "gone", "", ""), "")
		h.update(func(tx *store.Tx) error {
			gone.Email, gone.EmailVerified = "gone@x.org", true
			return errors.Join(
				tx.SaveUser(&gone), tx.SaveEmail(&gatehouse.Email{UserID: gone.ID, Address: "more@x.org", Verified: true}),
				tx.SaveClient(&gatehouse.Client{ID: "app", Name: "App"}),
				tx.SaveConsent(gatehouse.Consent{UserID: gone.ID, ClientID: "app", Scopes: []string{"openid"}}))
		})
		identity := h.identities(gone.ID)[0]
		var m gatehouse.Merge
		h.update(func(tx *store.Tx) (err error) {
			m, err = h.Merge(tx, operator, keep.ID, gone.ID)
			return err
		})
		h.update(func(tx *store.Tx) error {
			kept, err := tx.User(keep.ID)
			kept.Email, kept.EmailVerified = "gone@x.org", true // made primary
			return errors.Join(err, tx.SaveUser(&kept), tx.DeleteEmail(keep.ID, "more@x.org"), tx.DeleteIdentity(identity.ID), tx.DeleteConsent(keep.ID, "app"))
		})
		since := gatehouse.Identity{UserID: keep.ID, ConnectionID: identity.ConnectionID, Subject: "3"}
		h.update(func(tx *store.Tx) error { return tx.SaveIdentity(&since) })
		h.update(func(tx *store.Tx) error {
			plan, err := h.PlanSplit(tx, m.ID)
			if err != nil || len(plan.Added) != 1 || plan.Added[0].ID != since.ID || len(plan.Identities) != 0 {
				t.Errorf("the plan: added %+v, goes back %+v, %v", plan.Added, plan.Identities, err)
			}
			_, err = h.Split(tx, operator, m.ID)
			return err
		})
		if kept := h.identities(keep.ID); len(kept) != 2 {
			t.Errorf("the kept one has %d identities", len(kept))
		}
		back := h.stored(gone.ID)
		if back.State != gatehouse.UserActive || back.Email != "gone@x.org" || back.EmailVerified || len(h.identities(gone.ID)) != 0 {
			t.Errorf("the one who was gone is %+v", back)
		}
		h.update(func(tx *store.Tx) error {
			if kept, err := tx.User(keep.ID); err != nil || !kept.EmailVerified {
				t.Errorf("the kept one lost the address: %+v, %v", kept, err)
			}
			if consents, err := tx.Consents(gone.ID); err != nil || len(consents) != 0 {
				t.Errorf("a consent that was withdrawn came back: %+v, %v", consents, err)
			}
			e, err := tx.Email(gone.ID, "more@x.org")
			if !e.Verified {
				t.Errorf("an address that nobody has now: %+v, %v", e, err)
			}
			return err
		})
	})
}
