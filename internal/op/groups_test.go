package op

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/op/gitlab"
	"gatehouse/internal/store"
)

// groupsIn are the claims about groups of an ID token, or of an answer.
func groupsIn(t *testing.T, text string) (c gitlab.Claims) {
	t.Helper()
	if parts := strings.Split(text, "."); len(parts) == 3 && !strings.HasPrefix(text, "{") {
		b, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return c
}

// both are the claims in a new ID token and at user-info, which must be the same.
func (h *house) bothClaims(scope string) gitlab.Claims {
	h.t.Helper()
	a := h.grant("scope", scope)
	in, at := groupsIn(h.t, a.IDToken), groupsIn(h.t, h.userinfo(a.AccessToken).body)
	if diff := cmp.Diff(in, at); diff != "" {
		h.t.Errorf("(-ID token +user-info):\n%s", diff)
	}
	return in
}

func TestGroupClaims(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		same := func(name string, want gitlab.Claims) {
			t.Helper()
			if diff := cmp.Diff(want, h.bothClaims("openid")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		same("WithoutAGitLab", gitlab.Claims{})
		h.connect("gitlab")
		same("DirectInheritedAndByShare", gitlab.Claims{
			Groups: []string{"eng", "eng/core", "ops"}, Direct: []string{"eng", "eng/core"}, Owner: []string{"eng/core"}, Developer: []string{"eng"},
		})
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.GroupsOnly = []string{"ENG/core"} })
		same("FilteredForTheClient", gitlab.Claims{Groups: []string{"eng/core"}, Direct: []string{"eng/core"}, Owner: []string{"eng/core"}})
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.GroupsOnly = []string{"en"} })
		same("APathIsNoPrefixOfAName", gitlab.Claims{Groups: []string{}, Direct: []string{}})
		h.change("trusted", func(c *gatehouse.Client) { c.Settings = gatehouse.ClientSettings{GroupsFrom: gatehouse.NoGroups} })
		same("SwitchedOff", gitlab.Claims{})
		h.connect("legacy")
		h.change("trusted", func(c *gatehouse.Client) { c.Settings = gatehouse.ClientSettings{} })
		same("OfTwoGitLabsNone", gitlab.Claims{})
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.GroupsFrom = "legacy" })
		if got := h.bothClaims("openid"); len(got.Groups) != 3 {
			t.Errorf("of the one that is named: %v", got)
		}
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.GroupsFrom = "gone" })
		same("OfOneThatIsNotThere", gitlab.Claims{})
		if !strings.Contains(h.log.String(), "why=no_such") || !strings.Contains(h.log.String(), "why=ambiguous") {
			t.Error("nobody is warned")
		}
		h.change("trusted", func(c *gatehouse.Client) {
			c.Settings = gatehouse.ClientSettings{GroupsFrom: "legacy", GroupsOnly: []string{"eng/core"}}
		})
		token := h.grant("scope", "openid api").AccessToken
		if p := h.api("/api/v4/groups", token); !slices.Equal(p.names(t, "full_path"), []string{"eng/core"}) {
			t.Errorf("the same filter at /api/v4/groups: %s", p.body)
		}
		if p := h.api("/api/v4/projects", token); !slices.Equal(p.names(t, "path_with_namespace"), []string{"eng/core/kernel"}) {
			t.Errorf("and at /api/v4/projects: %s", p.body)
		}
		if p := h.api("/api/v4/groups/1", token); p.status != http.StatusNotFound {
			t.Errorf("and of one group: %d", p.status)
		}
	})
}

// TestGroupClaimsFollowTheGraph: what was given up is gone from the next token.
func TestGroupClaimsFollowTheGraph(t *testing.T) {
	t.Parallel()
	h := open(t)
	connector := h.connect("gitlab")
	a := h.grant("scope", "openid")
	h.pulled(connector, store.Staged{
		Accounts:  []gatehouse.Account{{ID: "7", Username: "alice", State: "active"}},
		Resources: []gatehouse.Resource{{ID: "group/3", Kind: gatehouse.ResourceGroup, Path: "ops"}},
		Grants:    []gatehouse.Grant{{AccountID: "7", ResourceID: "group/3", Role: gatehouse.Role{Level: 40}}},
	})
	want := gitlab.Claims{Groups: []string{"ops"}, Direct: []string{"ops"}, Maintainer: []string{"ops"}}
	if diff := cmp.Diff(want, groupsIn(t, h.userinfo(a.AccessToken).body)); diff != "" {
		t.Errorf("user-info: %s", diff)
	}
	a = h.refresh(a.RefreshToken).tokens(t)
	if diff := cmp.Diff(want, groupsIn(t, a.IDToken)); diff != "" {
		t.Errorf("refresh: %s", diff)
	}
	h.pulled(connector, store.Staged{Accounts: []gatehouse.Account{{ID: "7", Username: "alice", State: "blocked"}}})
	if got := groupsIn(t, h.userinfo(a.AccessToken).body); len(got.Groups) != 0 || got.Groups == nil {
		t.Errorf("a blocked account: %v", got)
	}
}

// TestTooManyGroups: apps would take a part for the whole, so they get none and
// are told how many there are.
func TestTooManyGroups(t *testing.T) {
	t.Parallel()
	h := open(t)
	staged := store.Staged{Accounts: []gatehouse.Account{{ID: "7", Username: "alice", State: "active"}}}
	for i := range gitlab.MostInToken + 1 {
		id := gatehouse.ResourceID(fmt.Sprintf("group/%d", i+1))
		staged.Resources = append(staged.Resources, gatehouse.Resource{ID: id, Kind: gatehouse.ResourceGroup, Path: fmt.Sprintf("g%03d", i)})
		staged.Grants = append(staged.Grants, gatehouse.Grant{AccountID: "7", ResourceID: id, Role: gatehouse.Role{Level: 30}})
	}
	h.pulled(h.connect("gitlab"), staged)
	a := h.grant("scope", "openid api")
	if diff := cmp.Diff(gitlab.Claims{Omitted: gitlab.MostInToken + 1}, groupsIn(t, a.IDToken)); diff != "" {
		t.Errorf("ID token: %s", diff)
	}
	if got := groupsIn(t, h.userinfo(a.AccessToken).body); len(got.Groups) != gitlab.MostInToken+1 || got.Omitted != 0 {
		t.Errorf("user-info has %d, omitted %d", len(got.Groups), got.Omitted)
	}
	if p := h.api("/api/v4/groups?per_page=100&page=3", a.AccessToken); len(p.names(t, "path")) != 1 || p.header.Get("X-Total") != "201" {
		t.Errorf("the list: %v", p.header)
	}
}
