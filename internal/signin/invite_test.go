package signin

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestInvite(t *testing.T) {
	t.Parallel()
	w, c := one(t)
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: "root", Name: "root"}
	user := gatehouse.User{Username: "newbie", Name: "Newbie", Email: "newbie@x.org", State: gatehouse.UserActive}
	w.update(func(tx *store.Tx) error { return tx.SaveUser(&user) })
	invite := func() (token string, err error) {
		t.Helper()
		err = w.Store.Update(t.Context(), func(tx *store.Tx) error {
			address, err := w.Invite(tx, by, user.ID)
			_, token, _ = strings.Cut(address, "/sign-in/invite?token=")
			return err
		})
		return token, err
	}
	take := func(token string) error {
		_, err := w.TakeLink(t.Context(), PurposeInvite, token, here().Browser)
		return err
	}
	token, err := invite()
	if err != nil || len(token) != 43 {
		t.Fatalf("token %q, %v", token, err)
	}
	if _, err := w.TakeLink(t.Context(), PurposeDev, token, Browser{}); !errors.Is(err, gatehouse.Expired) {
		t.Errorf("for another purpose: %v", err)
	}
	r, err := w.TakeLink(t.Context(), PurposeInvite, token, here().Browser)
	if err != nil || r.User.ID != user.ID || r.GoTo != "/user" || r.Decision.Rule != "link_invite" {
		t.Fatalf("got %+v, %v", r, err)
	}
	if err := take(token); !errors.Is(err, gatehouse.Expired) {
		t.Errorf("the second time: %v", err)
	}
	old, err := invite() // the first session may have been lost before a way in was connected
	if err != nil {
		t.Fatal(err)
	}
	c.pass(inviteTime)
	if err := take(old); !errors.Is(err, gatehouse.Expired) {
		t.Errorf("after a week: %v", err)
	}
	late, err := invite()
	if err != nil {
		t.Fatal(err)
	}
	a := answer(w.begin(Start{Purpose: gatehouse.ForLink, UserID: user.ID}), "newbie")
	a.CurrentUserID = user.ID
	w.finish(a)
	if err := take(late); !errors.Is(err, gatehouse.Forbidden) {
		t.Errorf("into an account with a way in: %v", err)
	}
	if _, err := invite(); !errors.Is(err, gatehouse.Conflict) {
		t.Errorf("for an account with a way in: %v", err)
	}
	w.update(func(tx *store.Tx) error {
		page, err := tx.Events(store.EventFilter{Action: "user.invited"}, store.Cursor{})
		if len(page.Items) != 3 || page.Items[0].Actor.Name != "root" || strings.Contains(page.Items[2].Details["link"], token) {
			t.Errorf("audit log: %+v", page.Items)
		}
		return err
	})
}

// TestInviteIsOneAtATime: a link of before opens nothing once there is another.
func TestInviteIsOneAtATime(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		u := gatehouse.User{Username: "newbie", Name: "Newbie", State: gatehouse.UserActive}
		w.update(func(tx *store.Tx) error { return tx.SaveUser(&u) })
		first, second := w.invited(u), w.invited(u)
		if _, err := w.TakeLink(t.Context(), PurposeInvite, first, here().Browser); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("the one of before: %v", err)
		}
		r, err := w.TakeLink(t.Context(), PurposeInvite, second, here().Browser)
		w.enters(r, err, "link")
	})
}

// TestS7InviteAsksForTheApp: who was invited anew, since their provider is out of
// use, is asked for the authenticator app that guards the account.
func TestS7InviteAsksForTheApp(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		u := w.finish(answer(w.begin(Start{}), "alice")).User
		secret := w.app(u)
		off := gatehouse.Connection{Name: "one", Label: "The one"}
		w.change(off)
		before := w.sessions()
		r, err := w.TakeLink(t.Context(), PurposeInvite, w.invited(u), here().Browser)
		attempt := w.owes(r, err, "/sign-in/code")
		if w.sessions() != before {
			t.Error("a session was started")
		}
		_, err = w.Second(t.Context(), here().Browser, attempt, "000000")
		w.no(err, "code_wrong", gatehouse.Invalid)
		r, err = w.Second(t.Context(), here().Browser, attempt, w.code(secret))
		w.enters(r, err, "link")
		if r.GoTo != "/user" || r.Decision.Rule != "link_invite" || r.Decision.Facts["second_proof"] == "" {
			t.Errorf("%+v", r)
		}
		w.pass(time.Minute)
		r, err = w.TakeLink(t.Context(), PurposeInvite, w.invited(u), here().Browser)
		attempt = w.owes(r, err, "/sign-in/code")
		off.Enabled = true // there is a way in again, so the link is of no use any more
		w.change(off)
		if r, err := w.Second(t.Context(), here().Browser, attempt, w.code(secret)); !errors.Is(err, gatehouse.Expired) || r.SessionToken != "" {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// invited makes an invitation and gives its token.
func (w *local) invited(u gatehouse.User) (token string) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		address, err := w.Invite(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator}, u.ID)
		_, token, _ = strings.Cut(address, "/sign-in/invite?token=")
		return err
	})
	return token
}

func TestInviteByMail(t *testing.T) {
	t.Parallel()
	w, _ := one(t)
	w.URL = "https://id.example.com"
	for name, c := range map[string]struct {
		user gatehouse.User
		want gatehouse.ErrorKind
	}{
		"with an address": {gatehouse.User{Username: "a", Email: "a@x.org", State: gatehouse.UserActive}, ""},
		"without":         {gatehouse.User{Username: "b", State: gatehouse.UserActive}, gatehouse.Conflict},
		"who is blocked":  {gatehouse.User{Username: "c", Email: "c@x.org", State: gatehouse.UserBlocked}, gatehouse.Conflict},
	} {
		err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
			if err := tx.SaveUser(&c.user); err != nil {
				return err
			}
			return w.InviteByMail(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "op"}, c.user.ID)
		})
		if gatehouse.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	var args []byte
	w.update(func(tx *store.Tx) error {
		jobs, err := tx.Jobs("mail.send", "", store.Cursor{})
		if len(jobs.Items) != 1 {
			t.Fatalf("%d mails", len(jobs.Items))
		}
		args = jobs.Items[0].Args
		return err
	})
	if strings.Contains(string(args), "token=") {
		t.Errorf("the link stands open in the job: %s", args)
	}
}
