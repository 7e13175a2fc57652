package openid_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/integration"
	twin "gatehouse/internal/twin/openid"
)

func TestEnded(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	d := c.open(t)
	v := mustSignIn(t, d, twin.DemoSub("nora"))
	if v.Origin.Subject != twin.DemoSub("nora") || v.Origin.Session == "" || v.Origin.IDToken != "" {
		t.Fatalf("origin %+v", v.Origin)
	}
	seen := map[string]bool{}
	for name, sid := range map[string]string{"Session": v.Origin.Session, "AllOfThePerson": ""} {
		token, err := c.LogoutToken(twin.DemoClientID, v.Origin.Subject, sid)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.BackChannel.Ended(t.Context(), token)
		if err != nil || got.Subject != v.Origin.Subject || got.Session != sid || got.Token == "" || seen[got.Token] || !got.Until.After(c.clock.Now()) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		seen[got.Token] = true
	}
}

// TestEnded_NoFlawEndsAnything is S10.
func TestEnded_NoFlawEndsAnything(t *testing.T) {
	t.Parallel()
	harmless := []twin.Flaw{twin.LogoutOldFormat, twin.NoKeyID, twin.ExtraAudience, twin.WrongParty, twin.NoNonce, twin.NoExpiry, twin.NoTokenHash}
	harmful := []twin.Flaw{
		twin.WrongIssuer, twin.WrongAudience, twin.NoAudience, twin.Expired, twin.FutureIssued, twin.EmptySubject, twin.NumberSubject, twin.DuplicateClaims,
		twin.BadSignature, twin.AlgNone, twin.HS256PublicKey, twin.UnknownKey, twin.StrangersKey, twin.EmbeddedKey, twin.CriticalHeader,
		twin.LogoutNonce, twin.LogoutNoEvent, twin.LogoutNobody,
	}
	for _, flaw := range slices.Concat(harmless, harmful) {
		t.Run(string(flaw), func(t *testing.T) {
			t.Parallel()
			c := start(t, nil)
			c.SetFlaws(flaw)
			token, err := c.LogoutToken(twin.DemoClientID, twin.DemoSub("nora"), "sid")
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.open(t).BackChannel.Ended(t.Context(), token)
			if slices.Contains(harmless, flaw) {
				if err != nil || got.Subject != twin.DemoSub("nora") {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			notObeyed(t, got, err)
		})
	}
	t.Run("Old", func(t *testing.T) {
		t.Parallel()
		c := start(t, nil)
		c.SetFlaws(twin.LogoutOldFormat) // which has no end of its own
		token, err := c.LogoutToken(twin.DemoClientID, twin.DemoSub("nora"), "")
		if err != nil {
			t.Fatal(err)
		}
		c.clock.add(12 * time.Minute)
		got, err := c.open(t).BackChannel.Ended(t.Context(), token)
		notObeyed(t, got, err)
	})
	t.Run("IDToken", func(t *testing.T) {
		t.Parallel()
		c := start(t, nil)
		d := c.open(t)
		got, err := d.BackChannel.Ended(t.Context(), mustSignIn(t, d, twin.DemoSub("nora")).Tokens.ID)
		notObeyed(t, got, err)
	})
	for name, raw := range map[string]string{"Nothing": "", "Text": "hello", "Dots": "..", "Long": strings.Repeat("a", 1<<20) + "..", "JSON": `{"sub":"x"}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := start(t, nil).open(t).BackChannel.Ended(t.Context(), raw)
			notObeyed(t, got, err)
		})
	}
}

func notObeyed(t *testing.T, got integration.Ended, err error) {
	t.Helper()
	if !errors.Is(err, gatehouse.Invalid) || got != (integration.Ended{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestEnded_ClaimsOfAnyKind: claims that the twin does not make, signed by the
// provider's own key.
func TestEnded_ClaimsOfAnyKind(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	d := c.open(t)
	now := c.clock.Now().Unix()
	const event = `"events":{"http://schemas.openid.net/event/backchannel-logout":{}}`
	base := `"iss":"` + c.url + `","aud":"` + twin.DemoClientID + `"`
	sign := func(typ, payload string) string {
		options := &jose.SignerOptions{}
		if typ != "" {
			options.WithType(jose.ContentType(typ))
		}
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key()}, options)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := s.Sign([]byte(strings.ReplaceAll(payload, "NOW", strconv.FormatInt(now, 10))))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for name, test := range map[string]struct {
		typ, payload string
		good         bool
	}{
		"AsItMustBe":     {"logout+jwt", `{` + base + `,"iat":NOW,"jti":"1","sub":"s",` + event + `}`, true},
		"LongType":       {"application/logout+jwt", `{` + base + `,"iat":NOW,"jti":"1","sid":"s",` + event + `}`, true},
		"AccessToken":    {"at+jwt", `{` + base + `,"iat":NOW,"jti":"1","sub":"s",` + event + `}`, false},
		"NoTime":         {"", `{` + base + `,"jti":"1","sub":"s",` + event + `}`, false},
		"NoID":           {"", `{` + base + `,"iat":NOW,"sub":"s",` + event + `}`, false},
		"EmptyID":        {"", `{` + base + `,"iat":NOW,"jti":"","sub":"s",` + event + `}`, false},
		"LongSession":    {"", `{` + base + `,"iat":NOW,"jti":"1","sid":"` + strings.Repeat("s", 300) + `",` + event + `}`, false},
		"SessionIsAList": {"", `{` + base + `,"iat":NOW,"jti":"1","sub":"s","sid":["a"],` + event + `}`, false},
		"EventIsText":    {"", `{` + base + `,"iat":NOW,"jti":"1","sub":"s","events":"http://schemas.openid.net/event/backchannel-logout"}`, false},
		"EventIsTrue":    {"", `{` + base + `,"iat":NOW,"jti":"1","sub":"s","events":{"http://schemas.openid.net/event/backchannel-logout":true}}`, false},
		"NullNonce":      {"", `{` + base + `,"iat":NOW,"jti":"1","sub":"s","nonce":null,` + event + `}`, false},
		"List":           {"", `[]`, false},
	} {
		got, err := d.BackChannel.Ended(t.Context(), sign(test.typ, test.payload))
		if test.good != (err == nil) || test.good != (got.Token == "1") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestLogoutHint(t *testing.T) {
	t.Parallel()
	c := start(t, func(_ *twin.Client, c *gatehouse.Connection) { c.Args["logout"] = true })
	d := c.open(t)
	v := mustSignIn(t, d, twin.DemoSub("nora"))
	if v.Origin.IDToken == "" || v.Origin.IDToken != v.Tokens.ID {
		t.Fatalf("origin %+v", v.Origin)
	}
	address, err := d.Logout.LogoutURL(t.Context(), v.Origin.IDToken, "https://hub.example/sign-out/done")
	if err != nil || !strings.Contains(address, "id_token_hint="+v.Origin.IDToken) || !strings.Contains(address, "post_logout_redirect_uri=https%3A%2F%2Fhub.example%2Fsign-out%2Fdone") {
		t.Errorf("%s, %v", address, err)
	}
}
