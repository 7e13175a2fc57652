package openid_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"gatehouse"
	"gatehouse/internal/integration/openid"
	twin "gatehouse/internal/twin/openid"
)

func TestSignIn_ByWhateverTheProviderTakes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*twin.Client, *gatehouse.Connection){
		"AsItComes": nil,
		"InTheHeader": func(k *twin.Client, c *gatehouse.Connection) {
			k.AuthMethod, c.Args["client_auth_method"] = twin.AuthBasic, "basic"
		},
		"InTheForm": func(k *twin.Client, c *gatehouse.Connection) {
			k.AuthMethod, c.Args["client_auth_method"] = twin.AuthPost, "query"
		},
		"SecretWithOddCharacters": func(k *twin.Client, c *gatehouse.Connection) {
			k.AuthMethod, k.Secret = twin.AuthBasic, "a%2Fb:c d+é&="
			c.AppSecret = k.Secret
		},
		"PublicClient": func(k *twin.Client, c *gatehouse.Connection) {
			k.AuthMethod, c.AppSecret, c.Args["client_auth_method"] = twin.AuthNone, "", "none"
		},
		"WithoutPKCE":        func(_ *twin.Client, c *gatehouse.Connection) { c.Args["pkce"] = "false" },
		"ScopeNotSent":       func(_ *twin.Client, c *gatehouse.Connection) { c.Args["send_scope_to_token_endpoint"] = "false" },
		"ClaimsInTheIDToken": func(k *twin.Client, _ *gatehouse.Connection) { k.ClaimsInIDToken = true },
		"SignedUserInfo":     func(k *twin.Client, _ *gatehouse.Connection) { k.SignedUserinfo = true },
		"PS256":              func(k *twin.Client, _ *gatehouse.Connection) { k.Algorithm = "PS256" },
		"ES256":              func(k *twin.Client, _ *gatehouse.Connection) { k.Algorithm = "ES256" },
		"EdDSA":              func(k *twin.Client, _ *gatehouse.Connection) { k.Algorithm = "EdDSA" },
		"ByHand":             func(_ *twin.Client, c *gatehouse.Connection) { byHand(c) },
		"RecentEnough":       func(_ *twin.Client, c *gatehouse.Connection) { c.Args["max_age"] = int64(300) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, change)
			got := mustSignIn(t, c.open(t), twin.DemoSub("zhao.yun"))
			if got.Tokens == nil || got.Tokens.Access == "" || !got.Tokens.ExpiresAt.After(c.clock.Now()) {
				t.Errorf("tokens: %+v", got.Tokens)
			}
			got.Tokens = nil
			if got.Origin.Session == "" {
				t.Error("the provider's session has no name")
			}
			want := gatehouse.Vouched{AuthAt: c.clock.Now().Truncate(time.Second), Origin: gatehouse.Origin{Subject: got.Subject, Session: got.Origin.Session}, Subject: twin.DemoSub("zhao.yun"), Profile: gatehouse.Profile{
				Username: "zhao.yun", Name: "赵云", Email: "zhao.yun@qinghe.example.com", Verified: gatehouse.Verified,
				Avatar: c.url + "/media/" + twin.DemoSub("zhao.yun") + ".svg", Locale: "zh-CN", Title: "平台工程师",
				Groups: []string{"engineering", "engineering/platform", "gatehouse-admins"},
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func byHand(c *gatehouse.Connection) {
	c.Args["discovery"] = false
	c.Args["client_options"] = map[string]any{
		"authorization_endpoint": "/authorize", "token_endpoint": c.Args["issuer"].(string) + "/token", "userinfo_endpoint": "/userinfo", "jwks_uri": "/jwks",
	}
}

func TestSignIn_PrivateKeyInsteadOfSecret(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, func(k *twin.Client, c *gatehouse.Connection) {
		k.AuthMethod, k.Secret = twin.AuthPrivateKey, ""
		k.Keys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), Algorithm: "ES256", Use: "sig"}}}
		c.Args["client_auth_method"] = "private_key_jwt"
		c.AppSecret = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	})
	d := c.open(t)
	for range 2 { // an assertion is made anew each time
		if v := mustSignIn(t, d, twin.DemoSub("nora")); v.Subject != twin.DemoSub("nora") {
			t.Errorf("vouched for %q", v.Subject)
		}
	}
}

func TestBegin_AsksForWhatIsChecked(t *testing.T) {
	t.Parallel()
	c := start(t, func(_ *twin.Client, c *gatehouse.Connection) {
		c.Args["prompt"] = "select_account"
		c.Args["extra_authorize_params"] = map[string]any{"hd": "example.com", "state": "theirs", "code_challenge": "theirs"}
		c.Args["response_mode"] = "form_post"
	})
	a := attempt()
	a.LoginHint, a.Locale = "zhao.yun@qinghe.example.com", "zh-CN"
	address, err := c.open(t).Provider.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	got := u.Query()
	challenge := got.Get("code_challenge")
	got.Del("code_challenge")
	want := url.Values{
		"client_id": {twin.DemoClientID}, "redirect_uri": {callback}, "response_type": {"code"}, "response_mode": {"form_post"},
		"scope": {"openid profile email groups"}, "state": {a.State}, "nonce": {a.Nonce}, "code_challenge_method": {"S256"},
		"prompt": {"select_account"}, "hd": {"example.com"}, "login_hint": {a.LoginHint}, "ui_locales": {"zh-CN"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(challenge) != 43 || !strings.HasPrefix(address, c.url+"/authorize?") {
		t.Errorf("code_challenge %q at %s", challenge, address)
	}
}

func TestSignIn_Addresses(t *testing.T) {
	t.Parallel()
	for username, want := range map[string]gatehouse.Verification{
		"zhao.yun": gatehouse.Verified, "qin.shu": gatehouse.Unverified, "lin.mo": gatehouse.Unstated, "tomas": gatehouse.Verified,
		"xu.heng": gatehouse.Unstated, "gao.fei": gatehouse.Unstated, "ghost": gatehouse.Unstated,
	} {
		for _, inToken := range []bool{false, true} {
			t.Run(username, func(t *testing.T) {
				t.Parallel()
				c := start(t, func(k *twin.Client, _ *gatehouse.Connection) { k.ClaimsInIDToken = inToken })
				v := mustSignIn(t, c.open(t), twin.DemoSub(username))
				if v.Profile.Verified != want || v.Subject != twin.DemoSub(username) {
					t.Errorf("%q: %q is %q, want %q", v.Subject, v.Profile.Email, v.Profile.Verified, want)
				}
			})
		}
	}
}

func TestSignIn_ClaimsOfTheSettings(t *testing.T) {
	t.Parallel()
	person := twin.Person{
		Sub: "s-1", Number: 5, Name: "Wu Di", Username: "wudi", Email: "wudi@qinghe.example.com", EmailVerified: true,
		Claims: map[string]any{
			"upn": "wu.di@corp.example", "employee": 9007199254740993, "half": 1.5, "realm_access": map[string]any{"roles": []string{"dev", "ops"}},
			"https://qinghe.example.com/team": "blue",
		},
	}
	for name, test := range map[string]struct {
		args map[string]any
		want gatehouse.Vouched
		kind gatehouse.ErrorKind // "" = good
	}{
		"NumberAsSubject": {args: map[string]any{"uid_field": "employee"}, want: gatehouse.Vouched{Subject: "9007199254740993", Profile: gatehouse.Profile{
			Username: "wudi", Name: "Wu Di", Email: "wudi@qinghe.example.com", Verified: gatehouse.Verified,
		}}},
		"OtherAddressIsNotVerified": {
			args: map[string]any{"attribute_map": map[string]any{"email": "upn", "username": "upn", "groups": "realm_access.roles"}},
			want: gatehouse.Vouched{Subject: "s-1", Profile: gatehouse.Profile{
				Username: "wu.di@corp.example", Name: "Wu Di", Email: "wu.di@corp.example", Groups: []string{"dev", "ops"},
			}},
		},
		"GitLabsUsernameClaim": {args: map[string]any{"gitlab_username_claim": "sub", "groups_attribute": "https://qinghe.example.com/team"}, want: gatehouse.Vouched{
			Subject: "s-1", Profile: gatehouse.Profile{
				Username: "s-1", Name: "Wu Di", Email: "wudi@qinghe.example.com", Verified: gatehouse.Verified, Groups: []string{"blue"},
			},
		}},
		"Mapping": {
			args: map[string]any{"mapping": map[string]any{
				"username": `lower(claims.nothing ?? claims.upn)`, "email": `claims.upn`, "email_verified": `claims.email_verified ?? false`,
				"groups": `map(claims.realm_access?.roles ?? [], "kc/" + #)`, "title": `claims.job ?? "staff"`,
			}},
			want: gatehouse.Vouched{Subject: "s-1", Profile: gatehouse.Profile{
				Username: "wu.di@corp.example", Name: "Wu Di", Email: "wu.di@corp.example", Verified: gatehouse.Verified, Title: "staff", Groups: []string{"kc/dev", "kc/ops"},
			}},
		},
		"MappingOfGroupsCountsForRequiredGroups": {
			args: map[string]any{"mapping": map[string]any{"groups": `claims.realm_access.roles`}, "required_groups": []any{"admins"}}, kind: gatehouse.Forbidden,
		},
		"MappingThatDoesNotFit": {args: map[string]any{"mapping": map[string]any{"name": `lower(claims.nothing)`}}, kind: gatehouse.Upstream},
		"FractionIsNoSubject":   {args: map[string]any{"uid_field": "half"}, kind: gatehouse.Upstream},
		"AbsentIsNoSubject":     {args: map[string]any{"uid_field": "nothing"}, kind: gatehouse.Upstream},
		"TableIsNoSubject":      {args: map[string]any{"uid_field": "realm_access"}, kind: gatehouse.Upstream},
		"InARequiredGroup": {
			args: map[string]any{"client_options": map[string]any{"gitlab": map[string]any{"groups_attribute": "realm_access.roles", "required_groups": []any{"admins", "ops"}}}},
			want: gatehouse.Vouched{Subject: "s-1", Profile: gatehouse.Profile{
				Username: "wudi", Name: "Wu Di", Email: "wudi@qinghe.example.com", Verified: gatehouse.Verified, Groups: []string{"dev", "ops"},
			}},
		},
		"InNoRequiredGroup": {
			args: map[string]any{"client_options": map[string]any{"gitlab": map[string]any{"required_groups": []any{"Developer"}}}}, kind: gatehouse.Forbidden,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, func(_ *twin.Client, c *gatehouse.Connection) {
				for k, v := range test.args {
					c.Args[k] = v
				}
			})
			if err := c.SetPerson(person); err != nil {
				t.Fatal(err)
			}
			got, err := signIn(t, c.open(t), "s-1")
			if test.kind != "" {
				refused(t, got, err, test.kind)
				return
			}
			got.Tokens, test.want.AuthAt, test.want.Origin = nil, got.AuthAt, got.Origin
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestSignIn_UncheckedAddressIsNoSubject(t *testing.T) {
	t.Parallel()
	c := start(t, func(_ *twin.Client, c *gatehouse.Connection) { c.Args["uid_field"] = "email" })
	d := c.open(t)
	v, err := signIn(t, d, twin.DemoSub("qin.shu"))
	refused(t, v, err, gatehouse.Forbidden)
	if v := mustSignIn(t, d, twin.DemoSub("nora")); v.Subject != "nora@qinghe.example.com" {
		t.Errorf("vouched for %q", v.Subject)
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	c := start(t, func(_ *twin.Client, c *gatehouse.Connection) { c.Args["scope"] = "openid email offline_access" })
	d := c.open(t)
	first := mustSignIn(t, d, twin.DemoSub("nora")).Tokens
	second, err := d.Refresher.Refresh(t.Context(), *first)
	if err != nil {
		t.Fatal(err)
	}
	if second.Access == first.Access || second.Refresh == first.Refresh || second.Refresh == "" || len(second.Scopes) != 3 {
		t.Errorf("%+v after %+v", second, first)
	}
	_, err = d.Refresher.Refresh(t.Context(), *first)
	refused(t, gatehouse.Vouched{}, err, gatehouse.Invalid)
	_, err = d.Refresher.Refresh(t.Context(), gatehouse.Tokens{Access: "only"})
	refused(t, gatehouse.Vouched{}, err, gatehouse.Invalid)
}

func TestLogoutURL(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	address, err := c.open(t).Logout.LogoutURL(t.Context(), "a-token", "https://hub.example/")
	if err != nil {
		t.Fatal(err)
	}
	want := c.url + "/logout?" + url.Values{
		"client_id": {twin.DemoClientID}, "id_token_hint": {"a-token"}, "post_logout_redirect_uri": {"https://hub.example/"},
	}.Encode()
	if address != want {
		t.Errorf("%s, want %s", address, want)
	}
	byHand(&c.conn)
	if c.open(t).Logout != nil {
		t.Error("a provider without end_session_endpoint can end a session")
	}
}

func TestKinds_HaveGitLabsName(t *testing.T) {
	t.Parallel()
	var names []string
	for _, k := range openid.Kinds() {
		names = append(names, k.Name)
		if k.OpenConnection == nil || k.ConnectionHosts == nil || k.Title == "" {
			t.Errorf("%s is not whole", k.Name)
		}
	}
	if diff := cmp.Diff([]string{"openid", "openid_connect"}, names); diff != "" {
		t.Error(diff)
	}
}

// TestKeys_RotationAndFlood: new keys are found at once, and tokens with kids
// that nobody knows make us ask no more than once a minute.
func TestKeys_RotationAndFlood(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	d := c.open(t)
	asked := func() int { return c.Requests()["/jwks"] }
	sub := twin.DemoSub("nora")
	mustSignIn(t, d, sub)
	mustSignIn(t, d, sub)
	if n := asked(); n != 1 {
		t.Fatalf("the keys were fetched %d times for two sign-ins", n)
	}
	if err := c.RotateKeys(false); err != nil {
		t.Fatal(err)
	}
	mustSignIn(t, d, sub)
	if n := asked(); n != 2 {
		t.Fatalf("the keys were fetched %d times after they changed, want 2", n)
	}
	c.SetFlaws(twin.UnknownKey)
	for range 5 {
		v, err := signIn(t, d, sub)
		refused(t, v, err, gatehouse.Upstream)
	}
	if n := asked(); n != 2 {
		t.Errorf("unknown kids made us fetch the keys %d times within a minute", n-2)
	}
	c.clock.add(61 * time.Second)
	for range 5 {
		v, err := signIn(t, d, sub)
		refused(t, v, err, gatehouse.Upstream)
	}
	if n := asked(); n != 3 {
		t.Errorf("unknown kids made us fetch the keys %d times in the next minute, want once", n-2)
	}
	c.SetFlaws()
	mustSignIn(t, d, sub)
}

// TestCache_ManyAtOnce: however many people come at once, the provider is asked
// once for what it publishes, and one who goes away takes nobody along.
func TestCache_ManyAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	d := c.open(t)
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err := d.Provider.Begin(gone, attempt())
	refused(t, gatehouse.Vouched{}, err, gatehouse.Unavailable)
	var all errgroup.Group
	for range 20 {
		all.Go(func() error {
			v, err := signIn(t, d, twin.DemoSub("nora"))
			if err == nil && v.Subject != twin.DemoSub("nora") {
				err = errors.New("vouched for " + v.Subject)
			}
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	if r := c.Requests(); r["/.well-known/openid-configuration"] != 1 || r["/jwks"] != 1 || r["/token"] != 20 {
		t.Errorf("asked %v", r)
	}
}

// TestCache_OutlivesTheProvidersTroubles: what was learnt serves on for a day
// while the provider does not publish it.
func TestCache_OutlivesTheProvidersTroubles(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	d := c.open(t)
	sub := twin.DemoSub("nora")
	mustSignIn(t, d, sub)
	c.SetFaults(twin.Faults{List: []twin.Fault{twin.Broken("/.well-known"), twin.Broken("/jwks")}})
	c.clock.add(2 * time.Hour)
	mustSignIn(t, d, sub)
	c.clock.add(23 * time.Hour)
	v, err := signIn(t, d, sub)
	refused(t, v, err, gatehouse.Unavailable)
	before := c.Requests()["/.well-known/openid-configuration"]
	v, err = signIn(t, d, sub)
	refused(t, v, err, gatehouse.Unavailable)
	if n := c.Requests()["/.well-known/openid-configuration"]; n != before {
		t.Errorf("a provider that fails is asked again at once")
	}
	c.SetFaults(twin.Faults{})
	c.clock.add(6 * time.Second)
	mustSignIn(t, d, sub)
}

func TestFinish_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	c.env.HTTP = &http.Client{Transport: c.env.HTTP.Transport}
	d := c.open(t)
	a := attempt()
	address, err := d.Provider.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	answer := browse(t, address, twin.DemoSub("nora"))
	c.SetFaults(twin.Faults{List: []twin.Fault{{Prefix: "/token", Hang: true}}})
	v, err := d.Provider.Finish(within(t.Context(), t, 50*time.Millisecond), a, answer)
	refused(t, v, err, gatehouse.Unavailable)
}
