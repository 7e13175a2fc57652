package main

import (
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

func TestUsersDryRun(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.update(func(tx *store.Tx, u *users.Users) error {
		c, err := tx.ConnectionByName("dingtalk")
		if err != nil {
			return err
		}
		for _, v := range []gatehouse.Vouched{
			{Subject: "union-2", Profile: gatehouse.Profile{Name: "Wang \x1b[31mWei", Email: "wang@example.com", Verified: gatehouse.Verified}},
			{Subject: "union-3", Profile: gatehouse.Profile{Name: "李娜", Email: "li.na@example.com", Verified: gatehouse.Verified}},
		} {
			if _, _, err := u.Ensure(tx, c, v, users.EnsureOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
	p.does("users dry-run dingtalk", "1 people: 1 waiting for approval", "李娜", "the same")
	s := p.does("users dry-run dingtalk --from refused --new-people create --trusted-domain example.com",
		"3 people: 1 given new accounts, 1 waiting for approval, 1 not let in. For 2 it would come out otherwise than today.", "Wang", "allow_single_sign_on", "identity_differs")
	if len(s.out) == 0 {
		t.Error("nothing is printed")
	}
	all := decoded[[]triedJSON](p, "users dry-run dingtalk --from refused --new-people request_access")
	if len(all) != 3 || all[0].Outcome != "refused" || all[0].Reason == "" {
		t.Errorf("as JSON: %+v", all)
	}
	if users := decoded[[]userJSON](p, "users list"); len(users) != 4 {
		t.Errorf("a dry run made somebody: %+v", users)
	}
	p.fails("users dry-run nosuch", 1, "there is no connection nosuch")
	p.fails("users dry-run dingtalk --from nosuch", 1, "there is no connector nosuch")
	p.fails("users dry-run dingtalk --new-people maybe", 2, "--new-people")
	p.fails("users dry-run dingtalk --auto-link-user maybe", 2, "--auto-link-user")
	p.fails("users dry-run dingtalk --trusted-domain *", 2, "neither an address nor a domain")
	p.fails("users dry-run", 2, "CONNECTION")
}
