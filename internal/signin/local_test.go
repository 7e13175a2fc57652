package signin

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		if _, err := w.Password(t.Context(), here(), "olga", good); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("while nobody has a password: %v", err)
		}
		u := w.person("olga", "")
		l := here()
		l.ReturnTo = "/user/security"
		r, err := w.Password(t.Context(), l, "olga", good)
		first := w.enters(r, err, "password")
		if r.GoTo != "/user/security" || r.Decision.Rule != "password" || r.Decision.UserID != u.ID || r.Decision.Facts != nil || !r.User.LastSignInAt.Equal(w.Now()) {
			t.Errorf("%+v", r)
		}
		l.Request, l.UserID, l.SessionID = "handle", u.ID, first.ID
		r, err = w.Password(t.Context(), l, "olga", good)
		w.enters(r, err, "password")
		if r.GoTo != "/oauth/authorize?request=handle" || w.sessions() != 1 {
			t.Errorf("S1: goes to %s, %d sessions", r.GoTo, w.sessions())
		}
		_, err = w.Password(t.Context(), here(), "olga", "wrong")
		w.no(err, "password_wrong", gatehouse.Invalid)
		_, err = w.Password(t.Context(), here(), "nobody", "wrong")
		w.no(err, "password_wrong", gatehouse.Invalid)
		for range 5 {
			_, err = w.Password(t.Context(), here(), "olga", "wrong")
		}
		w.no(err, "guessing_paused", gatehouse.Limited)
		w.Local.Rules.Off = true
		if _, err := w.Password(t.Context(), here(), "olga", good); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("switched off: %v", err)
		}
	})
}

// TestT13ShutOut: whoever is blocked does not come in by a right password or
// passkey either, and learns it only then.
func TestT13ShutOut(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		u := w.person("olga", gatehouse.RoleAuditor)
		d := w.passkey(u)
		for state, sentence := range map[gatehouse.UserState]string{
			gatehouse.UserBlocked: "cannot sign in", gatehouse.UserLeft: "cannot sign in", gatehouse.UserPending: "waits for approval",
		} {
			w.update(func(tx *store.Tx) error {
				now, err := tx.User(u.ID)
				now.State = state
				return errors.Join(err, tx.SaveUser(&now))
			})
			_, err := w.Password(t.Context(), here(), "olga", good)
			w.no(err, "password_refused", gatehouse.Forbidden)
			if !strings.Contains(err.Error(), sentence) {
				t.Errorf("%s: %v", state, err)
			}
			options, err := w.BeginPasskey(t.Context(), browser, "")
			_, err = w.Passkey(t.Context(), here(), "", w.touch(d, options, err))
			w.no(err, "passkey_refused", gatehouse.Forbidden)
			if _, err := w.Password(t.Context(), here(), "olga", "wrong"); !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("%s, with a wrong one: %v", state, err)
			}
			w.pass(25 * time.Hour)
		}
	})
}

func TestPasskey(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		u := w.person("olga", gatehouse.RoleSuperAdministrator)
		w.app(u) // a passkey is enough all the same
		d := w.passkey(u)
		options, err := w.BeginPasskey(t.Context(), browser, "")
		given := w.touch(d, options, err)
		r, err := w.Passkey(t.Context(), here(), "", given)
		w.enters(r, err, "passkey")
		if r.Decision.Rule != "passkey" || r.GoTo != "/user" {
			t.Errorf("%+v", r)
		}
		_, err = w.Passkey(t.Context(), here(), "", given)
		w.no(err, "passkey_refused", gatehouse.Expired)
		_, err = w.Passkey(t.Context(), here(), "", "nonsense")
		w.no(err, "passkey_wrong", gatehouse.Invalid)
	})
}

// TestH8PasskeyOfAPersonOfAProvider signs nobody in unless the setting says so.
func TestH8PasskeyOfAPersonOfAProvider(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		w.person("olga", gatehouse.RoleAuditor) // so that the page offers it
		r := w.finish(answer(w.begin(Start{}), "alice"))
		d := w.passkey(r.User)
		options, err := w.BeginPasskey(t.Context(), browser, "")
		_, err = w.Passkey(t.Context(), here(), "", w.touch(d, options, err))
		w.no(err, "passkey_refused", gatehouse.Forbidden)
		w.Local.Rules.PasskeysForAll = true
		options, err = w.BeginPasskey(t.Context(), browser, "")
		in, err := w.Passkey(t.Context(), here(), "", w.touch(d, options, err))
		w.enters(in, err, "passkey")
	})
}
