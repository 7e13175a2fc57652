package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

func TestApprovalsList(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.does("approvals list", "Nobody waits.") // li.na is pending without a request
	p.update(func(tx *store.Tx, _ *users.Users) error {
		u, err := tx.UserByUsername("li.na")
		return errors.Join(err, tx.SaveApproval(&gatehouse.Approval{UserID: u.ID, Message: "I am new\x1b[31m here"}))
	})
	p.does("approvals list", "1000000003", "li.na", "li.na@example.com", "I am new[31m here")
	if all := decoded[[]approvalJSON](p, "approvals list"); len(all) != 1 || all[0].Username != "li.na" || all[0].Verdict != "" {
		t.Errorf("%+v", all)
	}
	p.does("approvals list --verdict denied", "There are none.")
	p.does("users deny li.na --reason unknown")
	p.does("approvals list", "Nobody waits.")
	p.does("approvals list --verdict denied", "li.na", "denied", "unknown")
	if all := decoded[[]approvalJSON](p, "approvals list --verdict any"); len(all) != 1 || all[0].Verdict != "denied" || all[0].DecidedBy == "" || all[0].DecidedAt.IsZero() {
		t.Errorf("%+v", all)
	}
	if got := p.does("approvals list --json").out; got != "[]\n" {
		t.Errorf("nobody as JSON: %q", got)
	}
	p.fails("approvals list --verdict maybe", exitUsage, "is not one of waiting")
	p.fails(`approvals list --verdict=`, exitUsage, "is not one of waiting")
}

func TestUsersShowHasAddressesAndPauses(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.update(func(tx *store.Tx, _ *users.Users) error {
		u, err := tx.UserByUsername("li.na")
		return errors.Join(err,
			tx.SaveEmail(&gatehouse.Email{UserID: u.ID, Address: "na@home.example"}),
			tx.SaveEmail(&gatehouse.Email{UserID: u.ID, Address: "na@work.example", Verified: true}))
	})
	want := []emailJSON{{Address: "li.na@example.com", Verified: true, Primary: true}, {Address: "na@home.example"}, {Address: "na@work.example", Verified: true}}
	shown := decoded[person](p, "users show li.na")
	if diff := cmp.Diff(want, shown.Emails, cmpopts.IgnoreFields(emailJSON{}, "CreatedAt")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s := p.does("users show li.na", "na@home.example (not verified), na@work.example", shown.Identities[0].ID)
	if !shown.PausedUntil.IsZero() || strings.Contains(s.out, "Paused") {
		t.Errorf("paused until %s: %s", shown.PausedUntil, s.out)
	}
	if none := decoded[person](p, "users show odd"); none.Emails == nil {
		t.Error("no addresses are null, and not an empty list")
	}
}

func TestUsersEndSessions(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.update(func(tx *store.Tx, _ *users.Users) error {
		u, err := tx.UserByUsername("odd")
		return errors.Join(err, tx.SaveSession(&gatehouse.Session{TokenHash: make([]byte, 32), UserID: u.ID, SeenAt: tx.Now(), ExpiresAt: tx.Now().Add(time.Hour)}))
	})
	if u := decoded[person](p, "users show odd"); u.Sessions != 1 {
		t.Fatalf("%d sessions", u.Sessions)
	}
	p.does("users end-sessions odd", "odd (1000000004) is signed out everywhere.")
	if u := decoded[person](p, "users show odd"); u.Sessions != 0 {
		t.Errorf("%d sessions are left", u.Sessions)
	}
	if events := p.events("session.ended_others"); len(events) != 1 || events[0].Actor.Kind != gatehouse.ActorOperator {
		t.Errorf("audit log: %+v", events)
	}
	p.fails("users end-sessions nobody", exitFailed, "no user has the username")
}

func TestUsersDisconnect(t *testing.T) {
	t.Parallel()
	p := people(t)
	id := decoded[person](p, "users show li.na").Identities[0].ID
	p.fails("users disconnect odd "+id, exitFailed, "odd has no identity with the id")
	p.fails("users disconnect li.na nothing", exitFailed, "li.na has no identity with the id nothing")
	p.does("users disconnect li.na "+id, "li.na (1000000003) has the identity no more.")
	if u := decoded[person](p, "users show li.na"); len(u.Identities) != 0 {
		t.Errorf("identities: %+v", u.Identities)
	}
	if events := p.events("identity.removed"); len(events) != 1 || events[0].Details["subject"] != "union-1" {
		t.Errorf("audit log: %+v", events)
	}
}

func TestUsersVerifyEmailNeedsMail(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.fails("users verify-email li.na li.na@example.com", exitFailed, "mail is not set up")
	p.write("gatehouse.yml", plain(t)+"\nsmtp: {host: mail.example.com, from: gate@example.com}\n")
	p.fails("users verify-email li.na li.na@example.com", exitFailed, "is verified already")
	p.fails("users verify-email li.na other@example.com", exitFailed, "li.na does not have the address other@example.com")
	p.update(func(tx *store.Tx, _ *users.Users) error {
		u, err := tx.UserByUsername("li.na")
		return errors.Join(err, tx.SaveEmail(&gatehouse.Email{UserID: u.ID, Address: "na@home.example"}))
	})
	p.does("users verify-email li.na na@home.example", "gets the link by mail")
	p.fails("users invite odd --mail", exitFailed, "address")
	p.look(func(tx *store.Tx) error {
		waiting, err := tx.Jobs("mail.send", "", store.Cursor{})
		if len(waiting.Items) != 1 {
			t.Errorf("%d mails wait to be sent", len(waiting.Items))
		}
		return err
	})
}

func TestUsersApplications(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.does("users applications odd", "There are none.")
	p.update(func(tx *store.Tx, _ *users.Users) error {
		u, err := tx.UserByUsername("odd")
		return errors.Join(err, tx.SaveClient(&gatehouse.Client{ID: "board", Name: "Board", Enabled: true}),
			tx.SaveConsent(gatehouse.Consent{UserID: u.ID, ClientID: "board", Scopes: []string{"openid", "email"}}))
	})
	p.does("users applications odd", "board", "Board", "openid email", "no")
	if all := decoded[[]applicationJSON](p, "users applications odd"); len(all) != 1 || !all[0].Asked || len(all[0].Scopes) != 2 || all[0].Tokens {
		t.Errorf("%+v", all)
	}
	p.fails("users withdraw odd wiki", exitFailed, "the application wiki may do nothing for odd")
	p.does("users withdraw odd board", `has nothing allowed to "board" any more`)
	p.does("users applications odd", "There are none.")
	if events := p.events("consent.withdrawn"); len(events) != 1 || events[0].Actor.Kind != gatehouse.ActorOperator || events[0].Details["client"] != "board" {
		t.Errorf("audit log: %+v", events)
	}
}
