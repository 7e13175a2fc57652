// Package oauth is the sign-in side of a stand-in GitLab: the page on which one
// picks a person instead of typing a password, the consent page, and GitLab's
// OAuth 2.0 and OpenID Connect endpoints with their answers and refusals. Three
// things are announced, as by GitLab, but not played: the password grant, which
// leaves GitLab with 19.0, the device flow, and the registration of clients.
package oauth

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/twin/gitlab/world"
)

// CookieName is the session cookie of the stand-in. It differs from GitLab's, so
// that both can run on one host.
const CookieName = "_twin_gitlab_session"

// The lifetimes that GitLab uses.
const (
	codeLife    = 10 * time.Minute
	tokenLife   = 2 * time.Hour
	idTokenLife = 2 * time.Minute
)

// Config is what a Server needs.
type Config struct {
	World *world.World
	URL   string // the external URL, without a slash at the end
	Now   func() time.Time
	// AskAlways shows who is signed in, with a way to become somebody else, also
	// where GitLab would go on at once.
	AskAlways bool
	// PlainRedirect answers with a 302 where GitLab shows a page whose script goes
	// on, for callers that run no scripts.
	PlainRedirect bool
	// SigningKey signs ID tokens; nil: one is made and kept in the world.
	SigningKey *rsa.PrivateKey
}

// A Server answers the endpoints of signing in. Make it with [New].
type Server struct {
	Config
	base    string // path of the external URL
	pages   *template.Template
	mux     *http.ServeMux
	signing func() (*signing, error)
}

// New checks the configuration.
func New(c Config) (*Server, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("external URL %q is not an absolute URL", c.URL)
	}
	pages, err := template.New("pages").Parse(pageTexts)
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	s := &Server{Config: c, base: strings.TrimSuffix(u.Path, "/"), pages: pages, mux: http.NewServeMux()}
	s.signing = sync.OnceValues(s.openKeys)
	s.routes()
	return s, nil
}

func (s *Server) routes() {
	own := http.NewCrossOriginProtection()
	browser := func(pattern string, h http.HandlerFunc) { s.mux.Handle(pattern, own.Handler(h)) }
	browser("GET /{$}", s.home)
	browser("GET /users/sign_in", s.showSignIn)
	browser("POST /users/sign_in", s.signIn)
	browser("/users/sign_out", s.signOut)
	browser("GET /oauth/authorize", s.authorize)
	browser("POST /oauth/authorize", s.decide)
	browser("DELETE /oauth/authorize", s.decide)
	s.open("POST", "/oauth/token", s.token)
	s.open("POST", "/oauth/revoke", s.revoke)
	s.open("GET", "/oauth/token/info", s.tokenInfo)
	s.open("GET POST", "/oauth/userinfo", s.userinfo)
	s.open("GET", "/oauth/discovery/keys", s.jwks)
	s.open("GET", "/-/jwks", s.jwks)
	s.open("GET", "/.well-known/openid-configuration", s.discovery)
	s.open("GET", "/.well-known/webfinger", s.webfinger)
	s.mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.metadata)
	s.mux.HandleFunc("POST /oauth/introspect", s.introspect)
}

// open registers an endpoint that scripts of other sites may call. Which headers
// they may send is a list for token and revoke; elsewhere it is what they ask for.
func (s *Server) open(methods, path string, h http.HandlerFunc) {
	for m := range strings.FieldsSeq(methods) {
		s.mux.HandleFunc(m+" "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			h(w, r)
		})
	}
	s.mux.HandleFunc("OPTIONS "+path, func(w http.ResponseWriter, r *http.Request) {
		allowed := r.Header.Get("Access-Control-Request-Headers")
		if path == "/oauth/token" || path == "/oauth/revoke" {
			allowed = "Authorization, X-CSRF-Token, X-Requested-With"
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", strings.Join(append(strings.Fields(methods), "OPTIONS"), ", "))
		if allowed != "" {
			h.Set("Access-Control-Allow-Headers", allowed)
		}
	})
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	s.mux.ServeHTTP(w, r)
}

func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// session returns the session of a browser; a new browser's has no key yet.
func (s *Server) session(r *http.Request) world.Session {
	var x world.Session
	if c, err := r.Cookie(CookieName); err == nil {
		s.World.Read(func(d *world.Data) { x, _ = d.Session(c.Value) })
	}
	return x
}

// keep remembers a session. A new one gets a key, which is handed to the browser.
func (s *Server) keep(w http.ResponseWriter, x world.Session) {
	if x.Key == "" {
		x.Key, x.StartedAt = secret(), s.Now()
		http.SetCookie(w, &http.Cookie{
			Name: CookieName, Value: x.Key, Path: s.base + "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
			Secure: strings.HasPrefix(s.URL, "https://"),
		})
	}
	_ = s.World.Write(func(d *world.Data) error { d.KeepSession(x); return nil })
}

// renew gives the browser another key, as at every change of who it is.
func (s *Server) renew(w http.ResponseWriter, old string, x world.Session) {
	_ = s.World.Write(func(d *world.Data) error { d.EndSession(old); return nil })
	s.keep(w, x)
}

// signedIn returns the active user of a session, or nil.
func (s *Server) signedIn(x world.Session) *world.User {
	var found *world.User
	s.World.Read(func(d *world.Data) {
		if u := d.User(x.UserID); u != nil && u.State == world.Active {
			kept := *u
			found = &kept
		}
	})
	return found
}

func (s *Server) redirect(w http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(w, r, s.base+path, http.StatusFound)
}

// local returns a path of this server that a browser may be sent to, or "/".
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}
