package openid

import (
	"crypto/ed25519"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

func TestToken_Codes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.add(Client{ID: "other", Secret: "s", RedirectURIs: []string{callback}})
	for name, pairs := range map[string][]string{
		"OfAnotherClient":   {"client_id", "other", "client_secret", "s"},
		"OtherRedirect":     {"redirect_uri", callback + "?x=1"},
		"RedirectMissing":   {"redirect_uri", "-"},
		"Unknown":           {"code", "unknown"},
		"Missing":           {"code", "-"},
		"ForTheOtherFlow":   {"flow", "plain"},
		"AfterItsShortLife": {"wait", "1m"},
	} {
		path, code := pathToken, b.code(authPath(), "nora")
		if name == "ForTheOtherFlow" {
			path = pathPlainToken
		}
		if name == "AfterItsShortLife" {
			b.now.pass(codeLife)
		}
		if a := b.exchangeAt(path, code, pairs...); a.status != http.StatusBadRequest || a.json["error"] != "invalid_grant" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

func TestToken_CodeIsGoodOnceAndReuseEndsItsTokens(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	code := b.code(authPath("scope", "openid offline_access"), "nora")
	first := b.exchange(code)
	access := first.json["access_token"].(string)
	if a := b.withToken(pathUserinfo, access); a.status != http.StatusOK || first.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", a.status, first.header)
	}
	if a := b.exchange(code); a.status != http.StatusBadRequest || a.json["error"] != "invalid_grant" {
		t.Errorf("again: %d %s", a.status, a.text)
	}
	if a := b.withToken(pathUserinfo, access); a.status != http.StatusUnauthorized {
		t.Errorf("the token lives on: %d", a.status)
	}
	if a := b.refresh(first.json["refresh_token"]); a.status != http.StatusBadRequest {
		t.Errorf("the refresh token lives on: %d", a.status)
	}
}

func (b *bench) refresh(token any, pairs ...string) reply {
	b.Helper()
	text, _ := token.(string)
	return b.exchange("-", append([]string{"grant_type", "refresh_token", "code", "-", "redirect_uri", "-", "refresh_token", text}, pairs...)...)
}

func TestToken_Refresh(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.tokens("nora", "scope", "openid profile offline_access")
	b.now.pass(time.Hour)
	if a := b.withToken(pathUserinfo, first["access_token"].(string)); a.status != http.StatusUnauthorized || !strings.Contains(a.header.Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("an expired access token: %d %v", a.status, a.header)
	}
	second := b.refresh(first["refresh_token"])
	if second.status != http.StatusOK {
		t.Fatalf("%d %s", second.status, second.text)
	}
	_, old, _ := parts(t, first["id_token"])
	_, claims, _ := parts(t, second.json["id_token"])
	got := []any{claims["sub"], claims["auth_time"], claims["nonce"], claims["iat"], second.json["scope"], second.json["refresh_token"] == first["refresh_token"]}
	want := []any{old["sub"], old["auth_time"], nil, old["iat"].(float64) + 3600, "openid profile offline_access", false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if a := b.refresh(second.json["refresh_token"], "scope", "openid email"); a.json["error"] != "invalid_scope" {
		t.Errorf("more scopes: %s", a.text)
	}
	if a := b.refresh(first["refresh_token"]); a.json["error"] != "invalid_grant" {
		t.Errorf("an old refresh token: %s", a.text)
	}
	if a := b.refresh(second.json["refresh_token"]); a.json["error"] != "invalid_grant" {
		t.Errorf("its family lives on: %s", a.text)
	}
	third := b.tokens("nora", "scope", "openid offline_access")
	nora := *DemoWorld().Person(DemoSub("nora"))
	nora.Disabled = true
	if err := b.SetPerson(nora); err != nil {
		t.Fatal(err)
	}
	if a := b.refresh(third["refresh_token"]); a.json["error"] != "invalid_grant" {
		t.Errorf("of a disabled person: %s", a.text)
	}
	if a := b.withToken(pathUserinfo, third["access_token"].(string)); a.status != http.StatusUnauthorized {
		t.Errorf("userinfo of a disabled person: %d", a.status)
	}
}

// TestToken_ClientAuthentication: one proof, of the kind registered, and right.
func TestToken_ClientAuthentication(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for id, method := range map[string]string{"any": "", "basic": AuthBasic, "post": AuthPost} {
		b.add(Client{ID: id, Secret: "p w:%+", AuthMethod: method})
	}
	b.add(Client{ID: "public", AuthMethod: AuthNone})
	for name, c := range map[string]struct {
		basic, form []string
		want        string
	}{
		"Any/Basic":         {[]string{"any", "p w:%+"}, nil, "invalid_grant"},
		"Any/Post":          {nil, []string{"any", "p w:%+"}, "invalid_grant"},
		"Any/None":          {nil, []string{"any"}, "invalid_client"},
		"Any/Both":          {[]string{"any", "p w:%+"}, []string{"any", "p w:%+"}, "invalid_request"},
		"Any/Wrong":         {[]string{"any", "x"}, nil, "invalid_client"},
		"Any/EmptySecret":   {nil, []string{"any", ""}, "invalid_client"},
		"Any/TwoIDs":        {[]string{"any", "p w:%+"}, []string{"basic"}, "invalid_client"},
		"Basic/Basic":       {[]string{"basic", "p w:%+"}, []string{"basic"}, "invalid_grant"},
		"Basic/Post":        {nil, []string{"basic", "p w:%+"}, "invalid_client"},
		"Post/Post":         {nil, []string{"post", "p w:%+"}, "invalid_grant"},
		"Post/Basic":        {[]string{"post", "p w:%+"}, nil, "invalid_client"},
		"Public/None":       {nil, []string{"public"}, "invalid_grant"},
		"Public/WithSecret": {nil, []string{"public", "x"}, "invalid_client"},
		"Unknown":           {[]string{"nobody", "x"}, nil, "invalid_client"},
		"Nobody":            {nil, nil, "invalid_client"},
	} {
		form := url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}
		for i, v := range c.form {
			form.Set([]string{"client_id", "client_secret"}[i], v)
		}
		r := b.request(http.MethodPost, pathToken, form)
		if c.basic != nil {
			r.SetBasicAuth(url.QueryEscape(c.basic[0]), url.QueryEscape(c.basic[1]))
		}
		a := b.do(r)
		if a.json["error"] != c.want || (c.want == "invalid_client") != (a.status == http.StatusUnauthorized && a.header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

func TestToken_PrivateKeyJWT(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, strange, _ := ed25519.GenerateKey(nil)
	b.add(Client{
		ID: "keyed", AuthMethod: AuthPrivateKey, RedirectURIs: []string{callback}, Trusted: true,
		Keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: "1", Algorithm: "EdDSA"}}},
	})
	now := b.now.Now().Unix()
	good := map[string]any{"iss": "keyed", "sub": "keyed", "aud": b.url + pathToken, "jti": "0", "exp": now + 60}
	send := func(key any, change map[string]any) reply {
		claims := maps.Clone(good)
		maps.Copy(claims, change)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		payload, _ := json.Marshal(claims)
		signed, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		token, _ := signed.CompactSerialize()
		code := b.code(authPath("client_id", "keyed"), "nora")
		return b.exchange(code, "client_id", "-", "client_secret", "-", "client_assertion_type", assertionType, "client_assertion", token)
	}
	for _, aud := range []any{b.url, b.url + pathToken, []string{"https://other.example.com", b.url}} {
		if a := send(private, map[string]any{"aud": aud, "jti": secret()}); a.status != http.StatusOK {
			t.Errorf("aud %v: %d %s", aud, a.status, a.text)
		}
	}
	if a := send(private, nil); a.status != http.StatusOK {
		t.Errorf("the first time: %s", a.text)
	}
	for name, change := range map[string]map[string]any{
		"Replayed":      {},
		"NoID":          {"jti": ""},
		"OtherAudience": {"jti": "1", "aud": "https://other.example.com"},
		"OtherSubject":  {"jti": "2", "sub": DemoClientID},
		"OtherClient":   {"jti": "3", "iss": DemoClientID, "sub": DemoClientID},
		"Expired":       {"jti": "4", "exp": now},
		"TooLong":       {"jti": "5", "exp": now + 7200},
		"NoExpiry":      {"jti": "6", "exp": nil},
	} {
		if a := send(private, change); a.json["error"] != "invalid_client" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	if a := send(strange, map[string]any{"jti": "7"}); a.json["error"] != "invalid_client" {
		t.Errorf("a stranger's key: %s", a.text)
	}
}

func TestToken_Requests(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, c := range map[string]struct {
		form url.Values
		want string
	}{
		"NoForm":       {nil, "invalid_request"},
		"NoGrantType":  {url.Values{}, "invalid_request"},
		"OtherGrant":   {url.Values{"grant_type": {"password"}}, "unsupported_grant_type"},
		"Doubled":      {url.Values{"grant_type": {"authorization_code"}, "code": {"a", "b"}}, "invalid_request"},
		"NotARefresh":  {url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, "invalid_grant"},
		"NothingGiven": {url.Values{"grant_type": {"refresh_token"}}, "invalid_grant"},
	} {
		if c.form != nil {
			c.form.Set("client_id", DemoClientID)
			c.form.Set("client_secret", DemoClientSecret)
		}
		if a := b.post(pathToken+"?client_id=gatehouse", c.form); a.json["error"] != c.want {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	if a := b.get(pathToken); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", a.status)
	}
	if a := b.post(pathToken, url.Values{"x": {strings.Repeat("x", maxBody)}}); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge request: %d", a.status)
	}
}

func TestUserinfo_Tokens(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tokens := b.tokens("nora")
	access := tokens["access_token"].(string)
	for name, c := range map[string]struct {
		header string
		form   url.Values
		want   int
	}{
		"Header":          {"Bearer " + access, nil, 200},
		"HeaderLowerCase": {"bearer " + access, nil, 200},
		"Form":            {"", url.Values{"access_token": {access}}, 200},
		"Both":            {"Bearer " + access, url.Values{"access_token": {access}}, 400},
		"None":            {"", url.Values{}, 401},
		"Basic":           {"Basic " + access, nil, 401},
		"Wrong":           {"Bearer " + access + "x", nil, 401},
		"IDToken":         {"Bearer " + tokens["id_token"].(string), nil, 401},
	} {
		r := b.request(http.MethodPost, pathUserinfo, c.form)
		if c.header != "" {
			r.Header.Set("Authorization", c.header)
		}
		if a := b.do(r); a.status != c.want || (c.want != 200) != strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
	if a := b.get(pathUserinfo + "?access_token=" + access); a.status != http.StatusUnauthorized {
		t.Errorf("in the query: %d", a.status)
	}
}

// TestUserinfo_People: what the demo people tell, as it is on the wire.
func TestUserinfo_People(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	told := func(name string) map[string]any {
		return b.withToken(pathUserinfo, b.tokens(name, "scope", "openid profile email phone groups", "prompt", "login")["access_token"].(string)).json
	}
	for name, want := range map[string]map[string]any{
		"qin.shu": {"email": "qin.shu@qinghe.example.com", "email_verified": false, "groups": []any{"design"}},
		"lin.mo":  {"email": "lin.mo@qinghe.example.com", "email_verified": nil, "groups": []any{}, "nickname": "墨墨🐼"},
		"tomas":   {"email_verified": "true", "name": "Tomás O’Brien"},
		"xu.heng": {"email": nil, "email_verified": nil, "phone_number": "+86 188 0000 0404", "picture": nil},
		"priya":   {"preferred_username": nil, "contract_ends": "2030-06-30", "sub": DemoSub("priya")},
		"gao.fei": {"email": "NORA@Qinghe.Example.com", "email_verified": nil},
	} {
		got := told(name)
		for claim, value := range want {
			if diff := cmp.Diff(value, got[claim]); diff != "" {
				t.Errorf("%s, %s: %s", name, claim, diff)
			}
		}
	}
	if diff := cmp.Diff(map[string]any{"sub": DemoSub("ghost")}, told("ghost")); diff != "" {
		t.Error(diff)
	}
	narrow := b.tokens("nora", "scope", "openid", "prompt", "login")
	if diff := cmp.Diff(map[string]any{"sub": DemoSub("nora")}, b.withToken(pathUserinfo, narrow["access_token"].(string)).json); diff != "" {
		t.Errorf("with the scope openid alone: %s", diff)
	}
	if a := b.get("/media/" + DemoSub("nora") + ".svg"); a.status != http.StatusOK || a.header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("the picture: %d %v", a.status, a.header)
	}
	if a := b.get("/media/" + DemoSub("ghost") + ".svg"); a.status != http.StatusNotFound {
		t.Errorf("no picture: %d", a.status)
	}
}
