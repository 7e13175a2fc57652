package op

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/op/gitlab"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/pats"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// apiHandler answers a request of GitLab's REST API, or says how it fails. An
// error is a fault of ours.
type apiHandler func(w http.ResponseWriter, r *http.Request) (*gitlab.Failure, error)

// mountAPI adds what there is of GitLab's REST API.
func (p *Provider) mountAPI(mux *http.ServeMux) {
	mux.Handle("/api/v3/", p.api(p.apiGone))
	mux.Handle("/api/v3/user", p.api(p.apiUser))
	for path, h := range map[string]apiHandler{
		"/":                                    p.apiUnknown,
		"/user":                                p.apiUser,
		"/user/emails":                         p.apiEmails,
		"/version":                             p.apiVersion,
		"/personal_access_tokens/self":         p.apiOwnToken,
		"/groups":                              p.apiGroups,
		"/groups/{id}":                         p.apiGroup,
		"/groups/{id}/members/all/{user_id}":   p.apiMembership(gatehouse.ResourceGroup),
		"/projects":                            p.apiProjects,
		"/projects/{id}":                       p.apiProject,
		"/projects/{id}/members/all/{user_id}": p.apiMembership(gatehouse.ResourceProject),
	} {
		mux.Handle("/api/v4"+path, p.api(h))
	}
}

// api runs a handler of the REST API. What fails fails in GitLab's words, with
// the headers of RFC 6750.
func (p *Provider) api(h apiHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		failure, err := h(w, r)
		switch {
		case err != nil && unavailable(err):
			p.log().WarnContext(r.Context(), "API request cannot be answered now", "path", r.URL.Path, "error", err)
			w.Header().Set("Retry-After", "10")
			failure = gitlab.Unavailable()
		case err != nil:
			p.log().ErrorContext(r.Context(), "API request failed", "path", r.URL.Path, "error", err)
			failure = gitlab.Broken()
		}
		if failure != nil {
			challenge(w, failure)
			wire.JSON(w, failure.Status, failure.Body)
		}
	})
}

func challenge(w http.ResponseWriter, f *gitlab.Failure) {
	if f.Status != http.StatusUnauthorized && f.OAuth == "" {
		return
	}
	if f.Challenge != "" {
		w.Header().Set("WWW-Authenticate", f.Challenge)
		return
	}
	c := `Bearer realm="` + wire.Realm + `"`
	if f.OAuth != "" {
		c += `, error="` + f.OAuth + `", error_description="` + f.Details + `"`
	}
	if f.Scope != "" {
		c += `, scope="` + f.Scope + `"`
	}
	w.Header().Set("WWW-Authenticate", c)
}

func (p *Provider) apiUnknown(http.ResponseWriter, *http.Request) (*gitlab.Failure, error) {
	return gitlab.NotFound(), nil
}

func (p *Provider) apiGone(http.ResponseWriter, *http.Request) (*gitlab.Failure, error) {
	return gitlab.Gone(), nil
}

// apiUser answers GET /api/v4/user and, for old clients, GET /api/v3/user.
func (p *Provider) apiUser(w http.ResponseWriter, r *http.Request) (*gitlab.Failure, error) {
	var person gitlab.Person
	failure, err := p.asked(w, r, door{scopes: apiScopes(), inAddress: true}, func(tx *store.Tx, b bearing) (err error) {
		person = gitlab.Person{User: b.user, SignInAt: b.token.Grant.AuthAt, URL: p.issuer()}
		person.Identities, err = identities(tx, b.user.ID)
		return err
	})
	if failure == nil && err == nil {
		wire.JSON(w, http.StatusOK, gitlab.UserOf(person))
	}
	return failure, err
}

// identities are how a person signs in, with the names of the connections.
func identities(tx *store.Tx, userID string) ([]gitlab.Identity, error) {
	all, err := tx.Identities(userID)
	if err != nil {
		return nil, err
	}
	var told []gitlab.Identity
	for _, i := range all {
		c, err := tx.Connection(i.ConnectionID)
		if errors.Is(err, gatehouse.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		told = append(told, gitlab.Identity{Provider: c.Name, ExternUID: i.Subject})
	}
	return told, nil
}

// apiVersion answers GET /api/v4/version: the GitLab whose answers these are.
func (p *Provider) apiVersion(w http.ResponseWriter, r *http.Request) (*gitlab.Failure, error) {
	failure, err := p.asked(w, r, door{scopes: apiScopes()}, func(*store.Tx, bearing) error { return nil })
	if failure == nil && err == nil {
		wire.JSON(w, http.StatusOK, struct {
			Version  string `json:"version"`
			Revision string `json:"revision"`
		}{gitlab.Version, "gatehouse"})
	}
	return failure, err
}

// apiScopes are the scopes of which one opens what the API says of the person.
func apiScopes() []string {
	return []string{request.ScopeReadUser, request.ScopeAPI, request.ScopeReadAPI}
}

// listScopes are those of which one opens what the person reaches.
func listScopes() []string { return []string{request.ScopeAPI, request.ScopeReadAPI} }

// door is what opens an address of the API.
type door struct {
	scopes    []string // one of them; nil: any
	inAddress bool     // the token may come in the address
}

// asked finds who asks by the token of a request and, if they may, reads what
// they asked for in the same view of the database.
func (p *Provider) asked(w http.ResponseWriter, r *http.Request, d door, read func(*store.Tx, bearing) error) (failure *gitlab.Failure, err error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return gitlab.NotAllowed(), nil
	}
	value, failure := apiToken(r, d.inAddress)
	if failure != nil {
		return failure, nil
	}
	var b bearing
	hash, _ := p.tokenHash(r.Context(), value) // nil is found nowhere
	err = p.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		if b, failure, err = anyToken(tx, value, hash); err != nil || failure != nil {
			return err
		}
		if !p.forUs(b.token) {
			failure = gitlab.Unauthorized()
			return nil
		}
		if e := p.mayUse(w, r, b.client, value, b.token.Grant.Details); e != nil {
			failure = &gitlab.Failure{Status: e.Status, Body: gitlab.ErrorBody{Error: e.Code, Description: e.Description}, OAuth: e.Code, Details: e.Description, Challenge: e.Challenge}
			return nil
		}
		if failure = admit(b, d.scopes); failure != nil {
			return nil
		}
		return read(tx, b)
	})
	if err == nil && failure == nil && b.personal.ID != "" && p.Personal != nil {
		p.Personal.Touch(r.Context(), b.personal, p.Clock.Now(), ui.ClientAddress(r))
	}
	return failure, err
}

// anyToken finds who asks by an access token or, as GitLab has it, by a personal
// one.
func anyToken(tx *store.Tx, value string, hash []byte) (b bearing, failure *gitlab.Failure, err error) {
	if pats.Is(value) {
		return personalBearing(tx, value)
	}
	b, err = liveAccess(tx, hash)
	if errors.Is(err, gatehouse.NotFound) {
		failure, err = whyDead(tx, hash)
	}
	return b, failure, err
}

// personalBearing is a personal token as if it were an access token.
func personalBearing(tx *store.Tx, secret string) (bearing, *gitlab.Failure, error) {
	t, u, err := pats.Look(tx, secret)
	switch {
	case errors.Is(err, gatehouse.Unauthorized) && !t.RevokedAt.IsZero():
		return bearing{}, gitlab.TokenRevoked(), nil
	case errors.Is(err, gatehouse.Unauthorized) && t.ID != "":
		return bearing{}, gitlab.TokenExpired(), nil
	case errors.Is(err, gatehouse.Unauthorized):
		return bearing{}, gitlab.Unauthorized(), nil
	case err != nil:
		return bearing{}, nil, err
	}
	return bearing{personal: t, user: u, token: gatehouse.Token{
		Kind: gatehouse.AccessToken, ExpiresAt: t.ExpiresAt, CreatedAt: t.CreatedAt,
		Grant: gatehouse.Grantable{UserID: u.ID, Scopes: t.Scopes, AuthAt: u.LastSignInAt},
	}}, nil, nil
}

// apiToken reads the token: of a header or, where that is allowed, of the
// address, never of two places at once.
func apiToken(r *http.Request, inAddress bool) (string, *gitlab.Failure) {
	value, err := wire.Bearer(r)
	if err != nil {
		return "", gitlab.TwoTokens()
	}
	private := r.Header.Values("PRIVATE-TOKEN")
	switch {
	case len(private) > 1 || len(private) == 1 && value != "" && value != private[0]:
		return "", gitlab.TwoTokens()
	case len(private) == 1 && !pats.Is(private[0]): // as in GitLab, only personal tokens come this way
		return "", gitlab.Unauthorized()
	case len(private) == 1:
		value = private[0]
	}
	posted := r.URL.Query()["access_token"]
	if !inAddress {
		posted = nil
	}
	switch {
	case value != "" && len(posted) > 0 || len(posted) > 1:
		return "", gitlab.TwoTokens()
	case value == "" && len(posted) == 1:
		value = posted[0]
	}
	if value == "" {
		return "", gitlab.Unauthorized()
	}
	return value, nil
}

// admit says why a live token does not open the API; nil when it does.
func admit(b bearing, scopes []string) *gitlab.Failure {
	if b.token.Grant.UserID == "" {
		return gitlab.Unauthorized() // client credentials stand for no person
	}
	if f := gitlab.Denied(b.user.State); f != nil {
		return f
	}
	if scopes != nil && !slices.ContainsFunc(b.token.Grant.Scopes, func(s string) bool { return slices.Contains(scopes, s) }) {
		return gitlab.InsufficientScope(strings.Join(scopes, " "))
	}
	return nil
}

// whyDead tells an ended access token from one that never was.
func whyDead(tx *store.Tx, hash []byte) (*gitlab.Failure, error) {
	t, err := tx.Token(hash)
	switch {
	case errors.Is(err, gatehouse.NotFound), err == nil && t.Kind != gatehouse.AccessToken:
		return gitlab.Unauthorized(), nil
	case err != nil:
		return nil, err
	case !t.RevokedAt.IsZero():
		return gitlab.TokenRevoked(), nil
	case !tx.Now().Before(t.ExpiresAt):
		return gitlab.TokenExpired(), nil
	}
	return gitlab.Unauthorized(), nil
}
