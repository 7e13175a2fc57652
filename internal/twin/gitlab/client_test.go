package gitlab_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	client "gitlab.com/gitlab-org/api/client-go/v2"

	"gatehouse/internal/twin/gitlab"
)

func official(t *testing.T, srv *httptest.Server, token string) *client.Client {
	t.Helper()
	c, err := client.NewClient(token, client.WithBaseURL(srv.URL), client.WithHTTPClient(srv.Client()), client.WithoutRetries())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestOfficialClient drives the twin with the client that GitLab publishes.
func TestOfficialClient(t *testing.T) {
	t.Parallel()
	twin, srv := start(t, func(c *gitlab.Config) { c.World = gitlab.GeneratedWorld(350, 210, 230, 3) })
	c := official(t, srv, "root-token")

	t.Run("ReadsAllUsersByKeyset", func(t *testing.T) {
		t.Parallel()
		opt := &client.ListUsersOptions{ListOptions: client.ListOptions{Pagination: "keyset", PerPage: 100, OrderBy: "id", Sort: "asc"}}
		all, err := client.ScanAndCollect(func(p client.PaginationOptionFunc) ([]*client.User, *client.Response, error) {
			return c.Users.ListUsers(opt, p)
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, u := range all {
			if u.ID != int64(i+1) || u.Email == "" {
				t.Fatalf("row %d is user %d with email %q", i, u.ID, u.Email)
			}
		}
		if len(all) != 350 {
			t.Errorf("%d users", len(all))
		}
	})
	t.Run("ReadsAllGroupsByPages", func(t *testing.T) {
		t.Parallel()
		all, err := client.ScanAndCollect(func(p client.PaginationOptionFunc) ([]*client.Group, *client.Response, error) {
			return c.Groups.ListGroups(&client.ListGroupsOptions{ListOptions: client.ListOptions{PerPage: 100}}, p)
		})
		if err != nil || len(all) != 210 {
			t.Errorf("%d groups: %v", len(all), err)
		}
	})
	t.Run("ReadsAllProjectsByKeyset", func(t *testing.T) {
		t.Parallel()
		opt := &client.ListProjectsOptions{ListOptions: client.ListOptions{Pagination: "keyset", PerPage: 100, OrderBy: "id"}}
		seen := map[int64]bool{}
		all, err := client.ScanAndCollect(func(p client.PaginationOptionFunc) ([]*client.Project, *client.Response, error) {
			return c.Projects.ListProjects(opt, p)
		})
		for _, p := range all {
			seen[p.ID] = true
		}
		if err != nil || len(all) != 230 || len(seen) != 230 {
			t.Errorf("%d projects, %d of them different: %v", len(all), len(seen), err)
		}
	})
	t.Run("ReadsMembers", func(t *testing.T) {
		t.Parallel()
		want := map[int64]int{}
		twin.World.Read(func(d *gitlab.Data) {
			for _, g := range d.Groups() {
				want[g.ID] = len(d.Direct(gitlab.InGroup(g.ID)))
			}
		})
		for id, n := range want {
			all, err := client.ScanAndCollect(func(p client.PaginationOptionFunc) ([]*client.GroupMember, *client.Response, error) {
				return c.Groups.ListGroupMembers(id, &client.ListGroupMembersOptions{ListOptions: client.ListOptions{PerPage: 100}}, p)
			})
			if err != nil || len(all) != n {
				t.Errorf("group %d: %d members, want %d: %v", id, len(all), n, err)
			}
		}
	})
	t.Run("AsksGraphQL", func(t *testing.T) {
		t.Parallel()
		var body struct {
			Data struct{ CurrentUser struct{ Username string } }
		}
		if _, err := c.GraphQL.Do(client.GraphQLQuery{Query: "{ currentUser { username } }"}, &body); err != nil || body.Data.CurrentUser.Username != "root" {
			t.Errorf("%+v: %v", body, err)
		}
	})
}

func TestOfficialClientMeetsRefusals(t *testing.T) {
	t.Parallel()
	twin, srv := start(t, nil)
	c := official(t, srv, "root-token")
	if u, _, err := c.Users.CurrentUser(); err != nil || u.ID != 1 || !u.IsAdmin {
		t.Errorf("current user %+v: %v", u, err)
	}
	if _, _, err := official(t, srv, "nonsense").Users.CurrentUser(); !client.HasStatusCode(err, http.StatusUnauthorized) {
		t.Errorf("bad token: %v", err)
	}
	if _, _, err := c.Groups.GetGroup(999, nil); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("unknown group: %v", err)
	}
	bob := official(t, srv, "bob-token")
	if _, err := bob.Users.BlockUser(7); err == nil {
		t.Errorf("blocking without rights: %v", err)
	}
	if _, _, err := bob.Groups.GetGroup("partners", nil); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a foreign private group: %v", err)
	}
	if _, err := c.Users.BlockUser(7); err != nil {
		t.Error(err)
	}
	if _, err := c.Users.UnblockUser(7); err != nil {
		t.Error(err)
	}
	level := client.DeveloperPermissions
	m, _, err := c.GroupMembers.AddGroupMember("design", &client.AddGroupMemberOptions{UserID: client.Ptr(int64(7)), AccessLevel: &level, ExpiresAt: client.Ptr("2027-01-31")})
	if err != nil || m.ID != 7 || m.ExpiresAt.String() != "2027-01-31" {
		t.Errorf("added %+v: %v", m, err)
	}
	higher := client.OwnerPermissions
	if _, _, err := c.GroupMembers.EditGroupMember("design", 7, &client.EditGroupMemberOptions{AccessLevel: &higher}); err != nil {
		t.Error(err)
	}
	if _, err := c.GroupMembers.RemoveGroupMember("design", 7, nil); err != nil {
		t.Error(err)
	}
	twin.World.Read(func(d *gitlab.Data) {
		if d.Member(gitlab.InGroup(14), 7) != nil {
			t.Error("user 7 is still a member")
		}
	})
}
