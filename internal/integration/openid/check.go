package openid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// skew is how far the provider's clock may be from ours.
const skew = time.Minute

// checkSender checks who sent the browser back (RFC 9207 2.4), before a code is
// carried anywhere: one that another provider made is not for this one's eyes.
func (d *door) checkSender(m metadata, answer url.Values) error {
	switch iss := answer["iss"]; {
	case len(iss) == 1 && iss[0] == d.issuer, len(iss) == 0 && !m.SendsIssuer:
		return nil
	case len(iss) == 0:
		return d.errSender().Because(errors.New("the provider says that it sends iss, and the answer has none"))
	default:
		return d.errSender().Because(fmt.Errorf("expected iss %q, got %q", d.issuer, clip(strings.Join(iss, " "))))
	}
}

func (d *door) errSender() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Upstream, "The answer did not come from %s, which was asked, so nobody was signed in. Start the sign-in again.", d.client.Label)
}

// stated are the claims of an ID token that go-oidc does not look at.
type stated struct {
	AuthorizedParty *string      `json:"azp"`
	AuthTime        *json.Number `json:"auth_time"`
	NotBefore       *json.Number `json:"nbf"`
}

// told is what a checked ID token says.
type told struct {
	claims map[string]any
	authAt time.Time // zero: not said
}

// checkToken checks the ID token as OpenID Connect Core 3.1.3.7 and 3.1.3.8
// have it, and gives what it says.
func (d *door) checkToken(ctx context.Context, a gatehouse.Attempt, tokens authcode.Answer) (t told, err error) {
	if tokens.IDToken == "" {
		return t, gatehouse.Errorf(gatehouse.Upstream, "%s did not say who you are: its answer has no ID token. Ask an administrator whether this application may use the scope openid there.", d.client.Label)
	}
	token, s, err := d.verified(ctx, tokens.IDToken)
	if err != nil {
		return t, err
	}
	if err := d.checkAudience(token.Audience, s.AuthorizedParty); err != nil {
		return t, err
	}
	if a.Nonce == "" || token.Nonce != a.Nonce {
		return t, gatehouse.Errorf(gatehouse.Upstream, "The answer of %s belongs to another sign-in (its nonce is another), so nobody was signed in. Start the sign-in again.", d.client.Label)
	}
	if err := d.checkTimes(a, token, s); err != nil {
		return t, err
	}
	if token.AccessTokenHash != "" && token.VerifyAccessToken(tokens.Access) != nil {
		return t, d.errContradiction().Because(errors.New("at_hash is not that of the access token"))
	}
	if s.AuthTime != nil {
		t.authAt = at(*s.AuthTime)
	}
	t.claims, err = d.claimsOf(token)
	return t, err
}

func (d *door) claimsOf(token *oidc.IDToken) (map[string]any, error) {
	var raw json.RawMessage
	if err := token.Claims(&raw); err != nil {
		return nil, d.client.Garbled(errors.New("ID token: the claims cannot be read"))
	}
	claims, err := authcode.Object(raw)
	if err != nil {
		return nil, d.client.Garbled(fmt.Errorf("ID token: %w", err))
	}
	if sub, isText := claims["sub"].(string); !isText || strings.TrimSpace(sub) == "" {
		return nil, d.errSubject("sub")
	}
	return claims, nil
}

// verified checks who signed a token: algorithm, signature and issuer.
func (d *door) verified(ctx context.Context, raw string) (*oidc.IDToken, stated, error) {
	var s stated
	token, err := d.signed(ctx, raw)
	switch {
	case err != nil:
		return nil, s, err
	case token.Claims(&s) != nil:
		return nil, s, d.client.Garbled(errors.New("ID token: azp, auth_time or nbf is not of the right type"))
	case !d.sameIssuer(token.Issuer):
		return nil, s, d.errSender().Because(fmt.Errorf("ID token: expected iss %q, got %q", d.issuer, clip(token.Issuer)))
	}
	return token, s, nil
}

// signed checks algorithm and signature. What go-oidc would check besides is
// checked here, where each fault has a sentence of its own.
func (d *door) signed(ctx context.Context, raw string) (*oidc.IDToken, error) {
	keys := &keySet{door: d}
	v := oidc.NewVerifier(d.issuer, keys, &oidc.Config{
		SupportedSigningAlgs: d.algorithms, SkipClientIDCheck: true, SkipExpiryCheck: true, SkipIssuerCheck: true,
	})
	token, err := v.Verify(ctx, raw)
	var known *gatehouse.Error
	switch {
	case err == nil:
		return token, nil
	case errors.As(keys.err, &known):
		return nil, known
	case keys.err != nil:
		return nil, d.errSignature().Because(keys.err)
	case keys.good: // and go-oidc cannot read what was signed
		return nil, d.client.Garbled(errors.New("ID token: a claim is not of the right type"))
	}
	return nil, d.errSignature().Because(errors.New(clip(err.Error())))
}

// sameIssuer compares to the letter. Google says of itself that both its forms
// occur (developers.google.com/identity/openid-connect, "iss").
func (d *door) sameIssuer(iss string) bool {
	return iss == d.issuer || d.issuer == "https://accounts.google.com" && iss == "accounts.google.com"
}

func (d *door) errSignature() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Upstream, "The signature of %s on its answer cannot be trusted, so nobody was signed in. Try again in a minute; if it stays so, ask an administrator to check the connection.", d.client.Label)
}

func (d *door) errContradiction() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Upstream, "%s contradicts itself about who you are, so nobody was signed in. Start the sign-in again, and tell an administrator if it happens again.", d.client.Label)
}

// checkAudience takes a token only if it was made for us: we are in aud, and
// where there are others too, azp must say that we are meant.
func (d *door) checkAudience(aud []string, azp *string) error {
	ours := slices.Contains(aud, d.client.ID)
	if ours && (azp != nil && *azp == d.client.ID || azp == nil && len(aud) == 1) {
		return nil
	}
	party := "none"
	if azp != nil {
		party = *azp
	}
	return gatehouse.Errorf(gatehouse.Upstream, "The answer of %s is meant for another application, so nobody was signed in. Ask an administrator to check the connection's client ID.", d.client.Label).
		Because(fmt.Errorf("ID token: aud %q, azp %q", clip(strings.Join(aud, " ")), clip(party)))
}

// checkTimes takes a token only within its time, and a sign-in at the provider
// only as old as max_age allows; where it had to be fresh, not from before it was
// asked for.
func (d *door) checkTimes(a gatehouse.Attempt, token *oidc.IDToken, s stated) error {
	now := d.clock.Now()
	var wrong string
	switch {
	case !now.Before(token.Expiry.Add(skew)): // also when there is none
		wrong = "exp is over or missing"
	case token.IssuedAt.Unix() <= 0:
		wrong = "iat is missing"
	case token.IssuedAt.After(now.Add(skew)):
		wrong = "iat is in the future"
	case s.NotBefore != nil && at(*s.NotBefore).After(now.Add(skew)):
		wrong = "nbf is in the future"
	case a.Fresh && d.freshIsChecked && (s.AuthTime == nil || at(*s.AuthTime).Before(a.CreatedAt.Add(-skew)) || at(*s.AuthTime).After(now.Add(skew))):
		return d.errNotFresh()
	case d.maxAge >= 0 && s.AuthTime == nil:
		wrong = "max_age was asked for, and auth_time is missing"
	case d.maxAge >= 0 && at(*s.AuthTime).After(now.Add(skew)):
		wrong = "auth_time is in the future"
	case d.maxAge >= 0 && now.Sub(at(*s.AuthTime)) > time.Duration(d.maxAge)*time.Second+skew:
		wrong = "auth_time is older than max_age allows"
	default:
		return nil
	}
	return gatehouse.Errorf(gatehouse.Upstream, "The answer of %s is too old or from the future, so nobody was signed in. Start the sign-in again; if it stays so, ask an administrator to compare the clocks of the two servers.", d.client.Label).
		Because(fmt.Errorf("ID token: %s (now %d, exp %d, iat %d)", wrong, now.Unix(), token.Expiry.Unix(), token.IssuedAt.Unix()))
}

// errNotFresh: whoever sits at the browser may not be who signed in there.
func (d *door) errNotFresh() error {
	return gatehouse.Errorf(gatehouse.Forbidden, "%s did not ask you again who you are, which is needed here. Sign out there, and then do it again; or confirm in another way.", d.client.Label).
		Because(errors.New("ID token: auth_time is missing or from before the sign-in was asked for (prompt=login, max_age=0)"))
}

// at is a NumericDate (RFC 7519 2), which may have a fraction.
func at(n json.Number) time.Time {
	f, err := n.Float64()
	if err != nil || f < 0 || f > 1e11 {
		return time.Unix(1e11, 0) // no time of this world: in the future
	}
	return time.Unix(int64(f), 0)
}

// askedTwice says whether an ID token tells by its acr, or by one of its amr,
// that the person gave two proofs: by values that the connection names. What
// other values mean is not guessed, and user-info does not count.
func askedTwice(claims map[string]any, values []string) bool {
	if acr, ok := claims["acr"].(string); ok && slices.Contains(values, acr) {
		return true
	}
	methods, _ := claims["amr"].([]any)
	return slices.ContainsFunc(methods, func(m any) bool {
		text, ok := m.(string)
		return ok && slices.Contains(values, text)
	})
}
