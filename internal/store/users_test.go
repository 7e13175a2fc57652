package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestSaveUser(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		var u gatehouse.User
		update(t, s, func(tx *store.Tx) error {
			u = gatehouse.User{
				Username: "Zhang.San", Name: "张三", Email: "Zhang@Example.com", EmailVerified: true, Avatar: "https://a/b",
				Locale: "zh-CN", JobTitle: "工程师", Organization: "Forge", Location: "Ulm", State: gatehouse.UserActive, Role: gatehouse.RoleAuditor, External: true, Provenance: "d1",
				LastSignInAt: noon.Add(-time.Hour),
			}
			return tx.SaveUser(&u)
		})
		if u.ID == "" || u.Number != gatehouse.FirstUserNumber || !u.CreatedAt.Equal(noon) || u.Email != "zhang@example.com" {
			t.Errorf("not filled in: %+v", u)
		}
		found := func() {
			t.Helper()
			view(t, s, func(tx *store.Tx) error {
				for name, find := range map[string]func() (gatehouse.User, error){
					"id":       func() (gatehouse.User, error) { return tx.User(u.ID) },
					"number":   func() (gatehouse.User, error) { return tx.UserByNumber(u.Number) },
					"username": func() (gatehouse.User, error) { return tx.UserByUsername(strings.ToUpper(u.Username)) },
					"email": func() (gatehouse.User, error) {
						found, err := tx.UsersByEmail(strings.ToUpper(u.Email))
						return append(found, gatehouse.User{})[0], err
					},
				} {
					got, err := find()
					if err != nil {
						t.Errorf("by %s: %v", name, err)
					}
					same(t, got, u)
				}
				return nil
			})
		}
		found()
		update(t, s, func(tx *store.Tx) error {
			u.Username, u.Name, u.Email, u.EmailVerified, u.State, u.Role, u.External = "li", "Li", "l@x.org", false, gatehouse.UserBlocked, "", false
			u.LastSignInAt = time.Time{}
			u.JobTitle, u.Organization, u.Location = "Smith", "", "Bonn"
			changed := u
			changed.Number, changed.CreatedAt = 5, noon.Add(time.Hour) // which never change
			return tx.SaveUser(&changed)
		})
		found()
	})
}

func TestSaveUserRefuses(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		newUser(t, s, "ann")
		update(t, s, func(tx *store.Tx) error {
			verified := gatehouse.User{Username: "bob", Email: "bob@example.com", EmailVerified: true}
			is(t, tx.SaveUser(&verified), "")
			for name, c := range map[string]struct {
				user gatehouse.User
				want gatehouse.ErrorKind
			}{
				"username in other case":           {gatehouse.User{Username: "ANN"}, gatehouse.Conflict},
				"verified address in other case":   {gatehouse.User{Username: "x", Email: "Bob@Example.com", EmailVerified: true}, gatehouse.Conflict},
				"no username":                      {gatehouse.User{}, gatehouse.Invalid},
				"endless username":                 {gatehouse.User{Username: strings.Repeat("x", 5000)}, gatehouse.Invalid},
				"NUL":                              {gatehouse.User{Username: "nul", Name: "a\x00b"}, gatehouse.Invalid},
				"broken UTF-8":                     {gatehouse.User{Username: "utf", Name: "a\xff"}, gatehouse.Invalid},
				"unknown id":                       {gatehouse.User{ID: "nobody", Username: "y"}, gatehouse.NotFound},
				"verified address, unverified":     {gatehouse.User{Username: "c", Email: "bob@example.com"}, ""},
				"unverified address of two others": {gatehouse.User{Username: "d", Email: "bob@example.com"}, ""},
				"unverified address of another":    {gatehouse.User{Username: "e", Email: "ann@example.com", EmailVerified: true}, ""},
				"no address, verified":             {gatehouse.User{Username: "f", EmailVerified: true}, ""},
				"no address again, verified":       {gatehouse.User{Username: "g", EmailVerified: true}, ""},
			} {
				id := c.user.ID
				err := tx.SaveUser(&c.user)
				if is(t, err, c.want); t.Failed() {
					t.Fatalf("%s: %v", name, err)
				}
				if err != nil && c.user.ID != id {
					t.Errorf("%s: an id was filled in", name)
				}
			}
			verified.Name = "Bob" // keeps what it has
			is(t, tx.SaveUser(&verified), "")
			return nil
		})
		view(t, s, func(tx *store.Tx) error {
			found, err := tx.UsersByEmail("bob@example.com")
			if len(found) != 3 || found[0].Username != "bob" {
				t.Errorf("the one who has it verified is not the first of %+v", found)
			}
			none, err2 := tx.UsersByEmail("")
			if len(none) != 0 {
				t.Errorf("nobody's address found %+v", none)
			}
			is(t, err2, "")
			return err
		})
	})
}

func TestNumbersAreNeverUsedTwice(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		first := newUser(t, s, "a")
		is(t, s.Update(t.Context(), func(tx *store.Tx) error {
			if err := tx.SaveUser(&gatehouse.User{Username: "undone"}); err != nil {
				return err
			}
			return gatehouse.Forbidden
		}), gatehouse.Forbidden)
		second := newUser(t, s, "b")
		if first.Number != gatehouse.FirstUserNumber || second.Number <= first.Number {
			t.Errorf("the numbers are %d and %d", first.Number, second.Number)
		}
	})
}

func TestUsers(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		for i, name := range []string{"a%1", "b_2", "c", "d", "e"} {
			update(t, s, func(tx *store.Tx) error {
				u := gatehouse.User{Username: name, Name: "Ärger " + strings.ToUpper(name), Email: name + "@example.com", State: gatehouse.UserActive}
				if i >= 3 {
					u.State, u.Role = gatehouse.UserPending, gatehouse.RoleSuperAdministrator
				}
				return tx.SaveUser(&u)
			})
		}
		view(t, s, func(tx *store.Tx) error {
			for f, want := range map[store.UserFilter]string{
				{}:                               "e d c b_2 a%1",
				{Search: "äRGER C"}:              "c",
				{Search: "D@EXAMPLE"}:            "d",
				{Search: "%"}:                    "a%1",
				{Search: "_"}:                    "b_2",
				{Search: `\`}:                    "",
				{State: gatehouse.UserPending}:   "e d",
				{Role: gatehouse.RoleAuditor}:    "",
				{State: "pending", Search: "e@"}: "e",
				{Role: gatehouse.RoleSuperAdministrator, State: gatehouse.UserActive}: "",
			} {
				got := pages(t, func(c store.Cursor) (store.Page[gatehouse.User], error) { return tx.Users(f, c) },
					func(u gatehouse.User) string { return u.Username })
				if strings.Join(got, " ") != want {
					t.Errorf("%+v finds %v, want %s", f, got, want)
				}
			}
			counts, err := tx.CountUsers()
			same(t, counts, map[gatehouse.UserState]int64{gatehouse.UserActive: 3, gatehouse.UserPending: 2})
			if any, err := tx.AnyAdministrator(); any || err != nil {
				t.Errorf("a pending administrator counts: %v, %v", any, err)
			}
			taken, err2 := tx.UsernamesTaken([]string{"C", "x", "d"})
			same(t, taken, map[string]bool{"C": true, "d": true})
			is(t, err2, "")
			none, err3 := tx.UsernamesTaken(nil)
			same(t, none, map[string]bool{})
			is(t, err3, "")
			return err
		})
		update(t, s, func(tx *store.Tx) error {
			u, err := tx.UserByUsername("d")
			is(t, err, "")
			u.State = gatehouse.UserActive
			is(t, tx.SaveUser(&u), "")
			if any, err := tx.AnyAdministrator(); !any || err != nil {
				t.Errorf("no administrator: %v, %v", any, err)
			}
			return nil
		})
	})
}

func TestCursor(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		for i := range 60 {
			newUser(t, s, fmt.Sprintf("u%02d", i))
		}
		view(t, s, func(tx *store.Tx) error {
			for _, after := range []string{"x", "%%%", "e30", "WyJhIiwiYiJd", strings.Repeat("a", 1<<20)} {
				_, err := tx.Users(store.UserFilter{}, store.Cursor{After: after})
				is(t, err, gatehouse.Invalid)
				_, err = tx.UnmatchedAccounts("c", store.Cursor{After: after})
				is(t, err, gatehouse.Invalid)
			}
			_, err := tx.Accounts("c", store.AccountFilter{}, store.Cursor{After: "WyJhIl0"})
			is(t, err, gatehouse.Invalid)
			for limit, want := range map[int]int{0: 50, -1: 50, 7: 7, 1000: 60} {
				p, err := tx.Users(store.UserFilter{}, store.Cursor{Limit: limit})
				if len(p.Items) != want || err != nil || (p.Next == "") != (want == 60) {
					t.Errorf("limit %d gives %d rows, next %q, %v", limit, len(p.Items), p.Next, err)
				}
			}
			return nil
		})
	})
}

func TestSaveIdentity(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
		one, two := newConnection(t, s, "one"), newConnection(t, s, "two")
		var i gatehouse.Identity
		update(t, s, func(tx *store.Tx) error {
			i = gatehouse.Identity{
				UserID: ann.ID, ConnectionID: one.ID, Subject: "Union/Id", Aliases: map[string]string{"openid": "o1", "userid": ""},
				Profile: gatehouse.Profile{Name: "安\x00", Verified: gatehouse.Verified, Groups: []string{"a"}}, LastUsedAt: noon,
			}
			return tx.SaveIdentity(&i)
		})
		update(t, s, func(tx *store.Tx) error {
			got, err := tx.Identity(one.ID, "Union/Id")
			is(t, err, "")
			same(t, got, i)
			got, err = tx.IdentityByAlias(one.ID, "openid", "o1")
			is(t, err, "")
			same(t, got, i)
			for _, where := range [][3]string{{two.ID, "openid", "o1"}, {one.ID, "userid", "o1"}, {one.ID, "userid", ""}, {one.ID, "openid", "O1"}} {
				_, err = tx.IdentityByAlias(where[0], where[1], where[2])
				is(t, err, gatehouse.NotFound)
			}
			_, err = tx.Identity(one.ID, "union/id") // byte for byte
			is(t, err, gatehouse.NotFound)
			is(t, tx.SaveIdentity(&gatehouse.Identity{UserID: bob.ID, ConnectionID: one.ID, Subject: "Union/Id"}), gatehouse.Conflict)
			is(t, tx.SaveIdentity(&gatehouse.Identity{UserID: bob.ID, ConnectionID: one.ID, Subject: "x", Aliases: map[string]string{"openid": "o1"}}), gatehouse.Conflict)
			is(t, tx.SaveIdentity(&gatehouse.Identity{UserID: bob.ID, ConnectionID: one.ID}), gatehouse.Invalid)
			is(t, tx.SaveIdentity(&gatehouse.Identity{UserID: bob.ID, ConnectionID: one.ID, Subject: strings.Repeat("x", 5000)}), gatehouse.Invalid)
			is(t, tx.SaveIdentity(&gatehouse.Identity{ID: "none", UserID: bob.ID, ConnectionID: one.ID, Subject: "y"}), gatehouse.NotFound)
			other := gatehouse.Identity{UserID: ann.ID, ConnectionID: two.ID, Subject: "Union/Id", Aliases: map[string]string{"openid": "o1"}}
			is(t, tx.SaveIdentity(&other), "")
			i.Aliases, i.LastUsedAt = map[string]string{"openid": "o2", "userid": "u"}, noon.Add(time.Hour)
			is(t, tx.SaveIdentity(&i), "")
			_, err = tx.IdentityByAlias(one.ID, "openid", "o1")
			is(t, err, gatehouse.NotFound)
			got, err = tx.IdentityByAlias(one.ID, "userid", "u")
			same(t, got, i)
			is(t, err, "")
			list, err := tx.Identities(ann.ID)
			same(t, list, []gatehouse.Identity{i, other})
			is(t, err, "")
			is(t, tx.DeleteIdentity(i.ID), "")
			is(t, tx.DeleteIdentity(i.ID), gatehouse.NotFound)
			_, err = tx.IdentityByAlias(one.ID, "userid", "u")
			is(t, err, gatehouse.NotFound)
			return nil
		})
		is(t, s.Update(t.Context(), func(tx *store.Tx) error {
			return tx.SaveIdentity(&gatehouse.Identity{UserID: "nobody", ConnectionID: one.ID, Subject: "z"})
		}), gatehouse.Conflict)
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: "u1", Name: "Ann", Address: "192.0.2.1"}
		update(t, s, func(tx *store.Tx) error {
			for _, action := range []string{"user.created", "user.blocked", "user_x", "session.started"} {
				is(t, tx.Record(gatehouse.Event{Actor: ann, Action: action, Target: "user/1", Details: map[string]string{"k": "v"}}), "")
			}
			is(t, tx.Record(gatehouse.Event{Actor: gatehouse.Actor{Kind: gatehouse.ActorFile}, Action: "user.created", Target: "user/2"}), "")
			is(t, tx.Record(gatehouse.Event{Actor: ann}), gatehouse.Invalid)
			is(t, tx.Record(gatehouse.Event{Action: "a"}), gatehouse.Invalid)
			return nil
		})
		view(t, s, func(tx *store.Tx) error {
			for f, want := range map[store.EventFilter]string{
				{}:                                    "user.created session.started user_x user.blocked user.created",
				{Target: "user/1"}:                    "session.started user_x user.blocked user.created",
				{Action: "user."}:                     "user.created user.blocked user.created",
				{Action: "user_"}:                     "user_x",
				{Actor: "u1", Action: "user.created"}: "user.created",
				{Actor: "nobody"}:                     "",
			} {
				got := pages(t, func(c store.Cursor) (store.Page[gatehouse.Event], error) { return tx.Events(f, c) },
					func(e gatehouse.Event) string { return e.Action })
				if strings.Join(got, " ") != want {
					t.Errorf("%+v finds %v, want %s", f, got, want)
				}
			}
			p, err := tx.Events(store.EventFilter{Target: "user/1", Action: "session"}, store.Cursor{})
			if len(p.Items) == 1 {
				e := p.Items[0]
				if e.ID == "" {
					t.Error("an event has no id")
				}
				e.ID = ""
				same(t, e, gatehouse.Event{At: noon, Actor: ann, Action: "session.started", Target: "user/1", Details: map[string]string{"k": "v"}})
			}
			return err
		})
	})
}

func TestSetting(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		update(t, s, func(tx *store.Tx) error {
			for _, value := range []string{"", "one", "two"} {
				if value != "" {
					is(t, tx.SetSetting("k", value), "")
				}
				if got, err := tx.Setting("k"); got != value || err != nil {
					t.Errorf("got %q, %v, want %q", got, err, value)
				}
			}
			return nil
		})
	})
}

func TestNewIDGrows(t *testing.T) {
	t.Parallel()
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = store.NewID()
	}
	if !slices.IsSorted(ids) || len(slices.Compact(ids)) != 1000 {
		t.Error("ids do not grow")
	}
}
