package op

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/pats"
	"gatehouse/internal/store"
)

// connect adds a connector of GitLab that was read, in which Alice has account
// 7, and returns its id. The groups are eng (1) with eng/core (2), ops (3) to
// which eng is invited, and vip (4) where she is not.
func (h *house) connect(key string) string {
	h.t.Helper()
	c := gatehouse.Connector{Key: key, Name: strings.ToUpper(key), Kind: "gitlab", URL: "https://git.example", Enabled: true, PulledAt: h.clock.Now()}
	h.update(func(tx *store.Tx) error { return tx.SaveConnector(&c) })
	group := func(id, parent gatehouse.ResourceID, name, path string) gatehouse.Resource {
		return gatehouse.Resource{ID: id, Kind: gatehouse.ResourceGroup, Parent: parent, Name: name, Path: path, Visibility: "private", WebURL: "https://git.example/groups/" + path}
	}
	project := func(id, parent gatehouse.ResourceID, name, path string) gatehouse.Resource {
		return gatehouse.Resource{ID: id, Kind: gatehouse.ResourceProject, Parent: parent, Name: name, Path: path, Visibility: "internal", WebURL: "https://git.example/" + path}
	}
	own := project("project/14", "", "Notes", "alice/notes")
	own.OwnerID, own.State = "7", "archived"
	h.pulled(c.ID, store.Staged{
		Accounts: []gatehouse.Account{{ID: "7", Username: "alice", Name: "Alice", State: "active"}, {ID: "8", Username: "bob", Name: "Bob", State: "blocked"}},
		Resources: []gatehouse.Resource{
			group("group/1", "", "Engineering", "eng"), group("group/2", "group/1", "Core", "eng/core"), group("group/3", "", "Ops", "ops"),
			group("group/4", "", "VIP", "vip"), project("project/11", "group/1", "Api", "eng/api"), project("project/12", "group/2", "Kernel", "eng/core/kernel"),
			project("project/13", "group/4", "Secret", "vip/secret"), own,
		},
		Grants: []gatehouse.Grant{
			{AccountID: "7", ResourceID: "group/1", Role: gatehouse.Role{Level: 30}},
			{AccountID: "7", ResourceID: "group/2", Role: gatehouse.Role{Level: 50}},
			{AccountID: "8", ResourceID: "group/1", Role: gatehouse.Role{Level: 50}},
		},
		Shares: []gatehouse.Share{{GroupID: "group/1", ResourceID: "group/3", Cap: gatehouse.Role{Level: 20}}},
	})
	h.update(func(tx *store.Tx) error {
		if err := tx.MatchAccount(c.ID, "7", h.alice.ID, "manual"); err != nil {
			return err
		}
		return tx.MatchAccount(c.ID, "8", h.bob.ID, "manual")
	})
	return c.ID
}

// pulled puts what an app is into the store, as a finished pull would.
func (h *house) pulled(connectorID string, staged store.Staged) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		p := gatehouse.Pull{ConnectorID: connectorID, State: gatehouse.PullRunning}
		if err := tx.SavePull(&p); err != nil {
			return err
		}
		if err := tx.Stage(p.ID, staged); err != nil {
			return err
		}
		_, err := tx.FinishPull(connectorID, p.ID)
		return err
	})
}

// names are one field of the rows of an answer.
func (p page) names(t *testing.T, field string) (all []string) {
	t.Helper()
	var rows []map[string]any
	if err := json.Unmarshal([]byte(p.body), &rows); err != nil || p.status != http.StatusOK {
		t.Fatalf("no list: %d %s", p.status, p.body)
	}
	for _, r := range rows {
		all = append(all, r[field].(string))
	}
	return all
}

func TestAPIGroupsAndProjects(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		token := h.grant("scope", "openid api").AccessToken
		if p := h.api("/api/v4/groups", token); p.body != "[]" || p.header.Get("X-Total") != "0" {
			t.Errorf("without a GitLab: %d %s", p.status, p.body)
		}
		h.connect("gitlab")
		for path, want := range map[string][]string{
			"/api/v4/groups":                                {"eng/core", "eng", "ops"}, // by name: Core, Engineering, Ops
			"/api/v4/groups?min_access_level=30":            {"eng/core", "eng"},
			"/api/v4/groups?min_access_level=50":            {"eng/core"},
			"/api/v4/groups?owned=true":                     {"eng/core"},
			"/api/v4/groups?top_level_only=true":            {"eng", "ops"},
			"/api/v4/groups?search=core":                    {"eng/core"},
			"/api/v4/groups?order_by=id&sort=desc":          {"ops", "eng/core", "eng"},
			"/api/v4/groups?order_by=path":                  {"eng/core", "eng", "ops"},
			"/api/v4/groups?skip_groups[]=1":                {"eng/core", "ops"},
			"/api/v4/groups?per_page=1&page=2":              {"eng"},
			"/api/v4/groups?per_page=2&page=9":              nil,
			"/api/v4/groups?all_available=true&statistics=": {"eng/core", "eng", "ops"},
		} {
			if diff := cmp.Diff(want, h.api(path, token).names(t, "full_path")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		}
		for path, want := range map[string][]string{
			"/api/v4/projects":                                                    {"alice/notes", "eng/core/kernel", "eng/api"},
			"/api/v4/projects?min_access_level=50":                                {"alice/notes", "eng/core/kernel"},
			"/api/v4/projects?membership=true&order_by=id&sort=asc":               {"eng/api", "eng/core/kernel", "alice/notes"},
			"/api/v4/projects?archived=false":                                     {"eng/core/kernel", "eng/api"},
			"/api/v4/projects?visibility=private":                                 nil,
			"/api/v4/projects?search=KERN":                                        {"eng/core/kernel"},
			"/api/v4/projects?order_by=name&sort=asc&simple=true":                 {"eng/api", "eng/core/kernel", "alice/notes"},
			"/api/v4/projects?pagination=keyset&order_by=id&per_page=2":           {"alice/notes", "eng/core/kernel"},
			"/api/v4/projects?pagination=keyset&order_by=id&id_before=12":         {"eng/api"},
			"/api/v4/projects?pagination=keyset&order_by=id&id_after=11&sort=asc": {"eng/core/kernel", "alice/notes"},
		} {
			if diff := cmp.Diff(want, h.api(path, token).names(t, "path_with_namespace")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		}
		one := h.api("/api/v4/groups/eng%2Fcore", token)
		if one.status != 200 || !strings.Contains(one.body, `"id":2,`) || !strings.Contains(one.body, `"full_name":"Engineering / Core"`) || !strings.Contains(one.body, `"parent_id":1`) {
			t.Errorf("a group by its path: %d %s", one.status, one.body)
		}
		if again := h.api("/api/v4/groups/2", token); again.body != one.body {
			t.Errorf("by its number: %s", again.body)
		}
		project := h.api("/api/v4/projects/eng%2Fcore%2Fkernel", token)
		for _, want := range []string{
			`{"id":12,`, `"name_with_namespace":"Engineering / Core / Kernel"`, `"ssh_url_to_repo":"git@git.example:eng/core/kernel.git"`,
			`"namespace":{"id":2,"name":"Core","path":"core","kind":"group","full_path":"eng/core"`,
			`"permissions":{"project_access":null,"group_access":{"access_level":50,"notification_level":3}}`,
		} {
			if !strings.Contains(project.body, want) {
				t.Errorf("%s lacks %s", project.body, want)
			}
		}
		if p := h.api("/api/v4/projects/14", token); !strings.Contains(p.body, `"namespace":{"id":0,"name":"alice","path":"alice","kind":"user"`) || !strings.Contains(p.body, `"archived":true`) {
			t.Errorf("a project of her own: %s", p.body)
		}
		number := "/members/all/" + request.Subject(h.alice)
		if p := h.api("/api/v4/groups/ops"+number, token); !strings.Contains(p.body, `"access_level":20`) || !strings.Contains(p.body, `"username":"alice"`) {
			t.Errorf("her membership: %d %s", p.status, p.body)
		}
		for path, want := range map[string]string{
			"/api/v4/groups/4":                        `{"message":"404 Group Not Found"}`, // is there, and she does not reach it
			"/api/v4/groups/vip":                      `{"message":"404 Group Not Found"}`,
			"/api/v4/projects/13":                     `{"message":"404 Project Not Found"}`,
			"/api/v4/groups/4" + number:               `{"message":"404 Group Not Found"}`,
			"/api/v4/projects/13" + number:            `{"message":"404 Project Not Found"}`,
			"/api/v4/groups/1/members/all/1000000099": `{"message":"404 Not found"}`,
			"/api/v4/groups/1/members":                `{"error":"404 Not Found"}`,
		} {
			if p := h.api(path, token); p.status != http.StatusNotFound || p.body != want {
				t.Errorf("%s: %d %s", path, p.status, p.body)
			}
		}
	})
}

func TestAPIListsFailAsGitLabDoes(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.connect("gitlab")
	token := h.grant("scope", "openid api read_user").AccessToken
	for path, want := range map[string]string{
		"/api/v4/groups?page=0":                            `400 {"error":"page does not have a valid value"}`,
		"/api/v4/groups?per_page=0":                        `400 {"error":"per_page has a value not allowed"}`,
		"/api/v4/groups?page=x&per_page=y":                 `400 {"error":"page is invalid, per_page is invalid"}`,
		"/api/v4/groups?min_access_level=31":               `400 {"error":"min_access_level does not have a valid value"}`,
		"/api/v4/groups?owned=maybe":                       `400 {"error":"owned is invalid"}`,
		"/api/v4/projects?sort=up":                         `400 {"error":"sort does not have a valid value"}`,
		"/api/v4/projects?pagination=keyset":               `405 {"error":"Keyset pagination is not yet available for this type of request"}`,
		"/api/v4/projects?pagination=keyset&order_by=name": `405 {"error":"Keyset pagination is not yet available for this type of request"}`,
	} {
		p := h.api(path, token)
		if got := strconv.Itoa(p.status) + " " + p.body; got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	weak := h.grant("scope", "openid read_user").AccessToken
	for _, path := range []string{"/api/v4/groups", "/api/v4/projects", "/api/v4/groups/1", "/api/v4/projects/11"} {
		if p := h.api(path, weak); p.status != http.StatusForbidden || !strings.Contains(p.body, `"scope":"api read_api"`) {
			t.Errorf("T14 %s with read_user alone: %d %s", path, p.status, p.body)
		}
		if p := h.machine().get(path + "?access_token=" + token); p.status != http.StatusUnauthorized {
			t.Errorf("T10 %s by the address: %d", path, p.status)
		}
		if p := h.machine().do(http.MethodPost, path, nil, "Authorization", "Bearer "+token); p.status != http.StatusMethodNotAllowed {
			t.Errorf("%s posted: %d", path, p.status)
		}
	}
}

func TestAPIPaging(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.connect("gitlab")
	token := h.grant("scope", "openid api").AccessToken
	p := h.api("/api/v4/groups?per_page=1&page=2&search=&private_token=x", token)
	at := h.url + "/api/v4/groups?page="
	want := http.Header{
		"X-Page": {"2"}, "X-Per-Page": {"1"}, "X-Next-Page": {"3"}, "X-Prev-Page": {"1"}, "X-Total": {"3"}, "X-Total-Pages": {"3"},
		"Link": {`<` + at + `1&per_page=1&search=>; rel="prev", <` + at + `3&per_page=1&search=>; rel="next", <` + at + `1&per_page=1&search=>; rel="first", <` + at + `3&per_page=1&search=>; rel="last"`},
	}
	for name, values := range want {
		if diff := cmp.Diff(values, p.header[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	last := h.api("/api/v4/groups?per_page=100000", token)
	if v, ok := last.header["X-Next-Page"]; !ok || v[0] != "" || last.header.Get("X-Per-Page") != "100" {
		t.Errorf("the last page: %v", last.header)
	}
	var all []string
	next := "/api/v4/projects?pagination=keyset&order_by=id&sort=asc&per_page=1"
	for range 4 {
		p := h.api(next, token)
		all = append(all, p.names(t, "path")...)
		link := p.header.Get("Link")
		if link == "" {
			break
		}
		if strings.Contains(link, `rel="last"`) || p.header.Get("X-Total") != "" {
			t.Errorf("keyset paging has no end and no totals: %v", p.header)
		}
		next = strings.TrimPrefix(link[1:strings.Index(link, ">")], h.url)
	}
	if !slices.Equal(all, []string{"api", "kernel", "notes"}) {
		t.Errorf("all pages: %v", all)
	}
}

func TestAPIEmailsAndOwnToken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.op.Personal = &pats.Tokens{Store: h.store}
		var secret string
		h.update(func(tx *store.Tx) (err error) {
			for _, e := range []gatehouse.Email{{Address: "a2@example.com", Verified: true}, {Address: "hers@elsewhere.example"}} {
				e.UserID = h.alice.ID
				if err := tx.SaveEmail(&e); err != nil {
					return err
				}
			}
			secret, _, err = h.op.Personal.Make(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, ID: h.alice.ID}, h.alice.ID, pats.New{Name: "ci", Scopes: []string{pats.ReadUser}, Life: 48 * time.Hour})
			return err
		})
		token := h.grant("scope", "read_user").AccessToken
		p := h.api("/api/v4/user/emails", token)
		if diff := cmp.Diff([]string{"alice@example.com", "a2@example.com"}, p.names(t, "email")); diff != "" || strings.Contains(p.body, `"confirmed_at":null`) {
			t.Errorf("only verified ones: %s", p.body)
		}
		if again := h.api("/api/v4/user/emails", token); again.body != p.body {
			t.Errorf("the numbers change: %s", again.body)
		}
		p = h.machine().do(http.MethodGet, "/api/v4/personal_access_tokens/self", nil, "PRIVATE-TOKEN", secret)
		var row struct {
			ID              int64
			Name, ExpiresAt string
			Revoked, Active bool
			Scopes          []string
			UserID          int64  `json:"user_id"`
			Expires         string `json:"expires_at"`
		}
		if err := json.Unmarshal([]byte(p.body), &row); err != nil || p.status != 200 || row.ID == 0 || row.Name != "ci" || row.Revoked || !row.Active ||
			row.UserID != h.alice.Number || row.Expires != h.clock.Now().Add(48*time.Hour).UTC().Format(time.DateOnly) || !slices.Equal(row.Scopes, []string{"read_user"}) {
			t.Errorf("%d %s", p.status, p.body)
		}
		if p := h.api("/api/v4/personal_access_tokens/self", token); p.status != 400 || p.body != `{"message":"400 Bad request - This endpoint requires token type to be a personal access token"}` {
			t.Errorf("an access token: %d %s", p.status, p.body)
		}
		if p := h.machine().do(http.MethodGet, "/api/v4/groups", nil, "PRIVATE-TOKEN", secret); p.status != http.StatusForbidden {
			t.Errorf("read_user opens groups: %d", p.status)
		}
	})
}

// TestNoGroupsWhenItIsNotClearOfWhichGitLab: none rather than the wrong ones,
// and somebody is told.
func TestNoGroupsWhenItIsNotClearOfWhichGitLab(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.connect("gitlab")
	other := h.connect("legacy")
	token := h.grant("scope", "openid api").AccessToken
	for range 3 {
		if p := h.api("/api/v4/groups", token); p.body != "[]" {
			t.Errorf("of two GitLabs: %s", p.body)
		}
	}
	if n := strings.Count(h.log.String(), "no groups are told"); n != 1 {
		t.Errorf("warned %d times", n)
	}
	h.update(func(tx *store.Tx) error {
		c, err := tx.Connector(other)
		if err != nil {
			return err
		}
		c.Enabled = false
		return tx.SaveConnector(&c)
	})
	if p := h.api("/api/v4/groups", token); len(p.names(t, "path")) != 3 {
		t.Errorf("of the one that is left: %s", p.body)
	}
	bob := h.redeem(h.signedIn(h.bob).get(asking("trusted", "scope", "openid api")).sent(t).Get("code")).tokens(t).AccessToken
	if p := h.api("/api/v4/groups", bob); p.body != "[]" {
		t.Errorf("a blocked account reaches %s", p.body)
	}
}
