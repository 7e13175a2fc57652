package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func newConnector(t *testing.T, s *store.Store, key string) (c gatehouse.Connector) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		c = gatehouse.Connector{Key: key, Name: key, Kind: "gitlab", Managed: gatehouse.ManagedByDashboard}
		return tx.SaveConnector(&c)
	})
	return c
}

// stage begins a pull and stages its parts, each in an update of its own.
func stage(t testing.TB, s *store.Store, connectorID string, parts ...store.Staged) (pullID string) {
	t.Helper()
	var p gatehouse.Pull
	if err := s.Update(t.Context(), func(tx *store.Tx) error {
		p = gatehouse.Pull{ConnectorID: connectorID}
		return tx.SavePull(&p)
	}); err != nil {
		t.Fatalf("save pull: %v", err)
	}
	for _, part := range parts {
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.Stage(p.ID, part) }); err != nil {
			t.Fatalf("stage: %v", err)
		}
	}
	return p.ID
}

// pull stages and finishes a whole pull, and says how many rows it wrote.
func pull(t testing.TB, s *store.Store, connectorID string, parts ...store.Staged) (written int64) {
	t.Helper()
	id := stage(t, s, connectorID, parts...)
	if err := s.Update(t.Context(), func(tx *store.Tx) (err error) {
		written, err = tx.FinishPull(connectorID, id)
		return err
	}); err != nil {
		t.Fatalf("finish pull: %v", err)
	}
	return written
}

func someApp() store.Staged {
	return store.Staged{
		Accounts: []gatehouse.Account{
			{
				ID: "1", Username: "ann", Name: "Ann Ärger", Email: "ann@example.com", EmailVerified: true, Type: gatehouse.AccountPerson,
				State: "active", Admin: true, TwoFactor: true, WebURL: "https://g/ann", Avatar: "https://g/a.png",
				Identities: []gatehouse.AccountIdentity{{Provider: "openid", Subject: "7"}},
				CreatedAt:  noon.Add(-time.Hour), LastSignInAt: noon, LastActiveAt: noon,
			},
			{ID: "2", Username: "bot", Name: "bot", Type: gatehouse.AccountTokenBot, State: "blocked", External: true},
			{ID: "3", Username: "zoe", Name: "abby", Type: gatehouse.AccountPerson, State: "active"},
		},
		Resources: []gatehouse.Resource{
			{ID: "group/1", Kind: gatehouse.ResourceGroup, Name: "Top", Path: "top", Visibility: "private", WebURL: "https://g/top", SyncedBy: "ldap"},
			{ID: "group/2", Kind: gatehouse.ResourceGroup, Parent: "group/1", Name: "Sub", Path: "top/sub"},
			{ID: "project/3", Kind: gatehouse.ResourceProject, Parent: "group/2", Name: "Deep", Path: "top/sub/deep", State: "archived"},
			{ID: "project/4", Kind: gatehouse.ResourceProject, OwnerID: "1", Name: "Own", Path: "ann/own"},
		},
		Grants: []gatehouse.Grant{
			{AccountID: "1", ResourceID: "group/1", Role: gatehouse.Role{Level: 50}, GrantedAt: noon, Source: "ldap"},
			{AccountID: "2", ResourceID: "project/3", Role: gatehouse.Role{Level: 31, Name: "Auditor+", Custom: "9"}, ExpiresAt: noon, State: "awaiting"},
		},
		Shares: []gatehouse.Share{
			{GroupID: "group/2", ResourceID: "group/1", Cap: gatehouse.Role{Level: 20}, ExpiresAt: noon.Add(time.Hour)},
		},
	}
}

func TestFinishPull(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		c, other := newConnector(t, s, "one"), newConnector(t, s, "two")
		first := someApp()
		if n := pull(t, s, c.ID, first); n != 10 {
			t.Errorf("the first pull wrote %d rows, want 10", n)
		}
		pull(t, s, other.ID, someApp())
		move(time.Hour)
		first.Accounts[0].LastActiveAt = noon.Add(time.Hour) // no news
		if n := pull(t, s, c.ID, first); n != 0 {
			t.Errorf("a pull without news wrote %d rows", n)
		}
		move(time.Hour)
		second := first
		second.Accounts = slices.Clone(first.Accounts)
		second.Accounts[0].State = "blocked"
		second.Grants = first.Grants[1:]
		second.Shares = nil
		second.Resources = append(slices.Clone(first.Resources), gatehouse.Resource{ID: "group/9", Path: "new"})
		id := stage(t, s, c.ID, second)
		update(t, s, func(tx *store.Tx) error {
			vanished, err := tx.CountVanished(c.ID, id)
			is(t, err, "")
			same(t, vanished, store.Counts{Grants: 1, Shares: 1})
			staged, err := tx.CountStaged(id)
			is(t, err, "")
			same(t, staged, store.Counts{Accounts: 3, Resources: 5, Grants: 1})
			_, err = tx.FinishPull(other.ID, id)
			is(t, err, gatehouse.NotFound)
			n, err := tx.FinishPull(c.ID, id)
			is(t, err, "")
			if n != 2+1+1+1 { // a new version for an old one, a resource, a grant, a share
				t.Errorf("%d rows were written", n)
			}
			staged, err = tx.CountStaged(id)
			is(t, err, "")
			same(t, staged, store.Counts{})
			current, err := tx.CountCurrent(c.ID)
			is(t, err, "")
			same(t, current, store.Counts{Accounts: 3, Resources: 5, Grants: 1})
			current, err = tx.CountCurrent(other.ID)
			is(t, err, "")
			same(t, current, store.Counts{Accounts: 3, Resources: 4, Grants: 2, Shares: 1})
			got, err := tx.Account(c.ID, "1")
			is(t, err, "")
			want := second.Accounts[0]
			want.ConnectorID, want.Since = c.ID, noon.Add(2*time.Hour)
			same(t, got, want)
			got, err = tx.Account(c.ID, "2") // which did not change
			if !got.Since.Equal(noon) {
				t.Errorf("it is so since %v", got.Since)
			}
			return err
		})
	})
}

func TestFinishPullOfNothingEndsEverything(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		c := newConnector(t, s, "one")
		pull(t, s, c.ID, someApp())
		if n := pull(t, s, c.ID); n != 10 {
			t.Errorf("%d rows were written", n)
		}
		if n := pull(t, s, c.ID, someApp()); n != 10 { // and they may come back
			t.Errorf("%d rows were written", n)
		}
	})
}

func TestStage(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		c := newConnector(t, s, "one")
		name := func(n string) store.Staged {
			return store.Staged{Accounts: []gatehouse.Account{{ID: "1", Name: "not this"}, {ID: "1", Name: n}}}
		}
		dropped := stage(t, s, c.ID, someApp())
		pull(t, s, c.ID, name("earlier"), name("la\x00ter\xff"))
		update(t, s, func(tx *store.Tx) error {
			a, err := tx.Account(c.ID, "1")
			if is(t, err, ""); a.Name != "later\uFFFD" {
				t.Errorf("the name is %q", a.Name)
			}
			is(t, tx.Stage(dropped, store.Staged{Accounts: []gatehouse.Account{{}}}), gatehouse.Upstream)
			is(t, tx.Stage(dropped, store.Staged{Grants: []gatehouse.Grant{{AccountID: strings.Repeat("1", 5000), ResourceID: "x"}}}), gatehouse.Upstream)
			is(t, tx.DropStaged(dropped), "")
			n, err := tx.CountStaged(dropped)
			same(t, n, store.Counts{})
			return err
		})
	})
}

func TestPulls(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		c := newConnector(t, s, "one")
		stage(t, s, newConnector(t, s, "two").ID)
		first := stage(t, s, c.ID)
		move(time.Minute)
		second := stage(t, s, c.ID)
		update(t, s, func(tx *store.Tx) error {
			p, err := tx.LastPull(c.ID)
			is(t, err, "")
			same(t, p, gatehouse.Pull{ID: second, ConnectorID: c.ID, State: gatehouse.PullRunning, StartedAt: noon.Add(time.Minute)})
			p.State, p.Checkpoint, p.Progress = gatehouse.PullHeld, "page 7", gatehouse.Progress{Accounts: 7, Step: "accounts"}
			p.Error, p.Notes, p.Written, p.EndedAt = gatehouse.Notef("%d of %s", 7, "all"), []gatehouse.Note{gatehouse.Notef("%s", "it"), {Text: "100%"}}, 9, noon.Add(time.Hour)
			is(t, tx.SavePull(&p), "")
			got, err := tx.Pull(second)
			is(t, err, "")
			same(t, got, p)
			ids := pages(t, func(cursor store.Cursor) (store.Page[gatehouse.Pull], error) { return tx.Pulls(c.ID, cursor) },
				func(p gatehouse.Pull) string { return p.ID })
			same(t, ids, []string{second, first})
			_, err = tx.LastPull("none")
			is(t, err, gatehouse.NotFound)
			is(t, tx.SavePull(&gatehouse.Pull{ID: "none"}), gatehouse.NotFound)
			return nil
		})
	})
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		c, u := newConnector(t, s, "one"), newUser(t, s, "ann")
		pull(t, s, c.ID, someApp())
		pull(t, s, newConnector(t, s, "two").ID, someApp())
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.MatchAccount(c.ID, "1", u.ID, "manual"), "")
			return tx.MatchAccount(c.ID, "1", u.ID, "email")
		})
		view(t, s, func(tx *store.Tx) error {
			for f, want := range map[store.AccountFilter]string{
				{}:                               "3 1 2", // by name without regard to case: abby, Ann, bot
				{Search: "ANN ä"}:                "1",
				{Search: "Zoe"}:                  "3",
				{Search: "%"}:                    "",
				{State: "blocked"}:               "2",
				{Type: gatehouse.AccountPerson}:  "3 1",
				{Orphaned: true}:                 "3 2",
				{UserID: u.ID}:                   "1",
				{UserID: u.ID, State: "blocked"}: "",
				{Orphaned: true, Search: "BOT", State: "blocked"}: "2",
			} {
				got := pages(t, func(cursor store.Cursor) (store.Page[gatehouse.Account], error) { return tx.Accounts(c.ID, f, cursor) },
					func(a gatehouse.Account) string { return a.ID })
				if strings.Join(got, " ") != want {
					t.Errorf("%+v finds %v, want %s", f, got, want)
				}
			}
			unmatched := pages(t, func(cursor store.Cursor) (store.Page[gatehouse.Account], error) {
				return tx.UnmatchedAccounts(c.ID, cursor)
			},
				func(a gatehouse.Account) string { return a.ID })
			same(t, unmatched, []string{"2", "3"})
			mine, err := tx.AccountsOf(u.ID)
			is(t, err, "")
			if len(mine) != 1 || mine[0].ID != "1" || mine[0].Match != "email" || mine[0].UserID != u.ID || mine[0].ConnectorID != c.ID {
				t.Errorf("the user's accounts are %+v", mine)
			}
			some, err := tx.AccountsByID(c.ID, []string{"1", "none", "3"})
			is(t, err, "")
			if len(some) != 2 {
				t.Errorf("found %+v", some)
			}
			_, err = tx.Account(c.ID, "none")
			is(t, err, gatehouse.NotFound)
			return nil
		})
		pull(t, s, c.ID) // all vanish …
		pull(t, s, c.ID, someApp())
		update(t, s, func(tx *store.Tx) error {
			a, err := tx.Account(c.ID, "1") // … and the match is kept
			if is(t, err, ""); a.UserID != u.ID {
				t.Error("the match was lost")
			}
			is(t, tx.MatchAccount(c.ID, "1", "", ""), "")
			a, err = tx.Account(c.ID, "1")
			if a.UserID != "" || a.Match != "" {
				t.Error("the match was not taken back")
			}
			return err
		})
	})
}

func ids(resources []gatehouse.Resource) string {
	words := make([]string, len(resources))
	for i, r := range resources {
		words[i] = string(r.ID)
	}
	return strings.Join(words, " ")
}

func TestResources(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		c := newConnector(t, s, "one")
		app := someApp()
		app.Resources = append(app.Resources, // a tree that bites its tail
			gatehouse.Resource{ID: "group/8", Parent: "group/9", Path: "x"}, gatehouse.Resource{ID: "group/9", Parent: "group/8", Path: "y"})
		pull(t, s, c.ID, app)
		pull(t, s, newConnector(t, s, "two").ID, app)
		view(t, s, func(tx *store.Tx) error {
			for f, want := range map[store.ResourceFilter]string{
				{}:                                "project/4 group/1 group/2 project/3 group/8 group/9",
				{Search: "TOP/s"}:                 "group/2 project/3",
				{Kind: gatehouse.ResourceProject}: "project/4 project/3",
				{Parent: "group/1"}:               "group/2",
			} {
				got := pages(t, func(cursor store.Cursor) (store.Page[gatehouse.Resource], error) {
					return tx.Resources(c.ID, f, cursor)
				},
					func(r gatehouse.Resource) string { return string(r.ID) })
				if strings.Join(got, " ") != want {
					t.Errorf("%+v finds %v, want %s", f, got, want)
				}
			}
			r, err := tx.Resource(c.ID, "project/3")
			want := app.Resources[2]
			want.ConnectorID, want.Since = c.ID, noon
			same(t, r, want)
			is(t, err, "")
			_, err = tx.Resource(c.ID, "none")
			is(t, err, gatehouse.NotFound)
			for id, want := range map[gatehouse.ResourceID]string{
				"project/3": "project/3 group/2 group/1", "group/1": "group/1", "group/8": "group/8 group/9",
			} {
				up, err := tx.Ancestors(c.ID, id)
				if is(t, err, ""); ids(up) != want {
					t.Errorf("above %s are %s, want %s", id, ids(up), want)
				}
			}
			_, err = tx.Ancestors(c.ID, "none")
			is(t, err, gatehouse.NotFound)
			for want, from := range map[string][]gatehouse.ResourceID{
				"group/1 group/2 project/3": {"group/1", "group/2"}, "project/4 group/2 project/3": {"group/2", "project/4", "none"},
				"group/8 group/9": {"group/9"}, "": nil,
			} {
				down, err := tx.Descendants(c.ID, from)
				if is(t, err, ""); ids(down) != want {
					t.Errorf("below %v are %s, want %s", from, ids(down), want)
				}
			}
			own, err := tx.OwnedBy(c.ID, "1")
			if ids(own) != "project/4" {
				t.Errorf("owned: %s", ids(own))
			}
			return err
		})
	})
}

func TestGrantsAndShares(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		c := newConnector(t, s, "one")
		app := someApp()
		pull(t, s, c.ID, app)
		pull(t, s, newConnector(t, s, "two").ID, app)
		for i := range app.Grants {
			app.Grants[i].ConnectorID, app.Grants[i].Since = c.ID, noon
		}
		app.Shares[0].ConnectorID, app.Shares[0].Since = c.ID, noon
		view(t, s, func(tx *store.Tx) error {
			on, err := tx.GrantsOn(c.ID, []gatehouse.ResourceID{"project/3", "group/1", "none"})
			is(t, err, "")
			same(t, on, app.Grants)
			of, err := tx.GrantsOf(c.ID, "2")
			is(t, err, "")
			same(t, of, app.Grants[1:])
			sharesOn, err := tx.SharesOn(c.ID, []gatehouse.ResourceID{"group/1"})
			is(t, err, "")
			same(t, sharesOn, app.Shares)
			sharesOf, err := tx.SharesOf(c.ID, []gatehouse.ResourceID{"group/2"})
			is(t, err, "")
			same(t, sharesOf, app.Shares)
			none, err := tx.SharesOf(c.ID, nil)
			is(t, err, "")
			if len(none) != 0 {
				t.Errorf("found %+v", none)
			}
			return nil
		})
	})
}
