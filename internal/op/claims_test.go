package op

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
)

// payloadOf reads a JWT without a look at its signature.
func payloadOf(t *testing.T, jwt string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", jwt)
	}
	for i, into := range []*map[string]any{&header, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// OpenID Connect Core section 5.5: claims one by one.
func TestClaimsParameter(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		wish := `{"id_token":{"email":{"essential":true},"unknown":null},"userinfo":{"name":{"essential":true},"picture":null}}`
		a := h.grant("scope", "openid", "claims", wish)
		_, id := payloadOf(t, a.IDToken)
		if id["email"] != "alice@example.com" || id["name"] != nil || id["email_verified"] != nil {
			t.Errorf("the ID token has %v", id)
		}
		var info map[string]any
		if err := json.Unmarshal([]byte(h.userinfo(a.AccessToken).body), &info); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]any{"sub": request.Subject(h.alice), "name": "Alice", "picture": "https://img.example/alice.png"}, info); diff != "" {
			t.Error(diff)
		}
		// They survive a refresh, and a sign-in in between.
		if _, id := payloadOf(t, h.refresh(a.RefreshToken).tokens(t).IDToken); id["email"] != "alice@example.com" {
			t.Errorf("after a refresh: %v", id)
		}
		code := h.browser().get(asking("trusted", "scope", "openid", "claims", wish)).sent(t).Get("code")
		if _, id := payloadOf(t, h.redeem(code).tokens(t).IDToken); id["email"] != "alice@example.com" {
			t.Errorf("after a sign-in: %v", id)
		}
		// A client has no claim of a scope that it is not registered for.
		h.change("trusted", func(c *gatehouse.Client) { c.Scopes = []string{"openid"} })
		if _, id := payloadOf(t, h.grant("scope", "openid", "claims", wish).IDToken); id["email"] != nil {
			t.Errorf("T14: %v", id)
		}
	})
}

// What is asked for one by one is asked of the person like its scope.
func TestA12ClaimsAreConsentedTo(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.signedIn(h.alice)
	b.decide(b.get(asking("app", "scope", "openid")), "allow").sent(t)
	b.get(asking("app", "scope", "openid")).sent(t)
	p := b.get(asking("app", "scope", "openid", "claims", `{"userinfo":{"email":null}}`))
	if !strings.Contains(p.body, "See your e-mail address") {
		t.Errorf("the page does not say it: %s", p.body)
	}
	b.decide(p, "allow").sent(t)
	b.get(asking("app", "scope", "openid", "claims", `{"userinfo":{"email":null}}`)).sent(t)
}

// A claim sub with a value names who must be signed in.
func TestClaimsNameThePerson(t *testing.T) {
	t.Parallel()
	h := open(t)
	for subject, want := range map[string]string{request.Subject(h.alice): "", request.Subject(h.bob): "login_required", "nobody": "login_required"} {
		claims := fmt.Sprintf(`{"id_token":{"sub":{"value":%q}}}`, subject)
		if got := h.signedIn(h.alice).get(asking("trusted", "prompt", "none", "claims", claims)).sent(t); got.Get("error") != want {
			t.Errorf("%s: %v", subject, got)
		}
	}
}

// surely starts a session that began with a method and a second proof.
func (b *browser) surely(u gatehouse.User, method, second string) *browser {
	b.h.t.Helper()
	var token string
	b.h.update(func(tx *store.Tx) (err error) {
		token, _, err = b.h.sessions.Start(tx, session.Start{UserID: u.ID, UserName: u.Username, Method: method, Second: second})
		return err
	})
	b.hold(token)
	return b
}

// A16: acr says how the person signed in; one that is demanded holds, whatever
// the address is made to say.
func TestA16ACR(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		for _, c := range []struct {
			method, second, acr string
			amr                 []any
		}{
			{"federated", "", acrOne, nil},
			{"password", "", acrOne, []any{"pwd"}},
			{"password", "authenticator", acrTwo, []any{"pwd", "otp", "mfa"}},
			{"passkey", "", acrTwo, []any{"pop", "user", "mfa"}},
			{"federated", "passkey", acrTwo, []any{"pop", "mfa"}},
			{"federated", gatehouse.SecondByProvider, acrTwo, []any{"mfa"}},
		} {
			code := h.browser().surely(h.alice, c.method, c.second).get(asking("trusted")).sent(t).Get("code")
			_, id := payloadOf(t, h.redeem(code).tokens(t).IDToken)
			amr, _ := id["amr"].([]any)
			if id["acr"] != c.acr || !cmp.Equal(amr, c.amr) {
				t.Errorf("%s and %s: acr %v, amr %v", c.method, c.second, id["acr"], id["amr"])
			}
		}
		essential := fmt.Sprintf(`{"id_token":{"acr":{"essential":true,"values":[%q]}}}`, acrTwo)
		weak := func() *browser { return h.browser().surely(h.alice, "password", "") }
		if got := h.browser().surely(h.alice, "passkey", "").get(asking("trusted", "claims", essential)).sent(t); got.Get("code") == "" {
			t.Errorf("one who did: %v", got)
		}
		if got := weak().get(asking("trusted", "claims", essential, "prompt", "none")).sent(t); got.Get("error") != "unmet_authentication_requirements" {
			t.Errorf("without a page: %v", got)
		}
		before := h.visits
		if got := weak().get(asking("trusted", "claims", essential)).sent(t); got.Get("error") != "unmet_authentication_requirements" {
			t.Errorf("who signs in anew, as weakly: %v", got)
		}
		if h.visits != before+1 || !cmp.Equal(h.demand, gatehouse.Demand{ACR: []string{acrTwo}, Essential: true, Stronger: true}) {
			t.Errorf("%d visits of the sign-in, which is to %+v", h.visits-before, h.demand)
		}
		// What is only wished for is asked for once, and told as it is (OpenID Connect Core section 3.1.2.1).
		before = h.visits
		code := weak().get(asking("trusted", "acr_values", acrTwo)).sent(t).Get("code")
		if _, id := payloadOf(t, h.redeem(code).tokens(t).IDToken); id["acr"] != acrOne || h.visits != before+1 || h.demand.Essential {
			t.Errorf("a wish: %v, %d visits", id["acr"], h.visits-before)
		}
		before = h.visits
		if got := weak().get(asking("trusted", "acr_values", "urn:of:another:world")).sent(t); got.Get("code") == "" || h.visits != before {
			t.Errorf("a wish that nobody can meet: %v, %d visits", got, h.visits-before)
		}
		foreign := `{"id_token":{"acr":{"essential":true,"value":"urn:of:another:world"}}}`
		if got := h.browser().get(asking("trusted", "claims", foreign)).sent(t); got.Get("error") != "unmet_authentication_requirements" || h.visits != before {
			t.Errorf("an essential one that nobody can meet: %v, %d visits", got, h.visits-before)
		}
		// Who did more than an essential value says is told by that value.
		less := fmt.Sprintf(`{"id_token":{"acr":{"essential":true,"value":%q}}}`, acrOne)
		code = h.browser().surely(h.alice, "passkey", "").get(asking("trusted", "claims", less)).sent(t).Get("code")
		if _, id := payloadOf(t, h.redeem(code).tokens(t).IDToken); id["acr"] != acrOne {
			t.Errorf("told %v", id["acr"])
		}
		// What stands beside the handle of a request that waits is another request, and changes nothing of it.
		b := h.browser()
		h.signsIn = nil
		b.get(asking("trusted", "claims", essential, "state", "first"))
		h.signsIn = &h.alice
		b.surely(h.alice, "password", "")
		if got := b.get("/oauth/authorize?request=" + h.handle + "&acr_values=" + acrOne); strings.Contains(got.at.RawQuery+got.header.Get("Location"), "code=") {
			t.Errorf("the address was edited, and led to %s", got.at)
		}
		if got := b.get("/oauth/authorize?request=" + h.handle).sent(t); got.Get("error") != "unmet_authentication_requirements" {
			t.Errorf("%v", got)
		}
	})
}

// A client's default_max_age holds where the request names none.
func TestDefaultMaxAge(t *testing.T) {
	t.Parallel()
	h := open(t)
	hour := int64(3600)
	h.change("trusted", func(c *gatehouse.Client) { c.Settings.MaxAge = &hour })
	b := h.signedIn(h.alice)
	b.get(asking("trusted", "prompt", "none")).sent(t)
	h.clock.add(2 * time.Hour)
	if got := b.get(asking("trusted", "prompt", "none")).sent(t); got.Get("error") != "login_required" {
		t.Errorf("%v", got)
	}
	if got := b.get(asking("trusted", "prompt", "none", "max_age", "86400")).sent(t); got.Get("error") != "" {
		t.Errorf("%v", got)
	}
}

// RFC 8707: tokens are for the resources that were named, or for fewer.
func TestResources(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		const a, b = "https://a.example/api", "https://b.example/api"
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.Resources = []string{a, b} })
		audience := func(token string) []any {
			t.Helper()
			var told map[string]any
			if err := json.Unmarshal([]byte(h.post("/oauth/introspect", trusted(token)).body), &told); err != nil {
				t.Fatal(err)
			}
			all, _ := told["aud"].([]any)
			return all
		}
		code := func() string {
			v := asking("trusted") + "&" + url.Values{"resource": {a, b}}.Encode()
			return h.signedIn(h.alice).get(v).sent(t).Get("code")
		}
		whole := h.redeem(code()).tokens(t)
		if got := audience(whole.AccessToken); !cmp.Equal(got, []any{a, b}) {
			t.Errorf("for %v", got)
		}
		one := h.redeem(code(), "resource", a).tokens(t)
		if got := audience(one.AccessToken); !cmp.Equal(got, []any{a}) {
			t.Errorf("for %v", got)
		}
		next := h.refresh(one.RefreshToken, "resource", b).tokens(t) // the refresh token is for both
		if got := audience(next.AccessToken); !cmp.Equal(got, []any{b}) {
			t.Errorf("for %v", got)
		}
		h.refresh(next.RefreshToken, "resource", "https://c.example").refused(t, 400, "invalid_target")
		h.refresh(next.RefreshToken).tokens(t)
		h.redeem(code(), "resource", "https://c.example").refused(t, 400, "invalid_target")
		// What is for others does not open our API, since they could bring it.
		if p := h.machine().do("GET", "/api/v4/user", nil, "Authorization", "Bearer "+whole.AccessToken); p.status != 401 {
			t.Errorf("T10: the API takes it: %d", p.status)
		}
		ours := h.redeem(h.code("trusted", "resource", h.url)).tokens(t)
		if p := h.machine().do("GET", "/api/v4/user", nil, "Authorization", "Bearer "+ours.AccessToken); p.status != 200 {
			t.Errorf("one that is for us: %d %s", p.status, p.body)
		}
	})
}
