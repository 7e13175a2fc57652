package op

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"

	"github.com/a-h/templ"

	"gatehouse/internal/op/logout"
	"gatehouse/internal/op/request"
)

// answer sends the browser back to the client with the values, its state and
// who we are (RFC 9207).
func (p *Provider) answer(w http.ResponseWriter, r *http.Request, to request.Reply, values url.Values) error {
	if to.State != "" {
		values.Set("state", to.State)
	}
	values.Set("iss", p.issuer())
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	if to.Mode == request.ModeFormPost {
		return p.formPost(w, r, to.RedirectURI, values)
	}
	// Written here and not by http.Redirect, which would also put the code in a
	// page. 303: a POST of ours never becomes a POST to the client.
	h.Set("Location", logout.WithQuery(to.RedirectURI, values))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// tellError sends an error back to the client.
func (p *Provider) tellError(w http.ResponseWriter, r *http.Request, to request.Reply, code, description string) error {
	return p.answer(w, r, to, url.Values{"error": {code}, "error_description": {cmp.Or(description, describe(code))}})
}

// describe is GitLab's sentence for an error that has only a code.
func describe(code string) string {
	switch code {
	case "access_denied":
		return "The resource owner or authorization server denied the request."
	case "login_required":
		return "The authorization server requires end-user authentication"
	case "unmet_authentication_requirements":
		return "The person did not sign in as surely as the request demands."
	case "consent_required":
		return "The authorization server requires end-user consent"
	}
	return ""
}

// submitScript sends the form of the form_post page at once. It is the one
// script that we have, allowed by its hash on that page alone; without scripts
// the page has a button.
const submitScript = "document.forms[0].submit()"

// formPost answers by a page whose form leads to the client (OAuth 2.0 Form
// Post Response Mode). Its policy does not bind where the form leads: browsers
// hold also what the client redirects to against that.
func (p *Provider) formPost(w http.ResponseWriter, r *http.Request, action string, values url.Values) error {
	sum := sha256.Sum256([]byte(submitScript))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src 'sha256-"+
		base64.StdEncoding.EncodeToString(sum[:])+"'")
	return formPostPage(templ.SafeURL(action), fields(values)).Render(r.Context(), w)
}

// field is a hidden field of a form.
type field struct{ name, value string }

func fields(values url.Values) []field {
	var all []field
	for _, name := range []string{"code", "error", "error_description", "state", "iss", "session_state"} {
		if values.Has(name) {
			all = append(all, field{name, values.Get(name)})
		}
	}
	return all
}
