package oauth

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/twin/gitlab/world"
)

// request is an authorization request that was found good.
type request struct {
	app         world.Application
	redirectURI string
	state       string
	scopes      []string
	nonce       string
	challenge   string
	method      string
	mode        string
	prompt      []string
	maxAge      time.Duration // < 0: not given
}

// texts of Doorkeeper's locale file.
const (
	textClient   = "Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method."
	textRedirect = "The requested redirect uri is malformed or doesn't match client redirect URI."
	textScope    = "The requested scope is invalid, unknown, or malformed."
	textType     = "The authorization server does not support this response type."
	textMode     = "The authorization server does not support this response mode."
	textMethod   = "The code_challenge_method must be one of plain, S256."
	textDenied   = "The resource owner or authorization server denied the request."
	textLogin    = "The authorization server requires end-user authentication"
	textConsent  = "The authorization server requires end-user consent"
	textMissing  = "Missing required parameter: "
	// of GitLab's own
	textUnconfirmed = "Verify the email address in your account profile before you sign in."
)

// check reads an authorization request; problem is the text for the error page.
func (s *Server) check(q url.Values) (req request, problem string) {
	if q.Get("client_id") == "" {
		return req, textMissing + "client_id."
	}
	app, known := s.application(q.Get("client_id"), q.Get("gl_auth_type") == "login")
	if !known {
		return req, textClient
	}
	req = request{
		app: app, redirectURI: q.Get("redirect_uri"), state: q.Get("state"), nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), method: cmp.Or(q.Get("code_challenge_method"), "plain"),
		mode: cmp.Or(q.Get("response_mode"), "query"), prompt: strings.Fields(q.Get("prompt")), maxAge: -1,
	}
	if n, err := strconv.Atoi(q.Get("max_age")); err == nil && n >= 0 {
		req.maxAge = time.Duration(n) * time.Second
	}
	req.scopes = wantedScopes(q)
	return req, req.problem(q.Get("response_type"))
}

func (req *request) problem(responseType string) string {
	switch {
	case !redirectAllowed(req.app.RedirectURIs, req.redirectURI):
		return textRedirect
	case responseType == "":
		return textMissing + "response_type."
	case responseType != "code":
		return textType
	case !slices.Contains([]string{"query", "fragment", "form_post"}, req.mode):
		return textMode
	case !subset(req.scopes, req.app.Scopes):
		return textScope
	case req.challenge != "" && req.method != "plain" && req.method != "S256":
		return textMethod
	}
	return ""
}

// application finds the application that asks. One that is for the API and now
// wants to sign people in gets the scope read_user for good, as in GitLab.
func (s *Server) application(id string, login bool) (found world.Application, known bool) {
	s.World.Read(func(d *world.Data) {
		if a := d.Application(id); a != nil {
			found, known = *a, true
		}
	})
	forAPI := slices.Contains(found.Scopes, "api") || slices.Contains(found.Scopes, "read_api")
	if login && forAPI && !slices.Contains(found.Scopes, "read_user") {
		found.Scopes = append(slices.Clone(found.Scopes), "read_user")
		s.World.AddApplication(found)
	}
	return found, known
}

// wantedScopes reads the scope. gl_auth_type=login forces it down to read_user.
func wantedScopes(q url.Values) []string {
	if q.Get("gl_auth_type") == "login" {
		return []string{"read_user"}
	}
	if scopes := strings.Fields(q.Get("scope")); len(scopes) > 0 {
		return scopes
	}
	return []string{"api"}
}

func subset(some, all []string) bool {
	for _, s := range some {
		if !slices.Contains(all, s) {
			return false
		}
	}
	return true
}

// redirectAllowed compares by the letter; only the port may differ, and only for
// loopback addresses.
func redirectAllowed(registered []string, uri string) bool {
	if uri == "" {
		return false
	}
	return slices.ContainsFunc(registered, func(r string) bool { return r == uri || sameLoopback(r, uri) })
}

func sameLoopback(a, b string) bool {
	x, err := url.Parse(a)
	y, err2 := url.Parse(b)
	if err != nil || err2 != nil {
		return false
	}
	ip := net.ParseIP(x.Hostname())
	if ip == nil || !ip.IsLoopback() || x.Hostname() != y.Hostname() {
		return false
	}
	x.Host, y.Host = "", ""
	return x.String() == y.String()
}

// authorize answers GET /oauth/authorize. That a stranger with prompt=none is sent
// back to the application is OpenID Connect's rule, not seen of GitLab itself.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	x := s.session(r)
	q := r.URL.Query()
	req, problem := s.check(q)
	user := s.signedIn(x)
	silent := slices.Contains(req.prompt, "none")
	if user != nil && user.ConfirmedAt.IsZero() {
		problem = textUnconfirmed
	}
	switch {
	case user == nil && silent && problem == "":
		s.answer(w, r, req, fields("error", "login_required", "error_description", textLogin), false)
	case user == nil:
		s.askForPerson(w, r, x, q)
	case problem != "":
		s.show(w, http.StatusOK, "error", page{Title: signInTitle, Problem: problem})
	case s.mustSignInAgain(req, x):
		q.Del("prompt")
		s.askForPerson(w, r, x, q)
	case !slices.Contains(req.prompt, "consent") && s.authorized(req, user):
		s.goOn(w, r, req, user, q)
	case silent:
		s.answer(w, r, req, fields("error", "consent_required", "error_description", textConsent), false)
	default:
		s.show(w, http.StatusOK, "consent", s.consent(req, user, q))
	}
}

// mustSignInAgain heeds the parameters of OpenID Connect, and only in a request
// of it, as doorkeeper-openid_connect does (helpers/controller.rb).
func (s *Server) mustSignInAgain(req request, x world.Session) bool {
	if !slices.Contains(req.scopes, "openid") {
		return false
	}
	if slices.Contains(req.prompt, "login") || slices.Contains(req.prompt, "select_account") {
		return true
	}
	return req.maxAge >= 0 && s.Now().Sub(x.SignedInAt) > max(req.maxAge, time.Second)
}

// authorized tells whether no consent is owed: the application is trusted, or
// confidential with a token of the same scopes that was not revoked.
func (s *Server) authorized(req request, user *world.User) bool {
	if req.app.Trusted {
		return true
	}
	if !req.app.Confidential {
		return false
	}
	found := false
	wanted := slices.Sorted(slices.Values(req.scopes))
	s.World.Read(func(d *world.Data) {
		for t := range d.Tokens() {
			if t.Application == req.app.ID && t.UserID == user.ID && !t.Revoked &&
				slices.Equal(wanted, slices.Sorted(slices.Values(t.Scopes))) {
				found = true
			}
		}
	})
	return found
}

func (s *Server) goOn(w http.ResponseWriter, r *http.Request, req request, user *world.User, q url.Values) {
	if s.AskAlways && !slices.Contains(req.prompt, "none") {
		p := s.consent(req, user, q)
		p.Fields = append(p.Fields, field{"response_mode", req.mode}) // this page is not GitLab's: nothing may get lost
		s.show(w, http.StatusOK, "continue", p)
		return
	}
	s.answer(w, r, req, fields("code", s.grant(req, user.ID)), !s.PlainRedirect)
}

// consent fills the consent page. GitLab's form does not carry response_mode, so
// that answers after it always come in the query.
func (s *Server) consent(req request, user *world.User, q url.Values) page {
	p := page{
		Title: signInTitle, User: user, App: cmp.Or(req.app.Name, req.app.ID),
		Switch: "/users/sign_out?return_to=" + url.QueryEscape("/oauth/authorize?"+q.Encode()),
	}
	if u, err := url.Parse(req.redirectURI); err == nil {
		p.Origin = u.Host
	}
	for _, sc := range req.scopes {
		p.Scopes = append(p.Scopes, scopeText{sc, describe(sc)})
	}
	p.Fields = []field{
		{"client_id", req.app.ID},
		{"redirect_uri", req.redirectURI},
		{"state", req.state},
		{"response_type", "code"},
		{"scope", strings.Join(req.scopes, " ")},
		{"nonce", req.nonce},
		{"code_challenge", req.challenge},
		{"code_challenge_method", q.Get("code_challenge_method")},
	}
	return p
}

func describe(scope string) string {
	switch scope {
	case "api":
		return "Access the API on your behalf"
	case "read_api":
		return "Read the API on your behalf"
	case "read_user":
		return "Read your personal information"
	case "openid":
		return "Authenticate using OpenID Connect"
	case "profile":
		return "Allow read-only access to your personal information using OpenID Connect"
	case "email":
		return "Allow read-only access to your primary email address using OpenID Connect"
	}
	return "Use the scope " + scope
}

// decide answers the forms of the consent page: POST allows, DELETE (or a POST
// with _method=delete) refuses. A request that is no good gets the error page here
// too; what GitLab answers then was not seen.
func (s *Server) decide(w http.ResponseWriter, r *http.Request) {
	x := s.session(r)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "400 Bad Request", http.StatusBadRequest)
		return
	}
	user := s.signedIn(x)
	if user == nil {
		q := r.Form
		q.Del("_method")
		s.askForPerson(w, r, x, q)
		return
	}
	req, problem := s.check(r.Form)
	if problem != "" {
		s.show(w, http.StatusOK, "error", page{Title: signInTitle, Problem: problem})
		return
	}
	if r.Method == http.MethodDelete || r.PostForm.Get("_method") == "delete" {
		s.answer(w, r, req, fields("error", "access_denied", "error_description", textDenied), false)
		return
	}
	s.answer(w, r, req, fields("code", s.grant(req, user.ID)), false)
}

// grant makes a code.
func (s *Server) grant(req request, user int64) string {
	now := s.Now()
	c := world.Code{
		Value: secret(), Application: req.app.ID, UserID: user, RedirectURI: req.redirectURI, Scopes: req.scopes,
		Nonce: req.nonce, Challenge: req.challenge, Method: req.method, ExpiresAt: now.Add(codeLife),
	}
	_ = s.World.Write(func(d *world.Data) error { d.KeepCode(c, now); return nil })
	return c.Value
}

func fields(pairs ...string) []field {
	var all []field
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, field{pairs[i], pairs[i+1]})
		}
	}
	return all
}

// answer sends the browser back to the application, by a redirect or, as GitLab
// does for applications that are authorised already, by a page with a script.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, req request, params []field, script bool) {
	if req.state != "" {
		params = append(params, field{"state", req.state})
	}
	if req.mode == "form_post" {
		s.show(w, http.StatusOK, "form_post", page{Title: signInTitle, Target: req.redirectURI, Fields: params})
		return
	}
	target := withParams(req.redirectURI, req.mode, params)
	if script {
		s.show(w, http.StatusOK, "redirect", page{Title: signInTitle, Target: target, App: cmp.Or(req.app.Name, req.app.ID)})
		return
	}
	http.Redirect(w, r, target, http.StatusFound)
}

func withParams(uri, mode string, params []field) string {
	var text []string
	for _, p := range params {
		text = append(text, url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value))
	}
	sep := "?"
	switch {
	case mode == "fragment":
		sep = "#"
	case strings.Contains(uri, "?"):
		sep = "&"
	}
	return uri + sep + strings.Join(text, "&")
}
