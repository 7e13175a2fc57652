package users

import (
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestSetRole(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	u := &Users{Store: s, Admins: []string{"Named@corp.example"}}
	with := func(name string, state gatehouse.UserState, role gatehouse.AdminRole) gatehouse.User {
		return saved(t, s, gatehouse.User{Username: name, Name: name, Email: name + "@corp.example", EmailVerified: true, State: state, Role: role})
	}
	const super, connector, auditor, none = gatehouse.RoleSuperAdministrator, gatehouse.RoleConnectorAdministrator, gatehouse.RoleAuditor, gatehouse.RoleNone
	boss := with("boss", "active", super)
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: boss.ID, Name: "boss"}
	set := func(by gatehouse.Actor, who gatehouse.User, role gatehouse.AdminRole) error {
		return s.Update(t.Context(), func(tx *store.Tx) error { return u.SetRole(tx, by, who.ID, role) })
	}
	if err := set(operator, boss, none); gatehouse.KindOf(err) != gatehouse.Conflict {
		t.Errorf("the only administrator lost the role: %v", err)
	}
	for name, c := range map[string]struct {
		by   gatehouse.Actor
		who  gatehouse.User
		role gatehouse.AdminRole
		want gatehouse.ErrorKind
	}{
		"given":                       {by, with("a", "active", none), auditor, ""},
		"raised":                      {by, with("b", "active", auditor), super, ""},
		"taken":                       {by, with("c", "active", connector), none, ""},
		"the same again":              {by, with("d", "active", connector), connector, ""},
		"one of several":              {by, with("e", "active", super), none, ""},
		"one's own":                   {by, boss, auditor, gatehouse.Forbidden},
		"unknown":                     {by, with("f", "active", none), "owner", gatehouse.Invalid},
		"to who waits":                {by, with("g", "pending", none), auditor, gatehouse.Conflict},
		"from who is blocked":         {by, with("h", "blocked", super), none, ""},
		"from who the file names":     {by, with("named", "active", super), none, gatehouse.Conflict},
		"of somebody who is not here": {by, gatehouse.User{ID: store.NewID()}, auditor, gatehouse.NotFound},
	} {
		if err := set(c.by, c.who, c.role); gatehouse.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
			continue
		}
		h := &house{u, t, gatehouse.Connection{}}
		if c.want == "" && h.stored(c.who.ID).Role != c.role {
			t.Errorf("%s: the role is %q", name, h.stored(c.who.ID).Role)
		}
		if n := len(h.actions(c.who.ID)); (n == 1) != (c.want == "" && c.who.Role != c.role) {
			t.Errorf("%s: %d audit events", name, n)
		}
	}
}

func TestRemoveIdentity(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, "gitlab", creating)
		u, _ := h.come(person("1", "ann", "", ""), "")
		other, _ := h.come(person("2", "bob", "", ""), "")
		i := h.identities(u.ID)[0]
		here, there := []byte("0123456789abcdef0123456789abcdef"), []byte("fedcba9876543210fedcba9876543210")
		h.update(func(tx *store.Tx) error {
			later := tx.Now().Add(time.Hour)
			if err := tx.SaveSession(&gatehouse.Session{TokenHash: here, UserID: u.ID, ConnectionID: h.c.ID, ExpiresAt: later}); err != nil {
				return err
			}
			return tx.SaveSession(&gatehouse.Session{TokenHash: there, UserID: u.ID, ConnectionID: "another", ExpiresAt: later})
		})
		remove := func(by gatehouse.Actor, user, identity string) error {
			return s.Update(t.Context(), func(tx *store.Tx) error { return h.RemoveIdentity(tx, by, user, identity) })
		}
		if err := remove(operator, other.ID, i.ID); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("the identity of somebody else: %v", err)
		}
		if err := remove(gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID}, u.ID, i.ID); gatehouse.KindOf(err) != gatehouse.Forbidden {
			t.Errorf("one's own: %v", err)
		}
		if err := remove(operator, u.ID, i.ID); err != nil || len(h.identities(u.ID)) != 0 {
			t.Fatalf("%v, left: %+v", err, h.identities(u.ID))
		}
		h.update(func(tx *store.Tx) error {
			if _, _, err := tx.SessionByToken(here); gatehouse.KindOf(err) != gatehouse.NotFound {
				t.Errorf("the session that came of it lives: %v", err)
			}
			_, _, err := tx.SessionByToken(there)
			return err
		})
	})
}
