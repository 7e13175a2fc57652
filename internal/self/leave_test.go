package self

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// connect gives ann an identity of a connection.
func (h *house) connect(c *gatehouse.Connection, subject string) (i gatehouse.Identity) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		if err := tx.SaveConnection(c); err != nil {
			return err
		}
		i = gatehouse.Identity{UserID: h.ann.ID, ConnectionID: c.ID, Subject: subject}
		return tx.SaveIdentity(&i)
	})
	return i
}

// TestNeverTheLastWayIn: an identity can be removed only while another one, or a
// password or passkey, still lets its user in.
func TestNeverTheLastWayIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		first := h.connect(&h.gitlab, "1")
		remove := func(want gatehouse.ErrorKind, id string) {
			t.Helper()
			h.try(want, func(tx *store.Tx) error { return h.RemoveIdentity(tx, by(h.ann), h.ann.ID, id, "") })
		}
		remove(gatehouse.Conflict, first.ID)
		linkOnly := h.connect(&gatehouse.Connection{Name: "a", Enabled: true, Rules: gatehouse.ConnectionRules{LinkOnly: true}}, "1")
		disabled := h.connect(&gatehouse.Connection{Name: "b"}, "1")
		remove(gatehouse.Conflict, first.ID) // neither of these lets anybody in
		remove("", linkOnly.ID)
		remove("", disabled.ID)
		remove(gatehouse.NotFound, disabled.ID)
		h.local[h.ann.ID] = true
		remove("", first.ID)
		h.local[h.ann.ID] = false
		second := h.connect(&h.gitlab, "2")
		other := h.connect(&gatehouse.Connection{Name: "c", Enabled: true}, "1")
		remove("", second.ID)
		remove(gatehouse.Conflict, other.ID)
		if !slices.Contains(h.forgot, first.ID) || len(h.forgot) != 4 {
			t.Errorf("tokens were forgotten of %v", h.forgot)
		}
		if got := h.actions(h.ann.ID); got != strings.TrimSpace(strings.Repeat("identity.removed ", 4)) {
			t.Errorf("audit log: %s", got)
		}
		if m := h.mails("ann@example.com"); len(m) != 4 || !strings.Contains(m[3].Body[0].Sentence(), "GitLab") {
			t.Errorf("told: %+v", m)
		}
		h.try(gatehouse.NotFound, func(tx *store.Tx) error { return h.RemoveIdentity(tx, by(h.bob), h.bob.ID, other.ID, "") })
	})
}

func TestSessionsOfARemovedIdentityEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		i := h.connect(&h.gitlab, "1")
		h.local[h.ann.ID] = true
		ids := map[string]string{}
		h.update(func(tx *store.Tx) error {
			for name, connection := range map[string]string{"here": h.gitlab.ID, "stolen": h.gitlab.ID, "password": ""} {
				s := gatehouse.Session{TokenHash: []byte(name), UserID: h.ann.ID, ConnectionID: connection, ExpiresAt: noon.Add(time.Hour)}
				if err := tx.SaveSession(&s); err != nil {
					return err
				}
				ids[s.ID] = name
			}
			return nil
		})
		here := ""
		for id, name := range ids {
			if name == "here" {
				here = id
			}
		}
		h.try("", func(tx *store.Tx) error { return h.RemoveIdentity(tx, by(h.ann), h.ann.ID, i.ID, here) })
		var left []string
		h.update(func(tx *store.Tx) error {
			all, err := tx.Sessions(h.ann.ID)
			left = nil
			for _, s := range all {
				left = append(left, ids[s.ID])
			}
			return err
		})
		if slices.Sort(left); !slices.Equal(left, []string{"here", "password"}) {
			t.Errorf("left are the sessions %v", left)
		}
	})
}

// TestLeave: after it nothing of the account can be used, little is known of the
// person, nobody gets the name, and what was done stays in the audit log.
func TestLeave(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		i := h.connect(&h.gitlab, "1")
		h.add(h.ann, "more@example.com", "")
		token := h.token("more@example.com")
		h.update(func(tx *store.Tx) error {
			return errors.Join(
				tx.SaveSession(&gatehouse.Session{TokenHash: []byte("s"), UserID: h.ann.ID, ExpiresAt: noon.Add(time.Hour)}),
				tx.SaveTokens(&gatehouse.Token{Hash: []byte("t"), Kind: gatehouse.AccessToken, Grant: gatehouse.Grantable{ClientID: "c", UserID: h.ann.ID}, ExpiresAt: noon.Add(time.Hour)}),
				tx.SaveConsent(store.Consent{UserID: h.ann.ID, ClientID: "c", At: noon}),
			)
		})
		leave := func() error {
			return h.store.Update(t.Context(), func(tx *store.Tx) error { return h.Leave(tx, by(h.ann), h.ann.ID) })
		}
		if err := leave(); err != nil {
			t.Fatal(err)
		}
		u := h.user(h.ann.ID)
		if u.State != gatehouse.UserLeft || u.Email != "" || u.EmailVerified || u.Name != "ann" || u.Avatar != "" || u.JobTitle+u.Organization+u.Location != "" || u.Locale != "" || u.Username != "ann" || u.Number != h.ann.Number {
			t.Errorf("left is %+v", u)
		}
		h.update(func(tx *store.Tx) error {
			sessions, err1 := tx.Sessions(h.ann.ID)
			consents, err2 := tx.Consents(h.ann.ID)
			identities, err3 := tx.Identities(h.ann.ID)
			_, _, err4 := tx.LiveToken([]byte("t"))
			if len(sessions)+len(consents)+len(identities)+len(h.emails2(tx)) != 0 || !errors.Is(err4, gatehouse.NotFound) {
				t.Errorf("left over: %v %v %v %v", sessions, consents, identities, err4)
			}
			return errors.Join(err1, err2, err3)
		})
		if !slices.Equal(h.forgot, []string{i.ID}) || !slices.Equal(h.ended, []string{h.ann.ID}) {
			t.Errorf("forgot %v, ended %v", h.forgot, h.ended)
		}
		if m := h.mails("ann@example.com"); len(m) != 1 || m[0].Locale != "zh-CN" || !strings.Contains(m[0].Body[0].Sentence(), "@ann") {
			t.Errorf("told: %+v", m)
		}
		if got := h.actions(h.ann.ID); !strings.HasSuffix(got, " user.left") {
			t.Errorf("audit log: %s", got)
		}
		h.verify(h.ann, token, gatehouse.Expired)
		h.add(h.ann, "back@example.com", gatehouse.Conflict)
		if err := leave(); err != nil {
			t.Errorf("again: %v", err)
		}
		h.try(gatehouse.Conflict, func(tx *store.Tx) error {
			return h.SaveProfile(tx, by(h.bob), h.bob.ID, Profile{Name: "Bob", Username: "ann"})
		})
	})
}

func (h *house) emails2(tx *store.Tx) []gatehouse.Email {
	all, err := tx.Emails(h.ann.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		leave := func(want gatehouse.ErrorKind) {
			t.Helper()
			h.try(want, func(tx *store.Tx) error { return h.Leave(tx, by(h.ann), h.ann.ID) })
		}
		h.update(func(tx *store.Tx) error {
			h.ann.Role = gatehouse.RoleSuperAdministrator
			return tx.SaveUser(&h.ann)
		})
		leave(gatehouse.Conflict)
		if len(h.mails("ann@example.com")) != 0 || h.user(h.ann.ID).State != gatehouse.UserActive {
			t.Error("something was done")
		}
		h.update(func(tx *store.Tx) error {
			h.bob.Role = gatehouse.RoleSuperAdministrator
			return tx.SaveUser(&h.bob)
		})
		leave("")
		if h.user(h.ann.ID).Role != gatehouse.RoleNone {
			t.Error("who left has a role")
		}
	})
}
