// Package op is the provider: what apps speak with when their people sign in.
// It is an OpenID Connect provider and, at the same addresses and in the same
// answers, a GitLab, so that both what speaks the standard and what offers
// "Sign in with GitLab" works against it. It keeps a request while its person
// signs in, asks for consent where it is owed, and gives codes and tokens, of
// which the database holds only SHA-256.
package op

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/internal/op/assertion"
	"gatehouse/internal/op/dpop"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/pats"
	"gatehouse/internal/provided"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// Lifetimes says how long what the provider gives is good. Zero values mean the
// defaults.
type Lifetimes struct {
	Code            time.Duration // of an authorization code; default 60 s
	Access          time.Duration // of an access token; default 2 h
	ID              time.Duration // of an ID token; default 2 min
	Refresh         time.Duration // of a refresh token from its issue; default 720 h
	RefreshAbsolute time.Duration // of all refresh tokens of one sign-in; default 4320 h
}

func (l Lifetimes) code() time.Duration    { return cmp.Or(l.Code, time.Minute) }
func (l Lifetimes) access() time.Duration  { return cmp.Or(l.Access, 2*time.Hour) }
func (l Lifetimes) id() time.Duration      { return cmp.Or(l.ID, 2*time.Minute) }
func (l Lifetimes) refresh() time.Duration { return cmp.Or(l.Refresh, 720*time.Hour) }
func (l Lifetimes) refreshAbsolute() time.Duration {
	return cmp.Or(l.RefreshAbsolute, 4320*time.Hour)
}

// of are the lifetimes of what one client gets: its own where it has some.
func (l Lifetimes) of(c gatehouse.Client) Lifetimes {
	own := c.Settings.Lifetimes
	l.Access, l.ID = cmp.Or(own.Access, l.Access), cmp.Or(own.ID, l.ID)
	l.Refresh, l.RefreshAbsolute = cmp.Or(own.Refresh, l.Refresh), cmp.Or(own.RefreshAbsolute, l.RefreshAbsolute)
	if c.FAPI() {
		l.Code = min(l.code(), time.Minute)
	}
	return l
}

// Scopes are the scopes that a client may be registered for.
func Scopes() []string { return request.Scopes() }

// GrantTypes are the grants that a client may be registered for.
func GrantTypes() []string { return request.GrantTypes() }

// Provider is the OpenID provider. It is used by pointer and is safe for
// concurrent use.
type Provider struct {
	Store       *store.Store
	UI          *ui.UI
	Sessions    *session.Manager
	Personal    *pats.Tokens       // take the place of access tokens at /api/v4
	Provided    *provided.Provided // gives providers' tokens in exchange for ours
	Limiter     *ui.Limiter        // of authorization requests that are kept; nil: none
	Registering RegistrationPace   // of clients that register without token
	Refusals    *ui.Limiter        // of wrong secrets, codes and tokens that clients bring; nil: any number
	URL         string             // what browsers and apps see, without a slash at the end: the issuer
	Lifetimes   Lifetimes
	KeySchedule KeySchedule
	// RequirePushed takes no authorization request that its client did not push
	// first (RFC 9126 section 5).
	RequirePushed bool
	MutualTLS     *MutualTLS // nil: no client comes with a certificate
	Clock         gatehouse.Clock
	Log           *slog.Logger      // nil: discard
	Metrics       gatehouse.Metrics // nil: none
	// Web asks addresses that a client registered (jwks_uri, request_uri); it
	// guards against those of our own network. nil: none is asked.
	Web func(gatehouse.Client) *http.Client

	// Registration says who may register clients at /oauth/register.
	Registration Registration
	// ProviderLogout is the address at which the provider that a session came from
	// ends its own one, and sends the browser back to the path; "": none. nil:
	// never.
	ProviderLogout func(ctx context.Context, s gatehouse.Session, path string) string

	seen     dpop.Seen              // proofs of requests that only read
	warned   sync.Map               // of what was warned already
	salt     atomic.Pointer[[]byte] // of pairwise subjects
	made     sync.Once
	ring     *keys.Ring
	signSets *assertion.Sets
}

// EnsureKeys makes the first signing key, and the salt of pairwise subjects, if
// there is none yet. Until it has succeeded nothing can be signed.
func (p *Provider) EnsureKeys(ctx context.Context) error {
	if err := p.ensureSalt(ctx); err != nil {
		return err
	}
	return p.keys().Ensure(ctx)
}

func (p *Provider) keys() *keys.Ring {
	p.open()
	return p.ring
}

func (p *Provider) sets() *assertion.Sets {
	p.open()
	return p.signSets
}

func (p *Provider) open() {
	p.made.Do(func() {
		p.ring = &keys.Ring{Store: p.Store, Clock: p.Clock}
		p.signSets = &assertion.Sets{Clock: p.Clock}
	})
}

// Mount adds the provider's addresses: /oauth/…, /.well-known/…, /api/v4/… and
// /api/v3/….
func (p *Provider) Mount(mux *http.ServeMux) {
	mux.Handle("GET /oauth/authorize", p.UI.Handle(p.authorize))
	mux.Handle("POST /oauth/authorize", p.UI.Handle(p.authorizePosted))
	// Other sites may post to the endpoints of the protocol, never to this form,
	// whatever is put around us.
	mux.Handle("POST /oauth/authorize/consent", http.NewCrossOriginProtection().Handler(p.UI.Handle(p.consentPosted)))

	mux.Handle("GET /oauth/device", p.UI.Handle(p.devicePage))
	mux.Handle("POST /oauth/device", http.NewCrossOriginProtection().Handler(p.UI.Handle(p.deviceCodePosted)))
	mux.Handle("POST /oauth/device/confirm", http.NewCrossOriginProtection().Handler(p.UI.Handle(p.deviceConfirmed)))

	metadata := p.endpoint(p.metadata())
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		mux.Handle(path, wire.CORS(metadata, http.MethodGet, http.MethodHead))
	}
	mux.Handle("/oauth/discovery/keys", wire.CORS(p.endpoint(p.jwks), http.MethodGet, http.MethodHead))
	mux.Handle("/oauth/token", wire.CORS(p.guarded(p.token), http.MethodPost))
	mux.Handle("/oauth/par", wire.CORS(p.guarded(p.push), http.MethodPost))
	mux.Handle("/oauth/authorize_device", wire.CORS(p.guarded(p.authorizeDevice), http.MethodPost))
	mux.Handle("/oauth/revoke", wire.CORS(p.guarded(p.revoke), http.MethodPost))
	mux.Handle("/oauth/introspect", wire.Only(p.guarded(p.introspect), http.MethodPost))
	mux.Handle("/oauth/userinfo", wire.CORS(p.endpoint(p.userinfo), http.MethodGet, http.MethodPost))
	mux.Handle("/oauth/token/info", wire.CORS(p.endpoint(p.tokenInfo), http.MethodGet))

	p.mountLeaving(mux)
	p.mountRegistration(mux)
	p.mountAPI(mux)
}

// endpoint runs a handler of the protocol and tells the client its error.
func (p *Provider) endpoint(h ui.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			p.fail(w, r, err)
		}
	})
}

// guarded is an endpoint that takes secrets: an address that brings too many
// wrong ones is not listened to for a while.
func (p *Provider) guarded(h ui.Handler) http.Handler {
	return p.endpoint(func(w http.ResponseWriter, r *http.Request) error {
		if err := p.Refusals.Left(r); err != nil {
			return err
		}
		err := h(w, r)
		var e *wire.Error
		var sure proved
		if errors.As(err, &e) && !errors.As(err, &sure) && (e.Code == "invalid_client" || e.Code == "invalid_grant") {
			if limited := p.Refusals.Allow(r); limited != nil {
				return limited
			}
		}
		return err
	})
}

// proved is an error of a client that had shown its secret. It brings whatever
// strangers make it bring, a made-up code at its redirect URI for one, and must
// not be locked out with all its people for that.
type proved struct{ error }

// Unwrap gives the error itself.
func (p proved) Unwrap() error { return p.error }

// fail tells a client an error. What is no error of the protocol is ours: of
// that it learns only whether trying again may help.
func (p *Provider) fail(w http.ResponseWriter, r *http.Request, err error) {
	var e *wire.Error
	switch {
	case errors.As(err, &e):
		p.log().DebugContext(r.Context(), "protocol request refused", "path", r.URL.Path, "error", e.Code, "why", e.Description)
		p.count("protocol_refused", "error", e.Code)
	case errors.Is(err, gatehouse.Limited):
		p.log().InfoContext(r.Context(), "protocol request limited", "path", r.URL.Path, "error", err)
		w.Header().Set("Retry-After", "10")
		e = &wire.Error{Status: http.StatusTooManyRequests, Code: "temporarily_unavailable", Description: "Too many requests in a short time. Try again later."}
	case unavailable(err):
		p.log().WarnContext(r.Context(), "protocol request cannot be answered now", "path", r.URL.Path, "error", err)
		w.Header().Set("Retry-After", "10")
		e = &wire.Error{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "The server cannot answer now. Try again later."}
	default:
		p.log().ErrorContext(r.Context(), "protocol request failed", "path", r.URL.Path, "error", err)
		e = &wire.Error{Status: http.StatusInternalServerError, Code: "server_error", Description: "The server met an unexpected condition."}
	}
	e.Write(w)
}

func unavailable(err error) bool {
	return errors.Is(err, gatehouse.Unavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func (p *Provider) log() *slog.Logger {
	if p.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return p.Log
}

func (p *Provider) count(name string, labels ...string) {
	if p.Metrics != nil {
		p.Metrics.Count(name, labels...)
	}
}

// issuer is what stands in iss, byte for byte the same everywhere. It comes of
// the configuration alone: no header of a request changes it.
func (p *Provider) issuer() string { return strings.TrimSuffix(p.URL, "/") }

// client finds a client by its Application ID; nil when there is none.
func (p *Provider) client(ctx context.Context, id string) (*gatehouse.Client, error) {
	if !wire.Identifier(id) {
		return nil, nil
	}
	c, err := p.Store.Client(ctx, id)
	if errors.Is(err, gatehouse.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}
