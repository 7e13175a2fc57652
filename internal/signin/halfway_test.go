package signin

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// TestS7FirstProofThatCountsNoMore: what the first proof was made with is taken
// away or changed while the second is waited for, and the sign-in ends.
func TestS7FirstProofThatCountsNoMore(t *testing.T) {
	t.Parallel()
	by := gatehouse.Actor{Kind: gatehouse.ActorOperator}
	for name, tt := range map[string]struct {
		provider bool
		meantime func(w *local, u gatehouse.User) error
	}{
		"ConnectionDisabled": {true, func(w *local, _ gatehouse.User) error {
			w.change(gatehouse.Connection{Name: "one", Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true}})
			return nil
		}},
		"IdentityRemoved": {true, func(w *local, u gatehouse.User) error {
			return w.Store.Update(context.Background(), func(tx *store.Tx) error {
				all, err := tx.Identities(u.ID)
				if err != nil {
					return err
				}
				return w.Users.RemoveIdentity(tx, by, u.ID, all[0].ID)
			})
		}},
		"PasswordChanged": {false, func(w *local, u gatehouse.User) error {
			w.pass(time.Second)
			hash, err := w.Local.NewPassword(context.Background(), u, "another horse, another staple")
			if err != nil {
				return err
			}
			return w.Store.Update(context.Background(), func(tx *store.Tx) error { return w.Local.SetPassword(tx, by, u.ID, hash, false) })
		}},
		"PasswordRemoved": {false, func(w *local, u gatehouse.User) error {
			return w.Store.Update(context.Background(), func(tx *store.Tx) error { return w.Local.RemovePassword(tx, by, u.ID) })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachLocal(t, func(t *testing.T, w *local) {
				var u gatehouse.User
				if tt.provider {
					u = w.finish(answer(w.begin(Start{}), "alice")).User
				} else {
					u = w.person("olga", gatehouse.RoleAuditor)
				}
				secret, before := w.app(u), w.sessions()
				r, err := w.Password(t.Context(), here(), "olga", good)
				if tt.provider {
					r, err = w.Finish(t.Context(), answer(w.begin(Start{}), "alice"))
				}
				attempt := w.owes(r, err, "/sign-in/code")
				if err := tt.meantime(w, u); err != nil {
					t.Fatal(err)
				}
				r, err = w.Second(t.Context(), here().Browser, attempt, w.code(secret))
				if !errors.Is(err, gatehouse.Expired) || r.SessionToken != "" || w.sessions() > before {
					t.Errorf("%+v, %v, %d sessions of %d before", r, err, w.sessions(), before)
				}
			})
		})
	}
}

// TestS7EnrolmentThatCameTooLate: a sign-in by the password alone, begun before
// its owner set up anything, puts no app in the place of what is there by now.
func TestS7EnrolmentThatCameTooLate(t *testing.T) {
	t.Parallel()
	for name, meantime := range map[string]func(w *local, u gatehouse.User){
		"AnApp":    func(w *local, u gatehouse.User) { w.app(u) },
		"APasskey": func(w *local, u gatehouse.User) { w.passkey(u) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachLocal(t, func(t *testing.T, w *local) {
				u := w.person("olga", gatehouse.RoleSuperAdministrator)
				r, err := w.Password(t.Context(), here(), "olga", good)
				attempt := w.owes(r, err, "/sign-in/enroll")
				page, err := w.EnrollPage(t.Context(), attempt, browser)
				if err != nil {
					t.Fatal(err)
				}
				meantime(w, u)
				w.update(func(tx *store.Tx) error { // the owner goes on to set up another one
					_, err := w.Local.BeginAuthenticator(tx, u)
					return err
				})
				if page, err := w.EnrollPage(t.Context(), attempt, browser); !errors.Is(err, gatehouse.Expired) || page.Setup != nil {
					t.Errorf("the page shows %+v, %v", page.Setup, err)
				}
				code := w.code(strings.ReplaceAll(page.Setup.Key, " ", ""))
				if r, err := w.Enroll(t.Context(), here().Browser, attempt, code); !errors.Is(err, gatehouse.Expired) || r.SessionToken != "" {
					t.Errorf("%+v, %v", r, err)
				}
			})
		})
	}
}

// TestS7EnrolmentShowsItsOwnSecret: of two who know the password, neither sees
// the secret that the other one is setting up.
func TestS7EnrolmentShowsItsOwnSecret(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		w.person("olga", gatehouse.RoleSuperAdministrator)
		r, err := w.Password(t.Context(), here(), "olga", good)
		first := w.owes(r, err, "/sign-in/enroll")
		elsewhere := here()
		elsewhere.Hash = another
		r, err = w.Password(t.Context(), elsewhere, "olga", good)
		second := w.owes(r, err, "/sign-in/enroll")
		if page, err := w.EnrollPage(t.Context(), first, browser); !errors.Is(err, gatehouse.Expired) || page.Setup != nil {
			t.Errorf("the first shows %+v, %v", page.Setup, err)
		}
		if page, err := w.EnrollPage(t.Context(), second, another); err != nil || page.Setup == nil {
			t.Errorf("the second shows nothing: %v", err)
		}
	})
}

// TestS12ConfirmByAnIdChosenElsewhere: somebody else's identity proves nothing,
// though their company gave them the same id as that of the person's.
func TestS12ConfirmByAnIdChosenElsewhere(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		w.fake.finish = func(_ context.Context, _ gatehouse.Attempt, v url.Values) (gatehouse.Vouched, error) {
			return gatehouse.Vouched{Subject: v.Get("code"), Aliases: map[string]string{"userid": "zhangsan", "openid": "o-" + v.Get("code")}}, nil
		}
		first := w.finish(answer(w.begin(Start{}), "alice"))
		l, _, _ := w.signedIn(first.User)
		a := answer(w.begin(Start{Purpose: gatehouse.ForConfirm, UserID: l.UserID, ReturnTo: l.ReturnTo}), "mallory")
		a.CurrentUserID, a.CurrentSessionID = l.UserID, l.SessionID
		r, err := w.Finish(t.Context(), a)
		w.no(err, "confirm_identity", gatehouse.Forbidden)
		if r.SessionToken != "" {
			t.Error("it was confirmed")
		}
	})
}

// TestS12ConfirmByAnOlderId: an identity that was made with an older id of the
// person is still theirs.
func TestS12ConfirmByAnOlderId(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		first := w.finish(answer(w.begin(Start{}), "alice"))
		l, s, token := w.signedIn(first.User)
		w.fake.finish = func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
			return gatehouse.Vouched{Subject: "union-alice", Aliases: map[string]string{"openid": "alice"}}, nil
		}
		a := answer(w.begin(Start{Purpose: gatehouse.ForConfirm, UserID: l.UserID, ReturnTo: l.ReturnTo}), "any")
		a.CurrentUserID, a.CurrentSessionID = l.UserID, l.SessionID
		r, err := w.Finish(t.Context(), a)
		w.confirmed(r, err, s, token)
	})
}
