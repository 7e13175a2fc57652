// Package request says what becomes of an authorization request: whether it is
// right, where its answer may go, and what comes next for the person in front.
// It reads nothing and changes nothing, so that all of it can be held against
// tables; package op does what it says.
package request

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/op/wire"
)

// Params are the parameters of an authorization request as they came. They are
// kept in the store while a person signs in, and checked again afterwards.
type Params struct {
	ClientID      string `json:"client_id"`
	RedirectURI   string `json:"redirect_uri,omitempty"`
	ResponseType  string `json:"response_type,omitempty"`
	ResponseMode  string `json:"response_mode,omitempty"`
	Scope         string `json:"scope,omitempty"`
	State         []byte `json:"state,omitempty"` // bytes: what is not UTF-8 must come back as it was
	Nonce         string `json:"nonce,omitempty"`
	Challenge     string `json:"code_challenge,omitempty"`
	Method        string `json:"code_challenge_method,omitempty"`
	JKT           string `json:"dpop_jkt,omitempty"`
	Prompt        string `json:"prompt,omitempty"`
	MaxAge        string `json:"max_age,omitempty"`
	LoginHint     string `json:"login_hint,omitempty"`
	UILocales     string `json:"ui_locales,omitempty"`
	ACRValues     string `json:"acr_values,omitempty"`
	Claims        string `json:"claims,omitempty"`
	Resource      string `json:"resource,omitempty"`       // several are separated by spaces
	Signed        bool   `json:"signed,omitempty"`         // they came in a request object, all of them
	Pushed        bool   `json:"pushed,omitempty"`         // the client left them here itself (RFC 9126)
	HintedSubject string `json:"hinted_subject,omitempty"` // whose ID token id_token_hint was

	// Found at the first look only: what is wrong is never kept.
	IDTokenHint  string   `json:"-"`
	Object       string   `json:"-"` // request: a request object
	ObjectURI    string   `json:"-"` // request_uri: where one is
	Wrong        *Wrong   `json:"-"` // what was wrong with it
	Issuer       string   `json:"-"` // ourselves, which may be named as a resource
	MustPush     bool     `json:"-"` // every client has to push its requests
	Registration bool     `json:"-"`
	Doubled      []string `json:"-"`
}

// Wrong is an error that was found before a request could be looked at.
type Wrong struct{ Code, Description string }

// Parse takes an authorization request apart. It judges nothing, and it
// never fails: what came is hostile, and validate says what is wrong with it.
func Parse(v url.Values) Params {
	p, doubled := wire.Once(v)
	return Params{
		ClientID:     p["client_id"],
		RedirectURI:  p["redirect_uri"],
		ResponseType: p["response_type"],
		ResponseMode: p["response_mode"],
		Scope:        p["scope"],
		State:        []byte(p["state"]),
		Nonce:        p["nonce"],
		Challenge:    p["code_challenge"],
		Method:       p["code_challenge_method"],
		JKT:          p["dpop_jkt"],
		Prompt:       p["prompt"],
		MaxAge:       p["max_age"],
		LoginHint:    text(p["login_hint"], 320),
		UILocales:    text(p["ui_locales"], 200),
		IDTokenHint:  p["id_token_hint"],
		ACRValues:    text(p["acr_values"], 1000),
		Claims:       p["claims"],
		Resource:     p["resource"],
		Object:       p["request"],
		ObjectURI:    p["request_uri"],
		Registration: p["registration"] != "",
		Doubled:      doubled,
	}
}

// maxSize bounds what is kept of a request while its person signs in, in bytes.
// Anybody can make us keep one.
const maxSize = 8 << 10

// size is how long the parameters that are kept are together.
func (p Params) size() int {
	n := len(p.State)
	for _, s := range []string{
		p.ClientID, p.RedirectURI, p.ResponseType, p.ResponseMode, p.Scope, p.Nonce, p.Challenge, p.Method,
		p.Prompt, p.JKT, p.MaxAge, p.LoginHint, p.UILocales, p.HintedSubject, p.ACRValues, p.Claims, p.Resource,
	} {
		n += len(s)
	}
	return n
}

// text is s if it is text that can be shown and kept, at most max bytes long,
// else "". It is for hints, which may be ignored.
func text(s string, max int) string {
	if len(s) > max || !plain(s) {
		return ""
	}
	return s
}

// plain says whether s is text without control characters: what both databases
// keep as it is.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}
