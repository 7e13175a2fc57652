// Package caller finds out who is asking a stand-in GitLab: it reads the token
// of a request in every way that GitLab accepts, and says no with the answers
// that GitLab gives.
package caller

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/twin/gitlab/world"
)

// A Caller is who asks, and with what.
type Caller struct {
	User  *world.User // nil: nobody, anonymous
	Token *world.Token
	// Viewer is the user with the rights that count for this request.
	Viewer world.Viewer
}

// Rules are the settings of the instance that decide what a token is worth.
type Rules struct {
	URL       string // the external URL
	Now       time.Time
	AdminMode bool // administrators need the scope admin_mode
	CE        bool // Community Edition: no auditors
}

// A Failure is an answer that ends a request. It is an error.
type Failure struct {
	Status int
	Body   any // written as JSON
	Header http.Header
}

// Error says what was answered.
func (f *Failure) Error() string { return fmt.Sprintf("%d %v", f.Status, f.Body) }

type message struct {
	Message any `json:"message"`
}

// Message is a failure with GitLab's usual body {"message": …}.
func Message(status int, text any) *Failure { return &Failure{Status: status, Body: message{text}} }

type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Scope       string `json:"scope,omitempty"`
}

func bearer(status int, e oauthError) *Failure {
	challenge := fmt.Sprintf(`Bearer realm="Protected by OAuth 2.0", error=%q, error_description=%q`, e.Error, e.Description)
	if e.Scope != "" {
		challenge += fmt.Sprintf(", scope=%q", e.Scope)
	}
	return &Failure{Status: status, Body: e, Header: http.Header{"Www-Authenticate": {challenge}}}
}

// Unauthorized is the answer to no token, or one that nobody knows.
func Unauthorized() *Failure { return Message(http.StatusUnauthorized, "401 Unauthorized") }

// Forbidden is the answer to somebody who has no right; reason may be empty.
func Forbidden(reason string) *Failure {
	if reason == "" {
		return Message(http.StatusForbidden, "403 Forbidden")
	}
	return Message(http.StatusForbidden, "403 Forbidden - "+reason)
}

// presented finds the token of a request. Only personal access tokens may come
// in PRIVATE-TOKEN.
func presented(r *http.Request, params func(string) string) (value string, private bool, err error) {
	header := ""
	if scheme, rest, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		header = strings.TrimSpace(rest)
	}
	param := params("access_token")
	if header != "" && param != "" {
		return "", false, &Failure{Status: http.StatusBadRequest, Body: oauthError{
			Error: "invalid_request", Description: "Both Authorization header and payload includes access token.",
		}}
	}
	if v := header + param; v != "" {
		return v, false, nil
	}
	if v := r.Header.Get("Private-Token"); v != "" {
		return v, true, nil
	}
	if v := params("private_token"); v != "" {
		return v, true, nil
	}
	return r.Header.Get("Job-Token"), true, nil
}

// Identify finds the caller of a request. scopes are those of which the token
// needs one, as GitLab lists them in its refusal; params reads the parameters of
// query and body. Without any token the caller is anonymous.
func Identify(d *world.Data, r *http.Request, params func(string) string, scopes []string, rules Rules) (Caller, error) {
	value, private, err := presented(r, params)
	if err != nil || value == "" {
		return Caller{}, err
	}
	t := d.Token(value)
	if t == nil || t.UserID == 0 || private && t.Kind != world.PersonalToken {
		return Caller{}, Unauthorized()
	}
	if err := Usable(t, scopes, rules.Now); err != nil {
		return Caller{}, err
	}
	c := Caller{User: d.User(t.UserID), Token: t}
	if c.User == nil {
		return Caller{}, Unauthorized()
	}
	if reason := Denied(c.User, rules.URL); reason != "" {
		return Caller{}, Forbidden(reason)
	}
	c.Viewer = view(c.User, t, rules)
	return c, c.sudo(d, r, params, rules)
}

// Limited names the caller of a request for counting, without asking what the
// token is worth: the user whose token it is, else the address.
func Limited(d *world.Data, r *http.Request) (who string, known bool) {
	value, _, _ := presented(r, r.URL.Query().Get)
	if t := d.Token(value); t != nil && t.UserID != 0 {
		return "user " + strconv.FormatInt(t.UserID, 10), true
	}
	return Address(r), false
}

// Address is the address of a caller without the port, which changes with every
// connection.
func Address(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// Usable tells whether a token is alive and has one of the scopes.
func Usable(t *world.Token, scopes []string, now time.Time) error {
	switch {
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		return bearer(http.StatusUnauthorized, oauthError{Error: "invalid_token", Description: "Token is expired. You can either do re-authorization or token refresh."})
	case t.Revoked:
		return bearer(http.StatusUnauthorized, oauthError{Error: "invalid_token", Description: "Token was revoked. You have to re-authorize from the user."})
	case len(scopes) > 0 && !slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(t.Scopes, s) }):
		return bearer(http.StatusForbidden, oauthError{
			Error:       "insufficient_scope",
			Description: "The request requires higher privileges than provided by the access token.",
			Scope:       strings.Join(scopes, " "),
		})
	}
	return nil
}

// Denied says why an account may not use the API, or nothing.
func Denied(u *world.User, url string) string {
	switch u.State {
	case world.Blocked, world.LDAPBlocked, world.Banned:
		return "Your account has been blocked."
	case world.PendingApproval:
		return "Your account is pending approval from your administrator and hence blocked."
	case world.Deactivated:
		return "Your account has been deactivated by your administrator. Please log back in from a web browser to reactivate your account at " + url
	case world.Active:
	}
	if u.Type.Internal() {
		return "This action cannot be performed by internal users"
	}
	return ""
}

func view(u *world.User, t *world.Token, rules Rules) world.Viewer {
	v := world.Viewer{User: u}
	v.Admin = u.Admin && (!rules.AdminMode || slices.Contains(t.Scopes, "admin_mode"))
	v.ReadAll = v.Admin || u.Auditor && !rules.CE
	return v
}

// sudo lets an administrator act as somebody else.
func (c *Caller) sudo(d *world.Data, r *http.Request, params func(string) string, rules Rules) error {
	wanted := r.Header.Get("Sudo")
	if wanted == "" {
		wanted = params("sudo")
	}
	if wanted == "" {
		return nil
	}
	if !c.Viewer.Admin {
		return Forbidden("Must be admin to use sudo")
	}
	if err := Usable(c.Token, []string{"sudo"}, rules.Now); err != nil {
		return err
	}
	u := d.UserByName(wanted)
	if id, err := strconv.ParseInt(wanted, 10, 64); err == nil {
		u = d.User(id)
	}
	if u == nil {
		return Message(http.StatusNotFound, fmt.Sprintf("404 User with ID or username '%s' Not Found", wanted))
	}
	c.User, c.Viewer = u, view(u, c.Token, rules)
	return nil
}
