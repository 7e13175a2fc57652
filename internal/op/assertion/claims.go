package assertion

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Claims are the claims of an assertion (RFC 7523 section 3).
type Claims struct {
	Issuer   string
	Subject  string
	Audience []string
	Expiry   time.Time // zero: none
	From     time.Time // nbf; zero: none
	IssuedAt time.Time // zero: none
	ID       string
	Listed   bool // aud was a list, not one text
}

// Want is what an assertion must say.
type Want struct {
	Issuer    string
	Subject   func(string) bool
	Audiences []string // of which there must be one, and no other
	Now       time.Time
	OneText   bool // aud must be one text, no list
	Reusable  bool // needs no id, and may be good for long
}

// Bounds of an assertion.
const (
	longest = time.Hour        // that it may be good for from now
	leeway  = 30 * time.Second // that clocks may differ by
	maxID   = 255              // bytes of jti
)

// ReadClaims reads the claims of a payload.
func ReadClaims(payload []byte) (Claims, error) {
	var raw struct {
		Issuer   string   `json:"iss"`
		Subject  string   `json:"sub"`
		Audience audience `json:"aud"`
		Expiry   *float64 `json:"exp"`
		From     *float64 `json:"nbf"`
		IssuedAt *float64 `json:"iat"`
		ID       string   `json:"jti"`
	}
	if err := json.Unmarshal(payload, &raw); err != nil {
		return Claims{}, errors.New("the claims cannot be read")
	}
	return Claims{
		Issuer: raw.Issuer, Subject: raw.Subject, Audience: raw.Audience.all, Listed: raw.Audience.listed,
		Expiry: second(raw.Expiry), From: second(raw.From), IssuedAt: second(raw.IssuedAt), ID: raw.ID,
	}, nil
}

// audience is one text or a list of texts.
type audience struct {
	all    []string
	listed bool
}

// UnmarshalJSON takes both.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{all: []string{one}}
		return nil
	}
	a.listed = true
	return json.Unmarshal(b, &a.all)
}

// second is a NumericDate. What is beyond the years that a time can tell is
// taken for the end of them.
func second(n *float64) time.Time {
	if n == nil {
		return time.Time{}
	}
	const year9999 = 253402300799
	return time.Unix(int64(max(1, min(*n, year9999))), 0)
}

// Peek reads the issuer of a compact JWS before its signature is checked, to
// find out whose it would be. It proves nothing.
func Peek(compact string) (issuer string, ok bool) {
	if len(compact) > MaxSize {
		return "", false
	}
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return "", false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", false
	}
	c, err := ReadClaims(payload)
	return c.Issuer, err == nil && c.Issuer != ""
}

// Check says what is wrong with the claims. That the assertion was not used
// before is the caller's business.
func (c Claims) Check(w Want) error {
	switch {
	case c.Issuer != w.Issuer:
		return errors.New("iss is another")
	case !w.Subject(c.Subject):
		return errors.New("sub is another")
	case len(c.Audience) == 0 || slices.ContainsFunc(c.Audience, func(a string) bool { return !slices.Contains(w.Audiences, a) }):
		return errors.New("aud is another, or one of several is")
	case w.OneText && c.Listed:
		return errors.New("aud is a list")
	case c.Expiry.IsZero():
		return errors.New("exp is missing")
	case !w.Now.Before(c.Expiry.Add(leeway)):
		return errors.New("it has expired")
	case c.From.Sub(w.Now) > leeway || c.IssuedAt.Sub(w.Now) > leeway:
		return errors.New("nbf or iat is in the future")
	case w.Reusable:
		return nil
	case c.Expiry.Sub(w.Now) > longest+leeway:
		return errors.New("exp is too far away: at most an hour")
	case c.ID == "":
		return errors.New("jti is missing")
	case len(c.ID) > maxID:
		return errors.New("jti is too long")
	}
	return nil
}

// Until is when an assertion that was used may be forgotten.
func (c Claims) Until() time.Time { return c.Expiry.Add(leeway) }
