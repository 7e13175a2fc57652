package main

import (
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestUsersDeny(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.does("users deny li.na --reason no", "li.na (1000000003) is denied; the account is blocked.")
	p.fails("users approve li.na", exitFailed, "blocked in the meantime")
	events := p.events("user.denied")
	if len(events) != 1 || events[0].Details["reason"] != "no" || events[0].Actor.Kind != gatehouse.ActorOperator {
		t.Errorf("audit log: %+v", events)
	}
}

func TestUsersRole(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.does("users role odd auditor", "odd (1000000004) has the role auditor now.")
	if u := decoded[userJSON](p, "users role odd none"); u.Role != "" {
		t.Errorf("role %q", u.Role)
	}
	p.fails("users role odd owner", exitUsage, "is not one of super_administrator")
	p.fails("users role odd", exitUsage, "needs USER and ROLE")
	p.fails("users role li.na auditor", exitFailed, "cannot become administrator")
	p.does("users role olga none")
	p.fails("users role root none", exitFailed, "is the only administrator")
}

func TestUsersInvite(t *testing.T) {
	t.Parallel()
	p := people(t)
	s := p.does("users invite odd", "/sign-in/invite?token=")
	if got := decoded[inviteJSON](p, "users invite odd"); !strings.Contains(got.Address, "/sign-in/invite?token=") || strings.Contains(s.out, got.Address) {
		t.Errorf("%q after %q", got.Address, s.out)
	}
	p.fails("users invite odd --mail", exitFailed, "mail is not set up")
	p.fails("users invite li.na", exitFailed, "Open the account first")
	p.fails("users invite nobody", exitFailed, "no user has the username")
	for _, e := range p.events("user.invited") {
		if strings.Contains(e.Details["link"], "token") {
			t.Errorf("the link is in the audit log: %+v", e)
		}
	}
}

func TestUsersMergeAndSplit(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.does("users merge odd li.na --dry-run", "Stays", "li.na@example.com", "dingtalk: union-1")
	if plan := decoded[planJSON](p, "users merge odd li.na --dry-run"); plan.Kept != "odd" || plan.Gone != "li.na" || len(plan.Identities) != 1 || plan.Torn == nil {
		t.Errorf("%+v", plan)
	}
	if u := decoded[person](p, "users show li.na"); u.State != "pending" {
		t.Fatalf("a dry run merged them: %+v", u)
	}
	p.fails("users merge li.na odd", exitFailed, "nothing can be merged into that account")
	p.fails("users merge odd odd", exitFailed, "into itself")
	p.fails("users merge odd", exitUsage, "needs KEEP and GONE")
	m := decoded[mergeJSON](p, "users merge odd li.na")
	if m.Kept != "odd" || m.Gone != "li.na" || m.ID == "" {
		t.Fatalf("%+v", m)
	}
	if u := decoded[person](p, "users show 1000000003"); u.Username != "odd" || len(u.Identities) != 1 || len(u.Merges) != 1 {
		t.Errorf("by the number of the one who went: %+v", u)
	}
	if u := decoded[person](p, "users show li.na"); u.State != "merged" || u.MergedInto == "" {
		t.Errorf("the one who went: %+v", u)
	}
	if all := decoded[[]userJSON](p, "users list --state merged"); len(all) != 1 {
		t.Errorf("merged: %+v", all)
	}
	p.does("users show odd", "MERGE", m.ID)
	p.does("users split "+m.ID, "li.na and odd are two users again")
	p.fails("users split "+m.ID, exitFailed, "split already")
	p.fails("users split nothing", exitFailed, "no merge has the id nothing")
	p.look(func(tx *store.Tx) error {
		u, err := tx.UserByUsername("li.na")
		if u.State != gatehouse.UserPending || u.Email != "li.na@example.com" || !u.EmailVerified {
			t.Errorf("after the split: %+v", u)
		}
		return err
	})
}
