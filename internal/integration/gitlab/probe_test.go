package gitlab_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration/gitlab"
	"gatehouse/internal/porttest"
	twin "gatehouse/internal/twin/gitlab"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	t.Run("TellsVersionTokenAndRights", func(t *testing.T) {
		t.Parallel()
		g := start(t, nil, twin.Config{})
		p, err := g.source(t, rootToken).Probe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p.Version != "18.9.0-ee" || p.Edition != "ee" || p.Actor != "root" || !p.Admin || !cmp.Equal(p.Scopes, []string{"api"}) || len(p.Notes) != 0 {
			t.Errorf("probe %+v", p)
		}
		if n := count(g.Requests()); n != 5 {
			t.Errorf("%d requests, want 5", n)
		}
	})
	for name, c := range map[string]struct {
		token    twin.Token
		switches twin.Switches
		ce       bool
		kind     gatehouse.ErrorKind // "": no error
		words    string              // in the sentence or the notes
	}{
		"ReadAPIIsEnoughToRead":    {token: twin.Token{UserID: 1, Scopes: []string{"read_api"}}, words: "changes will need the scope api"},
		"ScopeIsNamed":             {token: twin.Token{UserID: 1, Scopes: []string{"read_user"}}, kind: gatehouse.Forbidden, words: "read_api"},
		"NoScopeForTheAPI":         {token: twin.Token{UserID: 1, Scopes: []string{"read_repository"}}, kind: gatehouse.Forbidden, words: "scope"},
		"OAuthToken":               {token: twin.Token{UserID: 1, Scopes: []string{"api"}, Kind: "oauth"}},
		"OAuthTokenWithoutScope":   {token: twin.Token{UserID: 1, Scopes: []string{"read_user"}, Kind: "oauth"}, kind: gatehouse.Forbidden, words: "read_api"},
		"OAuthTokenThatTells":      {token: twin.Token{UserID: 1, Scopes: []string{"read_user"}, Kind: "oauth", ExpiresAt: time.Now().Add(time.Hour)}, kind: gatehouse.Forbidden, words: "read_api"},
		"Revoked":                  {token: twin.Token{UserID: 1, Scopes: []string{"api"}, Revoked: true}, kind: gatehouse.Unauthorized, words: "revoked"},
		"Unknown":                  {kind: gatehouse.Unauthorized, words: "wrong"},
		"OwnerBlocked":             {token: twin.Token{UserID: 14, Scopes: []string{"api"}}, kind: gatehouse.Forbidden, words: "blocked"},
		"NotAnAdministrator":       {token: twin.Token{UserID: 5, Scopes: []string{"api"}}, words: "not an administrator"},
		"OrdinaryTokenNamesMode":   {token: twin.Token{UserID: 5, Scopes: []string{"api"}}, words: "admin_mode"},
		"AdminModeWithoutScope":    {token: twin.Token{UserID: 1, Scopes: []string{"api"}}, switches: twin.Switches{AdminMode: true}, words: "admin_mode"},
		"AdminModeWithScope":       {token: twin.Token{UserID: 1, Scopes: []string{"api", "admin_mode"}}, switches: twin.Switches{AdminMode: true}},
		"GraphQLRefused":           {token: twin.Token{UserID: 1, Scopes: []string{"api"}}, switches: twin.Switches{GraphQLStatus: 403}, words: "GraphQL"},
		"CommunityEditionIsSaidSo": {token: twin.Token{UserID: 1, Scopes: []string{"api"}}, ce: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := twin.Config{Switches: c.switches}
			if c.ce {
				config.Edition = twin.CE
			}
			g := start(t, nil, config)
			if c.token.UserID != 0 {
				c.token.Value = "glpat-this"
				g.AddToken(c.token)
			}
			p, err := g.source(t, "glpat-this").Probe(t.Context())
			said := ""
			for _, n := range p.Notes {
				said += n.Sentence() + " "
			}
			var e *gatehouse.Error
			if errors.As(err, &e) {
				said = e.Sentence()
			}
			if name != "AdminModeWithoutScope" && gatehouse.KindOf(err) != c.kind {
				t.Fatalf("%v, want kind %q", err, c.kind)
			}
			if !strings.Contains(said, c.words) || c.words == "" && said != "" {
				t.Errorf("said %q, want it to speak of %q", said, c.words)
			}
			if strings.Contains(said, "glpat-this") {
				t.Errorf("the token is in %q", said)
			}
			if c.ce && p.Edition != "ce" {
				t.Errorf("edition %q", p.Edition)
			}
		})
	}
}

func TestProbeOfWhatIsNoGitLab(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		kind   gatehouse.ErrorKind
	}{
		"WebPage":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>Hello")) }, gatehouse.Upstream},
		"NotFound":    {http.NotFound, gatehouse.Upstream},
		"OtherJSON":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"ok":true}`)) }, gatehouse.Upstream},
		"List":        {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`[1,2]`)) }, gatehouse.Upstream},
		"OtherTypes":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"version":18}`)) }, gatehouse.Upstream},
		"Text":        {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("pong")) }, gatehouse.Upstream},
		"Nothing":     {func(http.ResponseWriter, *http.Request) {}, gatehouse.Unavailable},
		"FiveMB":      {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 5<<20)) }, gatehouse.Upstream},
		"Unavailable": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, gatehouse.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.answer)
			t.Cleanup(server.Close)
			s := open(t, server.URL, "glpat-this", env(t))
			gitlab.Sleep(s, (&sleeper{}).Sleep)
			_, err := s.Probe(t.Context())
			if !errors.Is(err, c.kind) {
				t.Fatalf("%v, want %s", err, c.kind)
			}
			if c.kind == gatehouse.Upstream && !strings.Contains(err.Error(), "does not answer like a GitLab") {
				t.Errorf("said %v", err)
			}
		})
	}
	t.Run("NobodyThere", func(t *testing.T) {
		t.Parallel()
		s := open(t, "http://"+porttest.Keep(t), "glpat-this", env(t))
		gitlab.Sleep(s, (&sleeper{}).Sleep)
		if _, err := s.Probe(t.Context()); !errors.Is(err, gatehouse.Unavailable) {
			t.Errorf("%v, want Unavailable", err)
		}
	})
}

func TestOpenConnector(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://gitlab.example.com": true, "https://gitlab.example.com/git/": true, "https://gitlab.example.com/api/v4": true,
		"": false, "gitlab.example.com": false, "ftp://gitlab.example.com": false, "https://": false, "https://u:p@gitlab.example.com": false, "https://x/?a=b": false,
	} {
		_, err := gitlab.Kind().OpenConnector(gatehouse.Connector{URL: url, Token: "t"}, env(t))
		if ok != (err == nil) || err != nil && !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("%q: %v", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "u:p") {
			t.Errorf("a password is in %v", err)
		}
	}
	if _, err := gitlab.Kind().OpenConnector(gatehouse.Connector{URL: "https://x"}, env(t)); !errors.Is(err, gatehouse.Invalid) {
		t.Errorf("without a token: %v", err)
	}
	if got := gitlab.Kind().ConnectorHosts(gatehouse.Connector{URL: "https://gitlab.example.com:8443/api/v4"}); !cmp.Equal(got, []string{"https://gitlab.example.com:8443"}) {
		t.Errorf("hosts %q", got)
	}
}

func TestPullOfAnOrdinaryToken(t *testing.T) {
	t.Parallel()
	g := start(t, nil, twin.Config{})
	g.AddToken(twin.Token{Value: "glpat-alice", UserID: 3, Scopes: []string{"read_api"}})
	f := mustPull(t, g.source(t, "glpat-alice"))
	want := truth(g.World, g.server.URL, true)
	for id, r := range f.Resources {
		if !cmp.Equal(want.Resources[id], r) {
			t.Errorf("%s: %s", id, cmp.Diff(want.Resources[id], r))
		}
	}
	for id, x := range f.Grants {
		y := want.Grants[id]
		y.State, x.State = "", ""
		if !cmp.Equal(y, x) {
			t.Errorf("%s: %s", id, cmp.Diff(y, x))
		}
		if a, ok := f.Accounts[x.AccountID]; !ok || a.Username == "" || a.State == "" {
			t.Errorf("account %s of a grant is %+v", x.AccountID, a)
		}
	}
	for _, id := range []gatehouse.ResourceID{"group/10", "group/12", "group/17", "project/3", "project/14"} {
		if _, ok := f.Resources[id]; !ok {
			t.Errorf("%s is missing; alice is a member", id)
		}
	}
	if _, ok := f.Resources["group/16"]; ok || len(f.Resources) >= len(want.Resources) {
		t.Error("a group that is none of her business is there")
	}
	if !strings.Contains(strings.Join(f.Notes, " "), "does not mean that nobody has access") {
		t.Errorf("notes %q say nothing of the gap", f.Notes)
	}
	if g.Requests()["GET /users"] > 1 {
		t.Error("the list of everybody was read")
	}
	g.Switch(twin.Switches{GraphQLStatus: 404})
	plain := mustPull(t, g.source(t, "glpat-alice"))
	for id, x := range f.Grants {
		y := plain.Grants[id]
		if want.Grants[id].State == "awaiting" {
			continue // REST shows those to owners only
		}
		if y.State, x.State = "", ""; !cmp.Equal(x, y) {
			t.Errorf("over REST %s: %s", id, cmp.Diff(x, y))
		}
	}
}

// TestPullFindsInvitationsOfEmptyGroups: GraphQL shows a share by the people who
// come through it.
func TestPullFindsInvitationsOfEmptyGroups(t *testing.T) {
	t.Parallel()
	w := twin.NewWorld()
	if _, err := w.AddUser(twin.User{ID: 1, Username: "root", Name: "Root", Email: "root@example.com", Admin: true}); err != nil {
		t.Fatal(err)
	}
	for _, x := range []twin.Group{{ID: 2, Path: "a", Name: "A"}, {ID: 3, Path: "b", Name: "B"}, {ID: 4, Path: "c", Name: "C"}} {
		if _, err := w.AddGroup(x); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []twin.Share{{Source: twin.InGroup(2), GroupID: 3, Level: 30}, {Source: twin.InGroup(3), GroupID: 4, Level: 20, ExpiresAt: "2031-02-03"}} {
		if _, err := w.Share(x); err != nil {
			t.Fatal(err)
		}
	}
	g := start(t, w, twin.Config{})
	f := mustPull(t, g.source(t, rootToken))
	same(t, truth(g.World, g.server.URL, true), f)
	if len(f.Shares) != 2 {
		t.Errorf("%d shares, want 2", len(f.Shares))
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	g := start(t, nil, twin.Config{})
	want := truth(g.World, g.server.URL, true)
	s := g.source(t, rootToken)
	for _, id := range []string{"2", "4", "9", "21"} {
		a, grants, err := s.Account(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		a.Avatar = ""
		if diff := cmp.Diff(want.Accounts[id], a); diff != "" {
			t.Errorf("account %s: %s", id, diff)
		}
		got := newFound()
		for _, x := range grants {
			got.Grants[x.AccountID+" on "+string(x.ResourceID)] = x
		}
		for key, x := range want.Grants {
			if x.AccountID == id && !cmp.Equal(got.Grants[key], x) {
				t.Errorf("%s: %s", key, cmp.Diff(x, got.Grants[key]))
			}
		}
	}
	for _, id := range []string{"9999", "", "x", "-1", "02", "2/memberships"} {
		if _, _, err := s.Account(t.Context(), id); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("%q: %v, want NotFound", id, err)
		}
	}
	g.AddToken(twin.Token{Value: "glpat-alice", UserID: 3, Scopes: []string{"read_api"}})
	a, grants, err := g.source(t, "glpat-alice").Account(t.Context(), "2")
	if err != nil || a.Username != "zhang.wei" || len(grants) == 0 {
		t.Errorf("to an ordinary token: %+v, %+v, %v", a, grants, err)
	}
}
