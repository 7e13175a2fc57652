// Package wire reads and writes what travels between the provider and its
// clients: forms whose parameters come once, client secrets and bearer tokens,
// errors and answers in JSON, and the headers that let a browser's scripts ask.
// It knows no client and no token; it only refuses what is not well-formed, so
// that nothing behind it has to.
package wire

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// Error is an error of the protocol (RFC 6749 section 5.2, RFC 6750 section
// 3.1). All of it is shown to the client, so no secret is ever in it, and the
// description keeps to the ASCII that the RFC allows.
type Error struct {
	Status      int    // HTTP status; 0: 400
	Code        string // "invalid_grant" …
	Description string // a sentence for the developer of the client
	Scope       string // the scopes that would do, with insufficient_scope
	Challenge   string // WWW-Authenticate; "" for none
	State       string // GitLab's extra key of /oauth/token/info; "" for none
}

// Error is the code and the sentence, for logs.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// Realm stands in every WWW-Authenticate header.
const Realm = "Gatehouse"

// InvalidRequest is a request that is malformed.
func InvalidRequest(description string) *Error {
	return &Error{Code: "invalid_request", Description: description}
}

// InvalidClient is GitLab's answer to a client that is unknown or did not prove
// who it is, with the status and the header of RFC 6749 section 5.2.
func InvalidClient() *Error {
	return &Error{
		Status: http.StatusUnauthorized, Code: "invalid_client",
		Description: "Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.",
		Challenge:   `Basic realm="` + Realm + `", charset="UTF-8"`,
	}
}

// InvalidGrant is GitLab's one answer to every code and refresh token that
// cannot be used. It does not say why: the reason would help a thief.
func InvalidGrant() *Error {
	return &Error{
		Code:        "invalid_grant",
		Description: "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.",
	}
}

// InvalidScope is GitLab's answer to a scope that the client may not have.
func InvalidScope() *Error {
	return &Error{Code: "invalid_scope", Description: "The requested scope is invalid, unknown, or malformed."}
}

// Missing names a parameter that is required and absent.
func Missing(name string) *Error {
	return InvalidRequest("Missing required parameter: " + name + ".")
}

// InvalidToken is a bearer token that is not good (RFC 6750 section 3.1).
func InvalidToken(description string) *Error {
	e := &Error{Status: http.StatusUnauthorized, Code: "invalid_token", Description: description}
	e.Challenge = bearerChallenge(e)
	return e
}

// NoToken is a request without any token: the challenge then names no error
// (RFC 6750 section 3.1).
func NoToken() *Error {
	return &Error{
		Status: http.StatusUnauthorized, Code: "invalid_token", Description: "An access token is required.",
		Challenge: `Bearer realm="` + Realm + `"`,
	}
}

// InsufficientScope is a good token that may too little; scopes are those of
// which one would do.
func InsufficientScope(scopes string) *Error {
	e := &Error{
		Status: http.StatusForbidden, Code: "insufficient_scope", Scope: scopes,
		Description: "The request requires higher privileges than provided by the access token.",
	}
	e.Challenge = bearerChallenge(e)
	return e
}

func bearerChallenge(e *Error) string {
	c := `Bearer realm="` + Realm + `", error="` + e.Code + `", error_description="` + e.Description + `"`
	if e.Scope != "" {
		c += `, scope="` + e.Scope + `"`
	}
	return c
}

type errorBody struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
	Scope       string `json:"scope,omitempty"`
	State       string `json:"state,omitempty"`
}

// Write answers with the error.
func (e *Error) Write(w http.ResponseWriter) {
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	if e.Challenge != "" {
		w.Header().Set("WWW-Authenticate", e.Challenge)
	}
	JSON(w, status, errorBody{Error: e.Code, Description: e.Description, Scope: e.Scope, State: e.State})
}

// JSON answers with v, and forbids every cache to keep it (RFC 6749 section
// 5.1).
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	write(w, status, body)
}

// Document is JSON that everybody may know, with the tag that tells it from
// others. It is made by NewDocument.
type Document struct {
	body []byte
	tag  string
}

// NewDocument sums a text up. Nobody may change the text after that.
func NewDocument(body []byte) Document {
	sum := sha256.Sum256(body)
	return Document{body: body, tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
}

// Public answers with a document that caches may keep for some seconds. Who has
// it already hears only that (RFC 9110 section 13.1.2).
func Public(w http.ResponseWriter, r *http.Request, seconds int, d Document) {
	h := w.Header()
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(seconds))
	h.Set("ETag", d.tag)
	for _, known := range strings.Split(r.Header.Get("If-None-Match"), ",") {
		if strings.TrimPrefix(strings.TrimSpace(known), "W/") == d.tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	write(w, http.StatusOK, d.body)
}

func write(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone; nobody is left to tell
}
