package gitlab_test

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/gitlab"
	twin "gatehouse/internal/twin/gitlab"
	"gatehouse/internal/twin/gitlab/world"
)

const rootToken = "glpat-root"

// gitLab is a running twin.
type gitLab struct {
	*twin.Twin
	server *httptest.Server
}

// start runs a twin over a world (nil: the demo's) with an administrator's
// token.
func start(t *testing.T, w *twin.World, config twin.Config) *gitLab {
	t.Helper()
	g := &gitLab{}
	g.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { g.ServeHTTP(rw, r) }))
	t.Cleanup(g.server.Close)
	config.URL = cmp.Or(config.URL, g.server.URL)
	config.World = w
	var err error
	if g.Twin, err = twin.New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	g.AddToken(twin.Token{Value: rootToken, UserID: 1, Scopes: []string{"api"}})
	return g
}

// env has a client of its own, so that no connection of another test is used.
func env(t *testing.T) integration.Env {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	return integration.Env{
		HTTP: &http.Client{Transport: transport, Timeout: time.Minute},
		Log:  slog.New(slog.DiscardHandler),
	}
}

func (g *gitLab) source(t *testing.T, token string) integration.Source {
	t.Helper()
	return open(t, g.server.URL, token, env(t))
}

func open(t *testing.T, url, token string, e integration.Env) integration.Source {
	t.Helper()
	c, err := gitlab.Kind().OpenConnector(gatehouse.Connector{URL: url, Token: token}, e)
	if err != nil {
		t.Fatal(err)
	}
	return c.Source
}

// hurried is a source that waits for nothing.
func (g *gitLab) hurried(t *testing.T, token string) integration.Source {
	t.Helper()
	s := g.source(t, token)
	gitlab.Sleep(s, func(ctx context.Context, _ time.Duration) error { return ctx.Err() })
	return s
}

// found is everything that pages told, without what is told twice.
type found struct {
	Accounts  map[string]gatehouse.Account
	Resources map[gatehouse.ResourceID]gatehouse.Resource
	Grants    map[string]gatehouse.Grant
	Shares    map[string]gatehouse.Share
	Gaps      []gatehouse.Gap
	Notes     []string // as English sentences
	Requests  int64
}

func newFound() *found {
	return &found{
		Accounts: map[string]gatehouse.Account{}, Resources: map[gatehouse.ResourceID]gatehouse.Resource{},
		Grants: map[string]gatehouse.Grant{}, Shares: map[string]gatehouse.Share{},
	}
}

func (f *found) add(p integration.Page) {
	for _, a := range p.Accounts {
		f.Accounts[a.ID] = a
	}
	for _, a := range p.Seen {
		if _, known := f.Accounts[a.ID]; !known {
			f.Accounts[a.ID] = a
		}
	}
	f.Gaps = append(f.Gaps, p.Gaps...)
	for _, r := range p.Resources {
		f.Resources[r.ID] = r
	}
	for _, g := range p.Grants {
		f.Grants[g.AccountID+" on "+string(g.ResourceID)] = g
	}
	for _, s := range p.Shares {
		f.Shares[string(s.GroupID)+" in "+string(s.ResourceID)] = s
	}
	for _, n := range p.Notes {
		f.Notes = append(f.Notes, n.Sentence())
	}
	f.Requests += p.Requests
}

// pull reads everything from a checkpoint on.
func pull(ctx context.Context, s integration.Source, from integration.Checkpoint) (*found, []integration.Page, error) {
	f := newFound()
	var pages []integration.Page
	for page, err := range s.Pull(ctx, from) {
		if err != nil {
			return f, pages, err
		}
		f.add(page)
		pages = append(pages, page)
	}
	return f, pages, nil
}

func mustPull(t *testing.T, s integration.Source) *found {
	t.Helper()
	f, _, err := pull(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// truth is what an administrator's pull of a world must give, worked out of the
// world itself.
func truth(w *twin.World, url string, ee bool) *found {
	f := newFound()
	w.Read(func(d *twin.Data) {
		for _, u := range d.Users() {
			a := accountOf(u, url)
			f.Accounts[a.ID] = a
		}
		for _, g := range d.Groups() {
			r := gatehouse.Resource{
				ID: id("group", g.ID), Kind: gatehouse.ResourceGroup, Name: g.Name, Path: g.FullPath,
				Visibility: g.Visibility, WebURL: url + "/groups/" + g.FullPath, State: stateOf(g.Archived, g.MarkedForDeletionOn),
			}
			if g.ParentID != 0 {
				r.Parent = id("group", g.ParentID)
			}
			switch {
			case !ee:
			case len(g.LDAPLinks) > 0:
				r.SyncedBy = "ldap"
			case len(g.SAMLLinks) > 0:
				r.SyncedBy = "saml"
			}
			f.Resources[r.ID] = r
			f.addSource(d, twin.InGroup(g.ID), r.ID, ee)
		}
		for _, p := range d.Projects() {
			r := gatehouse.Resource{
				ID: id("project", p.ID), Kind: gatehouse.ResourceProject, Name: p.Name, Path: p.FullPath,
				Visibility: p.Visibility, WebURL: url + "/" + p.FullPath, State: stateOf(p.Archived, p.MarkedForDeletionOn),
			}
			if p.GroupID != 0 {
				r.Parent = id("group", p.GroupID)
			} else {
				r.OwnerID = strconv.FormatInt(p.OwnerID, 10)
			}
			f.Resources[r.ID] = r
			f.addSource(d, twin.InProject(p.ID), r.ID, ee)
		}
	})
	return f
}

func id(kind string, n int64) gatehouse.ResourceID {
	return gatehouse.ResourceID(kind + "/" + strconv.FormatInt(n, 10))
}

func stateOf(archived bool, marked string) string {
	switch {
	case marked != "":
		return "marked_for_deletion"
	case archived:
		return "archived"
	}
	return ""
}

func accountOf(u *twin.User, url string) gatehouse.Account {
	a := gatehouse.Account{
		ID: strconv.FormatInt(u.ID, 10), Username: u.Username, Name: u.Name, Email: u.Email,
		EmailVerified: u.Email != "" && !u.ConfirmedAt.IsZero(), State: string(u.State), Admin: u.Admin, External: u.External,
		TwoFactor: u.TwoFactor, WebURL: url + "/" + u.Username, CreatedAt: u.CreatedAt.UTC(), LastSignInAt: u.CurrentSignInAt.UTC(),
	}
	if u.LastActivityOn != "" {
		a.LastActiveAt, _ = time.Parse(time.DateOnly, u.LastActivityOn)
	}
	for _, i := range u.Identities {
		a.Identities = append(a.Identities, gatehouse.AccountIdentity{Provider: i.Provider, Subject: i.ExternUID})
	}
	switch u.Type {
	case world.ProjectBot:
		a.Type = gatehouse.AccountTokenBot
	case world.Ghost:
		a.Type = gatehouse.AccountGhost
	case world.Placeholder, world.ImportUser:
		a.Type = gatehouse.AccountPlaceholder
	case world.ServiceAccount:
		a.Type = gatehouse.AccountService
	case world.Human, "":
		a.Type = gatehouse.AccountPerson
	default:
		a.Type = gatehouse.AccountInternal
	}
	return a
}

func (f *found) addSource(d *twin.Data, s twin.Source, on gatehouse.ResourceID, ee bool) {
	date := func(v string) time.Time {
		t, _ := time.Parse(time.DateOnly, v)
		return t
	}
	for _, m := range d.Direct(s) {
		if !m.RequestedAt.IsZero() {
			continue
		}
		if m.UserID == 0 {
			f.invite(m, on, date(m.ExpiresAt))
			continue
		}
		g := gatehouse.Grant{
			AccountID: strconv.FormatInt(m.UserID, 10), ResourceID: on, Role: gatehouse.Role{Level: m.Level},
			ExpiresAt: date(m.ExpiresAt), GrantedAt: m.CreatedAt.UTC(),
		}
		if role := d.Role(m.RoleID); role != nil && ee {
			g.Role.Custom, g.Role.Name = strconv.FormatInt(role.ID, 10), role.Name
		}
		if m.Awaiting && ee {
			g.State = "awaiting"
		}
		if m.LDAP && !m.Override && ee {
			g.Source = "ldap"
		}
		f.Grants[g.AccountID+" on "+string(on)] = g
	}
	for _, x := range d.SharesOf(s) {
		sh := gatehouse.Share{GroupID: id("group", x.GroupID), ResourceID: on, Cap: gatehouse.Role{Level: x.Level}, ExpiresAt: date(x.ExpiresAt)}
		f.Shares[string(sh.GroupID)+" in "+string(on)] = sh
	}
}

// invite is an invitation by e-mail.
func (f *found) invite(m *twin.Member, on gatehouse.ResourceID, until time.Time) {
	a := gatehouse.Account{ID: "invitation/" + m.InviteEmail, Email: m.InviteEmail, State: "invited", Type: gatehouse.AccountInvitation}
	f.Accounts[a.ID] = a
	f.Grants[a.ID+" on "+string(on)] = gatehouse.Grant{
		AccountID: a.ID, ResourceID: on, Role: gatehouse.Role{Level: m.Level}, State: "invited", ExpiresAt: until, GrantedAt: m.CreatedAt.UTC(),
	}
}

// same compares what matters; pictures are Gravatar's business.
func same(t *testing.T, want, got *found) {
	t.Helper()
	for _, part := range []struct {
		name string
		diff string
	}{
		{"accounts", gocmp.Diff(want.Accounts, got.Accounts, gocmp.FilterPath(func(p gocmp.Path) bool { return p.Last().String() == ".Avatar" }, gocmp.Ignore()))},
		{"resources", gocmp.Diff(want.Resources, got.Resources)},
		{"grants", gocmp.Diff(want.Grants, got.Grants)},
		{"shares", gocmp.Diff(want.Shares, got.Shares)},
	} {
		if part.diff != "" {
			if len(part.diff) > 3000 {
				part.diff = part.diff[:3000] + "…"
			}
			t.Errorf("%s differ (-want +got):\n%s", part.name, part.diff)
		}
	}
}

func count(requests map[string]int) (n int) {
	for _, c := range requests {
		n += c
	}
	return n
}

func lines(requests map[string]int) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(requests)) {
		all = append(all, k+" × "+strconv.Itoa(requests[k]))
	}
	return strings.Join(all, "\n")
}
