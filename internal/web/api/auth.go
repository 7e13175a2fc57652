package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"gatehouse"
	"gatehouse/internal/web/ui"
)

// caller is who asks, whatever they proved it with.
type caller struct {
	user  gatehouse.User
	actor gatehouse.Actor
}

// authenticate says who sends a request; Unauthorized when nobody known does.
// It is the one place for it: a program that brings something else than the
// session of a browser is to be recognized here.
func (a *API) authenticate(r *http.Request) (caller, error) {
	u, err := a.Sessions.Require(r)
	if err != nil {
		return caller{}, err
	}
	return caller{user: u, actor: gatehouse.Actor{
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

func (m may) allows(c caller) bool { return m.anyone || slices.Contains(m.roles, c.user.Role) }

// names are the roles for the description.
func (m may) names() []string {
	all := []string{}
	for _, r := range m.roles {
		all = append(all, string(r))
	}
	return all
}

type callerKey struct{}

// only lets in who may, before anything else of the request is looked at.
func (a *API) only(m may) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		c, err := a.authenticate(r)
		if err == nil && !m.allows(c) {
			err = gatehouse.Errorf(gatehouse.Forbidden, "Your account may not do this. Ask an administrator if you need it.")
		}
		if err != nil {
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
