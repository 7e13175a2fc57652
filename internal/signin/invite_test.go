package signin

import (
	"errors"
	"strings"
	"testing"

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
		_, err := w.TakeLink(t.Context(), PurposeInvite, token, "192.0.2.1", "Agent")
		return err
	}
	token, err := invite()
	if err != nil || len(token) != 43 {
		t.Fatalf("token %q, %v", token, err)
	}
	if _, err := w.TakeLink(t.Context(), PurposeDev, token, "", ""); !errors.Is(err, gatehouse.Expired) {
		t.Errorf("for another purpose: %v", err)
	}
	r, err := w.TakeLink(t.Context(), PurposeInvite, token, "192.0.2.1", "Agent")
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
