package wire

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// Basic is what an Authorization header of the scheme Basic says.
type Basic struct {
	ID string
	// Secrets are the readings of the password: form-decoded as RFC 6749
	// section 2.3.1 wants it and, where that differs, as it stands, since many
	// clients do not encode. Both are what the client sent.
	Secrets []string
}

// ReadBasic reads client credentials from the Authorization header. It reports
// false when there is none of the scheme Basic, and an error when there is one
// that cannot be read.
func ReadBasic(r *http.Request) (Basic, bool, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return Basic{}, false, nil
	}
	if len(headers) > 1 {
		return Basic{}, false, InvalidRequest("The request has more than one Authorization header.")
	}
	rest, ok := scheme(headers[0], "Basic")
	if !ok {
		return Basic{}, false, nil
	}
	b, ok := parseBasic(rest)
	if !ok {
		return Basic{}, false, InvalidClient()
	}
	return b, true, nil
}

func parseBasic(encoded string) (Basic, bool) {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return Basic{}, false
	}
	id, secret, ok := strings.Cut(string(raw), ":")
	if !ok {
		return Basic{}, false
	}
	if decoded, err := url.QueryUnescape(id); err == nil {
		id = decoded
	}
	if !Identifier(id) {
		return Basic{}, false
	}
	b := Basic{ID: id, Secrets: []string{secret}}
	if decoded, err := url.QueryUnescape(secret); err == nil && decoded != secret {
		b.Secrets = []string{decoded, secret}
	}
	return b, true
}

// Bearer reads the access token of the Authorization header; "" when there is
// none of the scheme Bearer, nor of DPoP (RFC 9449 section 7.1): see
// HasProofScheme.
func Bearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return "", InvalidRequest("The request has more than one Authorization header.")
	}
	if len(headers) == 0 {
		return "", nil
	}
	for _, name := range []string{"Bearer", "DPoP"} {
		if token, ok := scheme(headers[0], name); ok {
			return token, nil
		}
	}
	return "", nil
}

// HasProofScheme says whether the access token of a request came by the scheme
// DPoP: as one that is bound to a key.
func HasProofScheme(r *http.Request) bool {
	_, ok := scheme(r.Header.Get("Authorization"), "DPoP")
	return ok
}

// scheme cuts a scheme, whose case does not matter, and the spaces after it off
// a header.
func scheme(header, name string) (string, bool) {
	word, rest, ok := strings.Cut(strings.TrimLeft(header, " "), " ")
	if !ok || !strings.EqualFold(word, name) {
		return "", false
	}
	return strings.Trim(rest, " "), true
}
