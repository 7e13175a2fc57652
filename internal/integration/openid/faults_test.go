package openid_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	twin "gatehouse/internal/twin/openid"
)

// harmless are flaws by which nobody gets in who should not.
func harmless() []twin.Flaw {
	return []twin.Flaw{
		twin.AnswerState, twin.AnswerNoState, // checked before a Provider is asked
		twin.IgnoredVerifier, twin.ReusableCode, // what is lacking at the provider does not vouch for anybody by itself
		twin.NoTokenHash, twin.NoKeyID, // allowed by the standards
		twin.PlainNoID, twin.PlainEmptyID, twin.PlainFractionID, // of the plain provider
		twin.LogoutNonce, twin.LogoutNoEvent, twin.LogoutNobody, twin.LogoutOldFormat,
	}
}

func TestSignIn_NoFlawVouchesForAnybody(t *testing.T) {
	t.Parallel()
	for _, flaw := range twin.AllFlaws() {
		for _, inToken := range []bool{false, true} {
			t.Run(string(flaw), func(t *testing.T) {
				t.Parallel()
				c := start(t, func(k *twin.Client, _ *gatehouse.Connection) { k.ClaimsInIDToken = inToken })
				c.SetFlaws(flaw)
				v, err := signIn(t, c.open(t), twin.DemoSub("nora"))
				if slices.Contains(harmless(), flaw) {
					if err != nil || v.Subject != twin.DemoSub("nora") {
						t.Errorf("%q, %v", v.Subject, err)
					}
					return
				}
				refused(t, v, err, gatehouse.Upstream, gatehouse.Unavailable, gatehouse.Invalid)
			})
		}
	}
}

// TestSignIn_FlawsWithoutUserInfo: nothing but the ID token stands between.
func TestSignIn_FlawsWithoutUserInfo(t *testing.T) {
	t.Parallel()
	for _, flaw := range twin.AllFlaws() {
		if slices.Contains(harmless(), flaw) || slices.Contains([]twin.Flaw{
			twin.UserinfoNobody, twin.UserinfoSubject, twin.DiscoveryIssuer, twin.AnswerNoIssuer, // of what is not asked or not promised here
		}, flaw) {
			continue
		}
		t.Run(string(flaw), func(t *testing.T) {
			t.Parallel()
			c := start(t, func(_ *twin.Client, c *gatehouse.Connection) {
				byHand(c)
				delete(c.Args["client_options"].(map[string]any), "userinfo_endpoint")
			})
			d := c.open(t)
			if v := mustSignIn(t, d, twin.DemoSub("nora")); v.Subject != twin.DemoSub("nora") || v.Profile.Email != "" {
				t.Fatalf("vouched for %+v", v)
			}
			c.SetFlaws(flaw)
			v, err := signIn(t, d, twin.DemoSub("nora"))
			refused(t, v, err, gatehouse.Upstream, gatehouse.Unavailable, gatehouse.Invalid)
		})
	}
}

func TestSignIn_FlawsOfSignedUserInfo(t *testing.T) {
	t.Parallel()
	for _, flaw := range []twin.Flaw{
		twin.WrongIssuer, twin.WrongAudience, twin.NoAudience, twin.Expired, twin.NoSubject, twin.NumberSubject, twin.UserinfoSubject,
		twin.BadSignature, twin.AlgNone, twin.HS256PublicKey, twin.UnknownKey, twin.StrangersKey, twin.EmbeddedKey, twin.CriticalHeader,
	} {
		t.Run(string(flaw), func(t *testing.T) {
			t.Parallel()
			c := start(t, func(k *twin.Client, _ *gatehouse.Connection) { k.SignedUserinfo = true })
			// The ID token is good, since the flaw comes once it is made.
			c.env.HTTP.Transport = before(c.env.HTTP.Transport, "/userinfo", func() { c.SetFlaws(flaw) })
			v, err := signIn(t, c.open(t), twin.DemoSub("nora"))
			refused(t, v, err, gatehouse.Upstream)
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// before does something before requests to a path.
func before(next http.RoundTripper, path string, do func()) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == path {
			do()
		}
		return next.RoundTrip(r)
	})
}

func TestSignIn_NoFailureVouchesForAnybody(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/.well-known/openid-configuration", "/jwks", "/token", "/userinfo"} {
		for name, fault := range map[string]twin.Fault{
			"Hangs": {Prefix: path, Hang: true}, "Drips": {Prefix: path, Drip: 50 * time.Millisecond}, "Huge": {Prefix: path, Huge: 64 << 20},
			"IsAPage": twin.WebPage(path), "StopsHalfway": {Prefix: path, Truncate: true}, "Breaks": {Prefix: path, Reset: true},
			"RedirectsElsewhere": twin.Redirected(path), "Is500": twin.Broken(path), "IsEmpty": twin.EmptyObject(path),
			"IsAnError": twin.ErrorObject(path), "SaysItTwice": twin.Duplicated(path),
			"IsNull": {Prefix: path, Status: 200, Body: "null"}, "IsAList": {Prefix: path, Status: 200, Body: "[]"},
			"IsDeep":     {Prefix: path, Status: 200, Body: strings.Repeat(`{"a":`, 100000)},
			"HasRubbish": {Prefix: path, Status: 200, Body: `{"issuer":1,"keys":[1,{"kty":"oct","k":"AAAA"}],"sub":{},"access_token":[]}`},
		} {
			t.Run(strings.Trim(path, "/")+"/"+name, func(t *testing.T) {
				t.Parallel()
				c := start(t, nil)
				c.SetFaults(twin.Faults{List: []twin.Fault{fault}})
				if fault.Hang || fault.Drip > 0 {
					c.env.HTTP.Timeout = 300 * time.Millisecond
				}
				v, err := signIn(t, c.open(t), twin.DemoSub("nora"))
				refused(t, v, err, gatehouse.Upstream, gatehouse.Unavailable)
				for at := range c.Requests() {
					if strings.HasPrefix(at, "/elsewhere") {
						t.Errorf("followed a redirect to %s", at)
					}
				}
			})
		}
	}
}

func TestFinish_ReadsTheAnswerWithSuspicion(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	d := c.open(t)
	for name, test := range map[string]struct {
		answer url.Values
		kind   gatehouse.ErrorKind
	}{
		"NoCode":           {url.Values{"iss": {c.url}}, gatehouse.Invalid},
		"TwoCodes":         {url.Values{"iss": {c.url}, "code": {"a", "b"}}, gatehouse.Invalid},
		"LongCode":         {url.Values{"iss": {c.url}, "code": {strings.Repeat("a", 5000)}}, gatehouse.Invalid},
		"MadeUpCode":       {url.Values{"iss": {c.url}, "code": {"made-up"}}, gatehouse.Invalid},
		"NoIssuer":         {url.Values{"code": {"a"}}, gatehouse.Upstream},
		"OtherIssuer":      {url.Values{"iss": {"https://elsewhere.example.net"}, "code": {"a"}}, gatehouse.Upstream},
		"IssuerWithSlash":  {url.Values{"iss": {c.url + "/"}, "code": {"a"}}, gatehouse.Upstream},
		"TwoIssuers":       {url.Values{"iss": {c.url, c.url}, "code": {"a"}}, gatehouse.Upstream},
		"Denied":           {url.Values{"iss": {c.url}, "error": {"access_denied"}}, gatehouse.Forbidden},
		"ErrorBesidesCode": {url.Values{"iss": {c.url}, "code": {"a"}, "error": {"server_error"}}, gatehouse.Unavailable},
		"ErrorWithMarkup":  {url.Values{"iss": {c.url}, "error": {"<script>alert(1)</script>"}}, gatehouse.Upstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := d.Provider.Finish(t.Context(), attempt(), test.answer)
			refused(t, v, err, test.kind)
		})
	}
}

// TestFinish_CodeOfAnotherSignIn: a code goes with its own nonce and verifier.
func TestFinish_CodeOfAnotherSignIn(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*gatehouse.Attempt){
		"OtherNonce":    func(a *gatehouse.Attempt) { a.Nonce = "another" },
		"NoNonce":       func(a *gatehouse.Attempt) { a.Nonce = "" },
		"OtherVerifier": func(a *gatehouse.Attempt) { a.Verifier = strings.Repeat("another-", 6) },
		"OtherCallback": func(a *gatehouse.Attempt) { a.RedirectURI += "x" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, nil)
			d := c.open(t)
			a := attempt()
			address, err := d.Provider.Begin(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			answer := browse(t, address, twin.DemoSub("nora"))
			change(&a)
			v, err := d.Provider.Finish(t.Context(), a, answer)
			refused(t, v, err, gatehouse.Upstream, gatehouse.Invalid)
			v, err = d.Provider.Finish(t.Context(), a, answer) // a callback that comes again
			refused(t, v, err, gatehouse.Upstream, gatehouse.Invalid)
		})
	}
}

// TestFinish_MixUp: the code of one provider is never carried to another one
// (RFC 9700 4.4).
func TestFinish_MixUp(t *testing.T) {
	t.Parallel()
	honest, evil := start(t, nil), start(t, nil)
	a := attempt()
	address, err := honest.open(t).Provider.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	answer := browse(t, address, twin.DemoSub("nora"))
	v, err := evil.open(t).Provider.Finish(t.Context(), a, answer)
	refused(t, v, err, gatehouse.Upstream)
	if n := evil.Requests()["/token"]; n != 0 {
		t.Error("the code was carried to the other provider")
	}
}

// TestSignIn_MaxAgeIsChecked: that it was asked for is not enough.
func TestSignIn_MaxAgeIsChecked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		age any
		ok  bool
	}{"Older": {"60", false}, "Younger": {"600", true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, func(_ *twin.Client, c *gatehouse.Connection) { c.Args["max_age"] = test.age })
			var once sync.Once // the token is made, and then time passes
			c.env.HTTP.Transport = before(c.env.HTTP.Transport, "/jwks", func() { once.Do(func() { c.clock.add(3 * time.Minute) }) })
			v, err := signIn(t, c.open(t), twin.DemoSub("nora"))
			if test.ok {
				if err != nil || v.Subject == "" {
					t.Errorf("%q, %v", v.Subject, err)
				}
				return
			}
			refused(t, v, err, gatehouse.Upstream)
		})
	}
}

// TestSignIn_VerificationStaysWithItsAddress: what the user-info endpoint says
// of one address says nothing of another one in the ID token.
func TestSignIn_VerificationStaysWithItsAddress(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		later gatehouse.Profile
		want  gatehouse.Verification
	}{
		"Another": {gatehouse.Profile{Email: "b@qinghe.example.com"}, gatehouse.Unstated},
		"TheSame": {gatehouse.Profile{Email: "A@qinghe.example.com"}, gatehouse.Verified},
		"None":    {gatehouse.Profile{}, gatehouse.Unstated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, func(k *twin.Client, _ *gatehouse.Connection) { k.ClaimsInIDToken = true })
			set := func(email string, verified any) {
				if err := c.SetPerson(twin.Person{Sub: "s-1", Email: email, EmailVerified: verified}); err != nil {
					t.Error(err)
				}
			}
			set("a@qinghe.example.com", nil)
			c.env.HTTP.Transport = before(c.env.HTTP.Transport, "/userinfo", func() { set(test.later.Email, true) })
			v := mustSignIn(t, c.open(t), "s-1")
			if v.Profile.Email != "a@qinghe.example.com" || v.Profile.Verified != test.want {
				t.Errorf("%q is %q, want %q", v.Profile.Email, v.Profile.Verified, test.want)
			}
		})
	}
}

// TestDiscovery_EndpointsAreChecked: metadata may not lead secrets away.
func TestDiscovery_EndpointsAreChecked(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"http://tokens.example.com/token", "javascript:alert(1)", "/token", "https://user:pass@tokens.example.com/token", "", "https://x.example/#f"} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			c := start(t, nil)
			var issuer string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte(`{"issuer":"` + issuer + `","authorization_endpoint":"https://x.example/a","jwks_uri":"https://x.example/k","token_endpoint":"` + endpoint + `"}`))
			}))
			t.Cleanup(server.Close)
			issuer = server.URL
			c.conn.Args["issuer"] = issuer
			_, err := c.open(t).Provider.Begin(t.Context(), attempt())
			refused(t, gatehouse.Vouched{}, err, gatehouse.Upstream)
		})
	}
}
