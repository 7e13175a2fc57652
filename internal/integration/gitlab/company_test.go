package gitlab_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse"
	twin "gatehouse/internal/twin/gitlab"
)

// com is GitLab.com as the owner of the groups eng, partners and legacy sees it.
// Some of the people belong to the company.
func com(t *testing.T, s twin.Switches) *gitLab {
	t.Helper()
	w := twin.DemoWorld()
	err := w.Write(func(d *twin.Data) error {
		for _, id := range []int64{2, 3, 4, 5, 6, 7, 14} {
			d.EditUser(d.User(id), func(u *twin.User) { u.EnterpriseGroup = 10 })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, w, twin.Config{Edition: twin.Com, Switches: s})
	g.AddToken(twin.Token{Value: "glpat-owner", UserID: 2, Scopes: []string{"read_api"}})
	return g
}

// TestPullOfACompanyOnGitLabCom is of traps 20, 22 and 27: there is no list of all
// accounts, and addresses are told of the company's own accounts only.
func TestPullOfACompanyOnGitLabCom(t *testing.T) {
	t.Parallel()
	g := com(t, twin.Switches{})
	f := mustPull(t, g.source(t, "glpat-owner"))
	t.Run("OwnAccountsAreToldWhole", func(t *testing.T) {
		a := f.Accounts["4"]
		if a.Email != "li.na@example.com" || !a.EmailVerified || a.External || a.LastSignInAt.IsZero() || a.LastActiveAt.IsZero() || len(a.Identities) != 2 {
			t.Errorf("li.na is %+v", a)
		}
		if a := f.Accounts["14"]; a.State != "blocked" || a.Email == "" {
			t.Errorf("zhou.tao, who is blocked and nowhere a member, is %+v", a)
		}
	})
	t.Run("OthersComeFromOutside", func(t *testing.T) {
		for id, want := range map[string]bool{"8": true, "13": true, "3": false, "2": false} {
			if a, known := f.Accounts[id]; !known || a.External != want {
				t.Errorf("account %s from outside: %v (known: %v), want %v", id, a.External, known, want)
			}
		}
		if a := f.Accounts["13"]; a.Email != "dave@example.com" && a.EmailVerified {
			t.Errorf("dave's address counts as verified: %+v", a)
		}
		if a := f.Accounts["22"]; a.Type != gatehouse.AccountTokenBot || a.External {
			t.Errorf("a bot of an access token is %+v", a)
		}
	})
	t.Run("BillableMembersTellWhenSomebodyWasThere", func(t *testing.T) {
		if a := f.Accounts["8"]; a.LastSignInAt.IsZero() || a.LastActiveAt.IsZero() {
			t.Errorf("chen.jing is %+v", a)
		}
	})
	t.Run("InvitationsAreSeen", func(t *testing.T) {
		x := f.Grants["invitation/newcomer@example.com on group/13"]
		if x.State != "invited" || x.Role.Level != 30 || f.Accounts["invitation/newcomer@example.com"].Type != gatehouse.AccountInvitation {
			t.Errorf("the invitation is %+v", x)
		}
	})
	t.Run("NobodyElseIsAsked", func(t *testing.T) {
		if n := g.Requests()["GET /users"]; n > 1 {
			t.Errorf("the list of all accounts was asked for %d times", n)
		}
	})
	t.Run("OverRESTTheSame", func(t *testing.T) {
		g.Switch(twin.Switches{GraphQLStatus: http.StatusNotFound})
		again := mustPull(t, g.source(t, "glpat-owner"))
		same(t, f, again)
	})
}

func TestPullOfACompanyResumes(t *testing.T) {
	t.Parallel()
	g := com(t, twin.Switches{})
	s := g.source(t, "glpat-owner")
	want, pages, err := pull(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	for i, page := range pages {
		g.ResetRequests()
		rest, _, err := pull(t.Context(), s, page.Next)
		if err != nil {
			t.Fatalf("from page %d: %v", i, err)
		}
		got := newFound()
		for _, before := range pages[:i+1] {
			got.add(before)
		}
		for id, a := range rest.Accounts { // Accounts win over Seen, whichever come first
			if _, known := got.Accounts[id]; !known {
				got.Accounts[id] = a
			}
		}
		for k, v := range rest.Resources {
			got.Resources[k] = v
		}
		for k, v := range rest.Grants {
			got.Grants[k] = v
		}
		for k, v := range rest.Shares {
			got.Shares[k] = v
		}
		same(t, want, got)
		if n := g.Requests()["GET /groups/{}/enterprise_users"]; i > 3 && n > 0 {
			t.Errorf("from page %d the company was asked %d times again", i, n)
		}
	}
}

func TestPullOfAnOwnerOfASelfManagedGroup(t *testing.T) {
	t.Parallel()
	g := start(t, nil, twin.Config{}) // without enterprise users, with billable members
	g.AddToken(twin.Token{Value: "glpat-owner", UserID: 2, Scopes: []string{"read_api"}})
	f := mustPull(t, g.source(t, "glpat-owner"))
	if a := f.Accounts["8"]; a.LastSignInAt.IsZero() || a.External {
		t.Errorf("chen.jing is %+v: a billable member, and nobody says from outside", a)
	}
	if !strings.Contains(strings.Join(f.Notes, " "), "not an administrator") {
		t.Errorf("notes %q", f.Notes)
	}
}

// TestPullOfWhatMayNotBeListed is of trap 5: members that the token may not list
// are a gap, not nobody.
func TestPullOfWhatMayNotBeListed(t *testing.T) {
	t.Parallel()
	g := start(t, nil, twin.Config{})
	g.SetFaults(twin.Faults{Rules: []twin.Fault{
		{Path: "/api/v4/groups/15/members", Status: http.StatusForbidden, Body: `{"message":"403 Forbidden"}`},
		{Path: "/api/graphql", After: 2, Status: http.StatusNotFound, HTML: true},
	}})
	f := mustPull(t, g.source(t, rootToken))
	want := gatehouse.Gap{ResourceID: "group/15", Why: gatehouse.GapMembers}
	if len(f.Gaps) != 1 || f.Gaps[0] != want {
		t.Errorf("gaps %+v, want %+v", f.Gaps, want)
	}
}
