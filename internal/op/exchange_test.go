package op

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
)

// exchanging makes a client that may have people's tokens, and gives Alice a
// token of GitLab.
func (h *house) exchanging(expires time.Time) {
	h.t.Helper()
	for _, id := range []string{"app", "trusted"} {
		h.change(id, func(c *gatehouse.Client) {
			c.Scopes = append(slices.Clone(c.Scopes), request.ScopeProvider)
			c.GrantTypes = []string{request.GrantCode, request.GrantRefresh, request.GrantExchange}
		})
	}
	h.update(func(tx *store.Tx) error {
		c := gatehouse.Connection{Name: "gitlab", Kind: "gitlab", Enabled: true}
		off := gatehouse.Connection{Name: "off", Kind: "gitlab"}
		if err := errors.Join(tx.SaveConnection(&c), tx.SaveConnection(&off)); err != nil {
			return err
		}
		i := gatehouse.Identity{UserID: h.alice.ID, ConnectionID: c.ID, Subject: "7"}
		if err := tx.SaveIdentity(&i); err != nil {
			return err
		}
		return tx.SaveProviderTokens(&gatehouse.ProviderTokens{IdentityID: i.ID, Tokens: gatehouse.Tokens{
			Access: "glpat-of-alice", Refresh: "r", Scopes: []string{"api", "read_user"}, ExpiresAt: expires,
		}})
	})
}

// consented signs Alice in to a client and has her allow everything it asks.
func (h *house) consented(client string) tokenAnswer {
	h.t.Helper()
	b := h.signedIn(h.alice)
	code := b.decide(b.get(asking(client, "scope", "openid provider_tokens")), "allow").sent(h.t).Get("code")
	return h.redeem(code, "client_id", client).tokens(h.t)
}

// exchange brings a token for one of GitLab as the client "trusted".
func (h *house) exchange(token string, changes ...string) page {
	h.t.Helper()
	form := url.Values{
		"grant_type": {request.GrantExchange}, "subject_token": {token}, "subject_token_type": {accessTokenType},
		"audience": {"gitlab"}, "client_id": {"trusted"}, "client_secret": {appSecret},
	}
	return h.post("/oauth/token", changed(form, changes))
}

// TestT18Exchange: only a live access token of this client, of a person who may
// come in and allowed it, is taken.
func TestT18Exchange(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.exchanging(h.clock.Now().Add(time.Hour))
		got := h.consented("trusted")
		answer := h.exchange(got.AccessToken)
		var told map[string]any
		if err := json.Unmarshal([]byte(answer.body), &told); err != nil || answer.status != http.StatusOK {
			t.Fatalf("%d %s", answer.status, answer.body)
		}
		if told["access_token"] != "glpat-of-alice" || told["issued_token_type"] != accessTokenType || told["token_type"] != "Bearer" ||
			told["scope"] != "api read_user" || told["expires_in"].(float64) < 3000 || told["refresh_token"] != nil {
			t.Errorf("answer %s", answer.body)
		}
		if answer.header.Get("Cache-Control") != "no-store" {
			t.Errorf("T9: Cache-Control %q", answer.header.Get("Cache-Control"))
		}
		if n := len(h.actions("provider_token.read")); n != 1 {
			t.Errorf("%d lines in the audit log", n)
		}
		resource := h.url + "/users/auth/gitlab"
		for name, changes := range map[string][]string{
			"URN":      {"audience", connectionURN + "gitlab"},
			"Resource": {"audience", "", "resource", resource},
			"Both":     {"resource", resource},
			"Scope":    {"scope", "api"},
			"Type":     {"requested_token_type", accessTokenType},
		} {
			if p := h.exchange(got.AccessToken, changes...); p.status != http.StatusOK {
				t.Errorf("%s: %d %s", name, p.status, p.body)
			}
		}

		plain := h.grant()
		other := h.consented("app")
		h.update(func(tx *store.Tx) error { return tx.SaveTokens(robotToken("robot-token", h.clock.Now())) })
		const bad, target = "invalid_request", "invalid_target"
		for name, tt := range map[string]struct {
			token   string
			changes []string
			want    string
		}{
			"NoToken":              {"", nil, bad},
			"Garbage":              {"garbage", nil, bad},
			"T10 RefreshToken":     {got.RefreshToken, nil, bad},
			"T10 IDToken":          {got.IDToken, nil, bad},
			"IDTokenType":          {got.IDToken, []string{"subject_token_type", "urn:ietf:params:oauth:token-type:id_token"}, bad},
			"NoType":               {got.AccessToken, []string{"subject_token_type", ""}, bad},
			"ForeignClient":        {other.AccessToken, nil, bad},
			"ClientItself":         {"robot-token", nil, bad},
			"T14 WithoutTheScope":  {plain.AccessToken, nil, bad},
			"ActorToken":           {got.AccessToken, []string{"actor_token", "x", "actor_token_type", accessTokenType}, bad},
			"AnotherTypeWanted":    {got.AccessToken, []string{"requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"}, bad},
			"ScopeThatIsNotThere":  {got.AccessToken, []string{"scope", "sudo"}, "invalid_scope"},
			"UnknownConnection":    {got.AccessToken, []string{"audience", "nosuch"}, target},
			"DisabledConnection":   {got.AccessToken, []string{"audience", "off"}, target},
			"ForeignResource":      {got.AccessToken, []string{"audience", "", "resource", "https://evil.example/users/auth/gitlab"}, target},
			"TargetsThatDisagree":  {got.AccessToken, []string{"resource", h.url + "/users/auth/off"}, target},
			"ResourceWithoutAName": {got.AccessToken, []string{"audience", "", "resource", h.url + "/users/auth/"}, target},
		} {
			t.Run(name, func(t *testing.T) { h.exchange(tt.token, tt.changes...).refused(t, http.StatusBadRequest, tt.want) })
		}
		h.exchange(plain.AccessToken, "client_id", "old", "client_secret", otherSecret).refused(t, http.StatusBadRequest, "unauthorized_client")

		t.Run("RevokedToken", func(t *testing.T) {
			one := h.consentedAlready()
			h.post("/oauth/revoke", url.Values{"token": {one.AccessToken}, "client_id": {"trusted"}, "client_secret": {appSecret}})
			h.exchange(one.AccessToken).refused(t, http.StatusBadRequest, bad)
		})
		t.Run("BlockedPerson", func(t *testing.T) {
			h.setState(h.alice, gatehouse.UserBlocked)
			h.exchange(got.AccessToken).refused(t, http.StatusBadRequest, bad)
			h.setState(h.alice, gatehouse.UserActive)
		})
		t.Run("WithdrawnConsent", func(t *testing.T) {
			h.update(func(tx *store.Tx) error { return tx.DeleteConsent(h.alice.ID, "trusted") })
			h.exchange(got.AccessToken).refused(t, http.StatusBadRequest, bad)
		})
		t.Run("ScopeTakenFromTheClient", func(t *testing.T) {
			h.change("trusted", func(c *gatehouse.Client) { c.Scopes = []string{"openid"} })
			h.exchange(got.AccessToken).refused(t, http.StatusBadRequest, "unauthorized_client")
		})
	})
}

// consentedAlready signs Alice in anew to "trusted", which she allowed before.
func (h *house) consentedAlready() tokenAnswer {
	h.t.Helper()
	return h.redeem(h.code("trusted", "scope", "openid provider_tokens")).tokens(h.t)
}

// robotToken is an access token of the client itself.
func robotToken(value string, now time.Time) *gatehouse.Token {
	return &gatehouse.Token{
		Hash: gatehouse.Digest(value), Kind: gatehouse.AccessToken, Family: "robot", ExpiresAt: now.Add(time.Hour),
		Grant: gatehouse.Grantable{ClientID: "trusted", Scopes: []string{request.ScopeProvider}},
	}
}

func TestExchangeOfWhatMustBeConnectedAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.exchanging(h.clock.Now().Add(-time.Minute)) // and the provider renews nothing
	p := h.exchange(h.consented("trusted").AccessToken)
	p.refused(t, http.StatusBadRequest, "invalid_target")
}

// TestTokensOfProvidersAreNeverAskedForByAccident: a client that names no scope
// does not get this one, and a public client never does.
func TestTokensOfProvidersAreNeverAskedForByAccident(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.change("trusted", func(c *gatehouse.Client) { c.Scopes = []string{"openid", request.ScopeProvider} })
	got := h.redeem(h.code("trusted", "scope", "")).tokens(t)
	if got.Scope != "openid" {
		t.Errorf("scope %q", got.Scope)
	}
	h.change("phone", func(c *gatehouse.Client) { c.Scopes = append(slices.Clone(c.Scopes), request.ScopeProvider) })
	p := h.signedIn(h.alice).get(asking("phone", "redirect_uri", "com.example.phone:/callback", "scope", "openid provider_tokens"))
	to, err := url.Parse(p.header.Get("Location"))
	if err != nil || to.Query().Get("error") != "invalid_scope" {
		t.Errorf("%d %q, %v", p.status, p.header.Get("Location"), err)
	}
}

// RFC 8693: an ID token stands for the access token that came with it, for the
// client that it was made for alone, and as long as both live.
func TestT18ExchangeOfIDTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.delegating()
		h.change("trusted", func(c *gatehouse.Client) {
			c.GrantTypes = []string{request.GrantCode, request.GrantRefresh, request.GrantExchange}
		})
		subject := h.grant()
		mine := []string{"client_id", "trusted", "subject_token_type", idTokenType}
		with := func(more ...string) []string { return append(slices.Clone(mine), more...) }
		got := h.own(subject.IDToken, with("scope", "email")...).tokens(t)
		if got.Scope != "email" || got.RefreshToken != "" || got.IDToken != "" || !h.active(got.AccessToken, "trusted", appSecret) {
			t.Errorf("got %+v", got)
		}
		flawed := func(change func(map[string]any)) string {
			_, claims := payloadOf(t, subject.IDToken)
			change(claims)
			payload, err := json.Marshal(claims)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := h.op.keys().Sign(t.Context(), "", keys.TypeJWT, payload)
			if err != nil {
				t.Fatal(err)
			}
			return signed
		}
		h.own(flawed(func(map[string]any) {}), mine...).tokens(t) // the flaws below are all that is wrong
		for name, c := range map[string]struct {
			token   string
			changes []string
		}{
			"AnotherClient":     {subject.IDToken, []string{"subject_token_type", idTokenType}}, // which may exchange access tokens of this one
			"AsAnAccessToken":   {subject.IDToken, with("subject_token_type", accessTokenType)},
			"AccessTokenAsOne":  {subject.AccessToken, mine},
			"ForAProvider":      {subject.IDToken, with("audience", "urn:gatehouse:connection:gitlab")},
			"AnotherIssuer":     {flawed(func(c map[string]any) { c["iss"] = "https://other.example" }), mine},
			"AnotherAudience":   {flawed(func(c map[string]any) { c["aud"] = "app" }), mine},
			"SeveralAudiences":  {flawed(func(c map[string]any) { c["aud"] = []string{"trusted", "app"} }), mine},
			"Ended":             {flawed(func(c map[string]any) { c["exp"] = h.clock.Now().Unix() }), mine},
			"NoHash":            {flawed(func(c map[string]any) { delete(c, "at_hash") }), mine},
			"HashOfNothing":     {flawed(func(c map[string]any) { c["at_hash"] = atHash("RS256", "x") }), mine},
			"ShortHash":         {flawed(func(c map[string]any) { c["at_hash"] = "AAAA" }), mine},
			"ChangedAfterwards": {subject.IDToken[:len(subject.IDToken)-8] + "AAAAAAAA", mine},
		} {
			if p := h.own(c.token, c.changes...); p.status != http.StatusBadRequest || !strings.Contains(p.body, `"error":"`) || strings.Contains(p.body, "access_token\":\"") {
				t.Errorf("%s: %d %s", name, p.status, p.body)
			}
		}
		h.own(subject.IDToken, with("scope", "api")...).refused(t, 400, "invalid_scope")
		h.post("/oauth/revoke", trusted(subject.AccessToken))
		h.own(subject.IDToken, mine...).refused(t, 400, "invalid_request")
		if h.active(got.AccessToken, "trusted", appSecret) {
			t.Error("it outlives what it came of")
		}
	})
}
