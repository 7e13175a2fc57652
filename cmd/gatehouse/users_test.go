package main

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// people makes two administrators, somebody who waits, and somebody with a
// strange name.
func people(t *testing.T) *place {
	t.Helper()
	p := newPlace(t, plain(t))
	p.update(func(tx *store.Tx, u *users.Users) error {
		for _, n := range []users.New{
			{Username: "root", Role: gatehouse.RoleSuperAdministrator},
			{Username: "olga", Name: "Olga", Role: gatehouse.RoleSuperAdministrator},
			{Username: "li.na", Name: "李娜"},
			{Username: "odd", Name: "Not \x1b[31mroot"},
		} {
			if _, err := u.Make(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "a test"}, n); err != nil {
				return err
			}
		}
		na, err := tx.UserByUsername("li.na")
		if err != nil {
			return err
		}
		na.State, na.Email, na.EmailVerified = gatehouse.UserPending, "li.na@example.com", true
		c := gatehouse.Connection{Name: "dingtalk", Kind: "dingtalk", Enabled: true, Managed: gatehouse.ManagedByDashboard}
		if err := tx.SaveConnection(&c); err != nil {
			return err
		}
		d := gatehouse.Decision{
			ConnectionID: c.ID, Subject: "union-1", UserID: na.ID, Outcome: gatehouse.OutcomePending, Rule: "block_auto_created_users",
			Reason: "Your account waits for approval.", Facts: map[string]string{"provider_name": "李娜\u202e", "connection": "dingtalk"}, Address: "192.0.2.1",
		}
		if err := users.Keep(tx, &d); err != nil {
			return err
		}
		na.Provenance = d.ID
		i := gatehouse.Identity{UserID: na.ID, ConnectionID: c.ID, Subject: "union-1", Profile: gatehouse.Profile{Name: "李娜"}}
		if err := tx.SaveIdentity(&i); err != nil {
			return err
		}
		return tx.SaveUser(&na)
	})
	return p
}

func TestUsersList(t *testing.T) {
	t.Parallel()
	p := people(t)
	s := p.does("users list", "NUMBER", "1000000003  li.na", "li.na@example.com", "pending", "super_administrator")
	if strings.ContainsRune(s.out, 0x1b) {
		t.Errorf("what a terminal would carry out is printed: %q", s.out)
	}
	if all := decoded[[]userJSON](p, "users list"); len(all) != 4 || all[3].Username != "root" || all[3].Number != gatehouse.FirstUserNumber {
		t.Errorf("all: %+v", all)
	}
	if some := decoded[[]userJSON](p, "users list --state pending --search example.com"); len(some) != 1 || some[0].Name != "李娜" {
		t.Errorf("those who wait: %+v", some)
	}
	p.does("users list --search nobody.has.this", "Nobody was found.")
	if none := p.does("users list --search nobody.has.this --json").out; none != "[]\n" {
		t.Errorf("nobody as JSON: %q", none)
	}
}

func TestUsersListGoesOnByPages(t *testing.T) {
	t.Parallel()
	const many = pageSize + 7
	p := newPlace(t, plain(t))
	p.update(func(tx *store.Tx, u *users.Users) error {
		for i := range many {
			if _, err := u.Make(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator}, users.New{Username: fmt.Sprintf("user%d", i)}); err != nil {
				return err
			}
		}
		return nil
	})
	if all := decoded[[]userJSON](p, "users list"); len(all) != many {
		t.Errorf("%d users, want %d", len(all), many)
	}
}

func TestUsersShow(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.update(func(tx *store.Tx, _ *users.Users) error {
		na, err := tx.UserByUsername("li.na")
		if err != nil {
			return err
		}
		na.JobTitle = "工程师"
		if err := tx.SaveEmail(&gatehouse.Email{UserID: na.ID, Address: "lina@other.example"}); err != nil {
			return err
		}
		return tx.SaveUser(&na)
	})
	s := p.does("users show li.na", "李娜", "lina@other.example", "工程师", "1000000003", "pending", "rule block_auto_created_users", "Your account waits for approval.", "dingtalk", "union-1")
	na := decoded[person](p, "users show 1000000003")
	if na.Username != "li.na" || len(na.Identities) != 1 || len(na.Emails) != 2 || na.Emails[1].Verified || na.JobTitle != "工程师" || na.Origin == nil || na.Origin.Reference == "" {
		t.Fatalf("by number: %+v", na)
	}
	if same := p.does("users show " + strings.ToUpper(na.ID)); same.out != s.out {
		t.Errorf("by id:\n%s", same.out)
	}
	p.does("users show LI.NA", "李娜")
	p.does("users show 1000000001", "Username      root", "made by hand", "No identities.")
	p.does("users show @odd", "Username      odd")
	for _, nobody := range []string{"nobody", "@nobody", "1999999999", "0190a1b2-0000-7000-8000-000000000000"} {
		p.fails("users show "+nobody, exitFailed, "no user has the username, number or id "+nobody)
	}
	t.Run("Decision", func(t *testing.T) {
		shown := p.does("decisions show "+strings.ToLower(na.Origin.Reference), "pending", "Your account waits for approval.", "union-1", "li.na", "192.0.2.1", "provider_name")
		if strings.ContainsRune(shown.out, 0x202e) {
			t.Error("a sign that turns the writing round is printed")
		}
		if d := decoded[decisionJSON](p, "decisions show "+na.Origin.ID); d.Username != "li.na" || d.Connection != "dingtalk" || d.Facts["connection"] != "dingtalk" {
			t.Errorf("%+v", d)
		}
		p.update(func(tx *store.Tx, _ *users.Users) error { return tx.DeleteUser(na.ID) })
		p.does("decisions show "+na.Origin.ID, "Your account waits for approval.", "union-1") // outlives the account
		p.fails("decisions show NOSUCHREF", exitFailed, "no decision has the reference NOSUCHREF")
	})
}

func TestUsersChange(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.env["SUDO_USER"] = "carol"
	p.does("users approve li.na", "li.na (1000000003) is approved and may sign in.")
	p.does("users block li.na", "is blocked; all sessions and tokens have ended.")
	if u := decoded[userJSON](p, "users unblock 1000000003"); u.State != "active" {
		t.Errorf("unblocked: %+v", u)
	}
	p.does("users block olga")
	p.fails("users block root", exitFailed, "is the only administrator")
	p.fails("users approve olga", exitFailed, "was blocked in the meantime")
	p.fails("users block nobody", exitFailed, "no user has the username")
	events := p.events("user.")
	counts := map[string]int{}
	for _, e := range events {
		counts[e.Action]++
		if e.Actor.Name != "a test" && (e.Actor.Kind != gatehouse.ActorOperator || !strings.HasPrefix(e.Actor.Name, "carol as ")) {
			t.Errorf("%s was done by %+v", e.Action, e.Actor)
		}
	}
	if counts["user.approved"] != 1 || counts["user.blocked"] != 2 || counts["user.unblocked"] != 1 {
		t.Errorf("audit log: %v", counts)
	}
}

func TestKeysRotateSigning(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.does("keys rotate-signing --algorithm ES256", "ES256: ")
	p.does("keys rotate-signing --algorithm ES256", "a new key is announced already")
	p.does("keys rotate-signing --at-once", "EdDSA: ")
	if events := p.events("signing_key.rotated"); len(events) < 2 || events[0].Actor.Kind != gatehouse.ActorOperator {
		t.Errorf("audit log: %+v", events)
	}
}

func TestKeysRotateSeal(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.does("keys rotate-seal", "gatehouse.key has a new key. Back it up")
	p.does("users show li.na", "dingtalk") // what was sealed before still opens
	if events := p.events("seal.rotated"); len(events) != 1 || events[0].Actor.Kind != gatehouse.ActorOperator {
		t.Errorf("audit log: %+v", events)
	}
}
