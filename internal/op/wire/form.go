package wire

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// MaxBody is the greatest body of a protocol request, in bytes.
const MaxBody = 64 << 10

// Params are parameters that came once and have a value: one without a value
// counts as absent (RFC 6749 section 3.1).
type Params map[string]string

// Once takes the parameters apart. Doubled are the names that came more than
// once, sorted; they are in Params with their first value, which must not be
// trusted. Resource and audience may come more than once (RFC 8707, RFC 8693):
// they are joined by spaces, which neither has in it.
func Once(v url.Values) (p Params, doubled []string) {
	p = make(Params, len(v))
	for name, values := range v {
		if name == "resource" || name == "audience" {
			if all := strings.Join(slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" }), " "); all != "" {
				p[name] = all
			}
			continue
		}
		if len(values) > 1 {
			doubled = append(doubled, name)
		}
		if len(values) > 0 && values[0] != "" {
			p[name] = values[0]
		}
	}
	slices.Sort(doubled)
	return p, doubled
}

// notInURL are parameters that are secrets, or that make the difference between
// one grant and another: in the address of a POST they are a mistake that
// leaves them in logs (RFC 6749 section 2.3.1).
func notInURL() []string {
	return []string{
		"client_id", "client_secret", "client_assertion", "code", "code_verifier", "grant_type",
		"password", "redirect_uri", "refresh_token", "scope", "token", "access_token",
		"subject_token", "actor_token", "assertion", "device_code",
	}
}

// PostForm reads the body of a POST to a protocol endpoint: a form, at most
// MaxBody long, every parameter once, none of them in the address.
func PostForm(w http.ResponseWriter, r *http.Request) (Params, error) {
	if err := cleanURL(r.URL); err != nil {
		return nil, err
	}
	v, err := body(w, r)
	if err != nil {
		return nil, err
	}
	p, doubled := Once(v)
	if len(doubled) > 0 {
		return nil, InvalidRequest("The request has a parameter more than once: " + printable(doubled[0]) + ".")
	}
	return p, nil
}

func cleanURL(u *url.URL) error {
	if u.RawQuery == "" {
		return nil
	}
	q := u.Query() // what cannot be parsed is left out, and read by nobody
	for _, name := range notInURL() {
		if q.Has(name) {
			return InvalidRequest("The parameter " + name + " must be in the body of the request, not in its address.")
		}
	}
	return nil
}

func body(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, InvalidRequest("The body must be a form: Content-Type application/x-www-form-urlencoded.")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, &Error{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Description: "The body of the request is too long."}
	case err != nil:
		return nil, InvalidRequest("The body of the request could not be read.")
	}
	v, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, InvalidRequest("The body of the request is not a well-formed form.")
	}
	return v, nil
}

// AnyForm reads the parameters of a request that may come by GET or by POST:
// the query, and with POST the body as well.
func AnyForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > MaxBody {
		return nil, &Error{Status: http.StatusRequestURITooLong, Code: "invalid_request", Description: "The address of the request is too long."}
	}
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, InvalidRequest("The query of the request is not well-formed.")
	}
	if r.Method != http.MethodPost {
		return v, nil
	}
	posted, err := body(w, r)
	if err != nil {
		return nil, err
	}
	for name, values := range posted {
		v[name] = append(v[name], values...)
	}
	return v, nil
}

// printable is s without what an error_description must not have (RFC 6749
// section 5.2), cut to a length that a person reads.
func printable(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return '?'
		}
		return c
	}, s)
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	return s
}

// Identifier says whether s can be the id of a client: visible ASCII, at most
// 255 long. Anything else is unknown without asking the database.
func Identifier(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= 0x20 || c > 0x7e })
}

// PostAny reads the body of a form of our own, whatever stands in the address.
func PostAny(w http.ResponseWriter, r *http.Request) (url.Values, error) { return body(w, r) }
