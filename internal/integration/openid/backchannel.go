package openid

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/authcode"
)

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// logoutLife is how old a logout token may be, whatever it says itself.
	logoutLife = 10 * time.Minute
	// longestToken bounds a logout token; real ones have some hundred bytes.
	longestToken = 16 << 10
)

// Ended checks a logout token as OpenID Connect Back-Channel Logout 1.0, 2.6 has
// it. Anybody may send one, so all that it can do is to end sessions that the
// provider signed for.
func (d *door) Ended(ctx context.Context, raw string) (integration.Ended, error) {
	if len(raw) > longestToken || strings.Count(raw, ".") != 2 {
		return integration.Ended{}, errLogout(errors.New("it is no signed JWT"))
	}
	if err := d.checkType(raw); err != nil {
		return integration.Ended{}, errLogout(err)
	}
	token, err := d.signed(ctx, raw)
	if gatehouse.KindOf(err) == gatehouse.Unavailable {
		return integration.Ended{}, err
	}
	if err != nil {
		return integration.Ended{}, errLogout(err)
	}
	ended, err := d.readLogout(token)
	if err != nil {
		return integration.Ended{}, errLogout(err)
	}
	return ended, nil
}

// checkType refuses what says of itself to be another kind of JWT. Providers
// older than the final standard say JWT or nothing.
func (d *door) checkType(raw string) error {
	var allowed []jose.SignatureAlgorithm
	for _, a := range d.algorithms {
		allowed = append(allowed, jose.SignatureAlgorithm(a))
	}
	signed, err := jose.ParseSignedCompact(raw, allowed)
	if err != nil || len(signed.Signatures) != 1 {
		return errors.New("it is not signed by an algorithm that is accepted")
	}
	typ, _ := signed.Signatures[0].Header.ExtraHeaders[jose.HeaderType].(string)
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	if !slices.Contains([]string{"", "jwt", "logout+jwt"}, typ) {
		return fmt.Errorf("typ is %q", clip(typ))
	}
	return nil
}

// readLogout reads the claims of a token whose signature is good.
func (d *door) readLogout(token *oidc.IDToken) (integration.Ended, error) {
	var raw json.RawMessage
	if err := token.Claims(&raw); err != nil {
		return integration.Ended{}, errors.New("the claims cannot be read")
	}
	claims, err := authcode.Object(raw)
	if err != nil {
		return integration.Ended{}, err
	}
	id, _ := claims["jti"].(string)
	ended := integration.Ended{Token: id, Until: token.IssuedAt.Add(logoutLife + 2*skew)}
	ended.Subject, _ = claims["sub"].(string)
	ended.Session, _ = claims["sid"].(string)
	if cause := cmp.Or(d.wrongLogout(token, claims), d.wrongTimes(token, claims), wrongNames(claims, ended)); cause != "" {
		return integration.Ended{}, errors.New(cause)
	}
	return ended, nil
}

// wrongLogout says what makes it no logout token for us; "" = nothing.
func (d *door) wrongLogout(token *oidc.IDToken, claims map[string]any) string {
	events, _ := claims["events"].(map[string]any)
	_, isEvent := events[logoutEvent].(map[string]any)
	_, hasNonce := claims["nonce"]
	switch {
	case !d.sameIssuer(token.Issuer):
		return fmt.Sprintf("expected iss %q, got %q", d.issuer, clip(token.Issuer))
	case !slices.Contains(token.Audience, d.client.ID):
		return fmt.Sprintf("aud is %q", clip(strings.Join(token.Audience, " ")))
	case !isEvent:
		return "events does not hold the event of a logout"
	case hasNonce: // it may be an ID token
		return "it has a nonce"
	}
	return ""
}

// wrongTimes says whether it is old or from the future.
func (d *door) wrongTimes(token *oidc.IDToken, claims map[string]any) string {
	now := d.clock.Now()
	_, hasEnd := claims["exp"]
	switch {
	case token.IssuedAt.Unix() <= 0:
		return "iat is missing"
	case token.IssuedAt.After(now.Add(skew)):
		return "iat is in the future"
	case now.After(token.IssuedAt.Add(logoutLife + skew)):
		return "iat is too long ago"
	case hasEnd && !now.Before(token.Expiry.Add(skew)):
		return "exp is over"
	}
	return ""
}

// wrongNames says whether it names nobody, or somebody in a way that it may not.
func wrongNames(claims map[string]any, e integration.Ended) string {
	for name, value := range map[string]string{"sub": e.Subject, "sid": e.Session, "jti": e.Token} {
		if given, is := claims[name]; is && (given != value || value == "" || len(value) > maxName) {
			return name + " is empty, too long or no text"
		}
	}
	switch {
	case e.Token == "":
		return "jti is missing"
	case e.Subject == "" && e.Session == "":
		return "neither sub nor sid is there"
	}
	return ""
}

// maxName is how long a sub, sid or jti may be.
const maxName = 255

func errLogout(cause error) error {
	return gatehouse.Errorf(gatehouse.Invalid, "The logout token is not one that is accepted here, so nothing was done.").Because(fmt.Errorf("logout token: %w", cause))
}

// origin is the provider's session that an ID token speaks of.
func (d *door) origin(claims map[string]any, idToken string) gatehouse.Origin {
	o := gatehouse.Origin{}
	o.Subject, _ = claims["sub"].(string)
	if sid, _ := claims["sid"].(string); len(sid) <= maxName {
		o.Session = sid
	}
	if d.endsThere && len(idToken) <= longestHint {
		o.IDToken = idToken
	}
	return o
}

// longestHint bounds an ID token that goes into an address: many servers refuse
// addresses of more than 8 KiB.
const longestHint = 6 << 10
