package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"gatehouse"
	"gatehouse/internal/pats"
	"gatehouse/internal/web/ui"
)

// caller is who asks, whatever they proved it with.
type caller struct {
	user  gatehouse.User // zero for an application
	actor gatehouse.Actor
	// token says that they brought a token, and scopes what it may at most. Who
	// has a session may all that their role may.
	token   bool
	scopes  []string
	client  string            // the application that asks for itself, "" for a person
	session gatehouse.Session // of the browser; zero with a token
}

// authenticate says who sends a request; Unauthorized when nobody known does.
// It is the one place for it. A token that is there counts, whatever session the
// request brings besides.
func (a *API) authenticate(r *http.Request) (caller, error) {
	value, err := tokenOf(r)
	switch {
	case err != nil:
		return caller{}, err
	case pats.Is(value):
		return a.byPersonalToken(r, value)
	case value != "":
		return a.byClientToken(r, value)
	}
	s, u, err := a.Sessions.Current(r)
	if err != nil {
		return caller{}, err
	}
	return caller{user: u, session: s, actor: gatehouse.Actor{
		Kind: gatehouse.ActorUser, ID: u.ID, Name: u.Username, Address: ui.ClientAddress(r),
	}}, nil
}

// sessionScheme is the name of how callers are known, in the description.
const sessionScheme = "session"

// cookieName is that of the session's cookie, for the description only.
func (a *API) cookieName() string {
	if strings.HasPrefix(a.URL, "https://") {
		return "__Host-gatehouse_session"
	}
	return "gatehouse_session"
}

// may is who may use an address. The zero value is nobody, so that an address
// whose description forgets it is closed.
type may struct {
	anyone bool // whoever is signed in
	roles  []gatehouse.AdminRole
	tokens bool   // only with a token, never with the session of a browser
	client string // the scope with which an application may use it for itself; "": it may not
}

// readers see everything and change nothing by it.
func readers() may {
	return may{roles: []gatehouse.AdminRole{
		gatehouse.RoleSuperAdministrator, gatehouse.RoleConnectorAdministrator, gatehouse.RoleAuditor,
	}}
}

// keepers start and release pulls.
func keepers() may {
	return may{roles: []gatehouse.AdminRole{gatehouse.RoleSuperAdministrator, gatehouse.RoleConnectorAdministrator}}
}

// owners change people.
func owners() may { return may{roles: []gatehouse.AdminRole{gatehouse.RoleSuperAdministrator}} }

// everybody is whoever is signed in.
func everybody() may { return may{anyone: true} }

func (m may) allows(c caller) bool {
	switch {
	case c.client != "":
		return m.client != "" && slices.Contains(c.scopes, m.client)
	case m.tokens && !c.token:
		return false
	}
	return m.anyone || slices.Contains(m.roles, c.user.Role)
}

// names are the roles for the description.
func (m may) names() []string {
	all := []string{}
	for _, r := range m.roles {
		all = append(all, string(r))
	}
	return all
}

// fresh asks who comes with the session of a browser to have proved who they are
// a short while ago.
func (a *API) fresh(by caller) error {
	if by.token {
		return nil
	}
	return a.Sessions.Fresh(by.session)
}

type callerKey struct{}

// only lets in who may, before anything else of the request is looked at.
func (a *API) only(rt route) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		c, err := a.authenticate(r)
		if err == nil {
			err = rt.admits(c)
		}
		if err == nil && rt.fresh {
			err = a.fresh(c)
		}
		if err != nil {
			if errors.Is(err, gatehouse.Unauthorized) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse"`) // RFC 9110 section 11.6.1
			}
			a.UI.Fail(w, r, err)
			return
		}
		next(huma.WithValue(hc, callerKey{}, c))
	}
}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}
