package signin

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/integration/openid"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	twin "gatehouse/internal/twin/openid"
)

// companyKey is one key for all twins: making one takes a while.
var companyKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// company is a world whose connection "one" leads to an OpenID provider.
type company struct {
	*world
	*twin.Twin
	url string
}

func newCompany(t *testing.T) *company {
	t.Helper()
	c := &company{world: newWorld(t, storetest.Open(t), nil)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	c.url = server.URL
	client := twin.DemoClient("https://id.example.com/users/auth/one/callback")
	var err error
	if c.Twin, err = twin.New(twin.Config{URL: c.url, SigningKey: companyKey()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.AddClient(client); err != nil {
		t.Fatal(err)
	}
	c.Apps.Kinds = append(c.Apps.Kinds, openid.Kinds()...)
	c.Apps.Limit = 2 * time.Second
	c.change(gatehouse.Connection{
		Name: "one", Kind: "openid", Label: "Qinghe", Enabled: true, AppID: client.ID, AppSecret: client.Secret, Managed: gatehouse.ManagedByFile,
		Args:  map[string]any{"issuer": c.url, "scope": "openid profile email groups"},
		Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true},
	})
	return c
}

// visit goes to the provider and back as nora. The error is that of Begin.
func (c *company) visit() (Answer, error) {
	c.t.Helper()
	address, err := c.Begin(c.t.Context(), Start{Connection: "one", BrowserHash: browser})
	if err != nil {
		return Answer{}, err
	}
	b := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := b.PostForm(address, url.Values{"sub": {twin.DemoSub("nora")}, "consent": {"agree"}})
	if err != nil {
		c.t.Fatal(err)
	}
	_ = resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		c.t.Fatalf("the provider answered %d instead of sending the browser back", resp.StatusCode)
	}
	return Answer{Connection: "one", Values: to.Query(), BrowserHash: browser, UserAgent: "Agent", Address: "192.0.2.1"}, nil
}

// readable checks that nobody came in and that a decision of it can be read.
func (c *company) readable(err error) {
	t := c.t
	t.Helper()
	var r *Refused
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a readable no", err)
	}
	if n := c.sessions(); n != 0 {
		t.Errorf("%d sessions were started", n)
	}
	if s := r.Err.Sentence(); len(s) < 30 || strings.ContainsAny(s, "<>{}") || strings.Contains(s, "%!") {
		t.Errorf("not a sentence: %q", s)
	}
	c.update(func(tx *store.Tx) error {
		d, err := tx.Decision(r.Decision.Reference)
		if err != nil || d.Outcome != gatehouse.OutcomeFailed && d.Outcome != gatehouse.OutcomeRefused || d.Rule == "" || d.Reason == "" || d.Facts["connection"] != "one" {
			t.Errorf("kept %+v, %v", d, err)
		}
		for name, fact := range d.Facts {
			if strings.Contains(fact, twin.DemoClientSecret) || strings.Contains(fact, "eyJ") {
				t.Errorf("the fact %s holds a secret", name)
			}
		}
		return nil
	})
	if strings.Contains(c.log.String(), twin.DemoClientSecret) || strings.Contains(c.log.String(), "eyJ") {
		t.Error("the log holds a secret")
	}
}

// TestWrongProvider is the list of what a provider may do wrong: nobody
// is signed in, and why can be read.
func TestWrongProvider(t *testing.T) {
	t.Parallel()
	flaws := map[string]twin.Flaw{
		"WrongIssuer": twin.WrongIssuer, "WrongIssuerInTheAnswer": twin.AnswerIssuer, "WrongIssuerInTheMetadata": twin.DiscoveryIssuer,
		"WrongAudience": twin.WrongAudience, "WrongParty": twin.WrongParty, "WrongNonce": twin.WrongNonce, "NoNonce": twin.NoNonce,
		"WrongSignature": twin.BadSignature, "StrangersKey": twin.StrangersKey, "KeyInTheHeader": twin.EmbeddedKey, "AlgNone": twin.AlgNone,
		"HS256WithThePublicKey": twin.HS256PublicKey, "UnknownKid": twin.UnknownKey, "Expired": twin.Expired, "FromTheFuture": twin.FutureIssued,
		"NotYetValid": twin.FutureNotBefore, "AnotherSubAtUserInfo": twin.UserinfoSubject, "MixedUpCode": twin.MixedUpCode,
		"WrongTokenHash": twin.WrongTokenHash, "NoIDToken": twin.NoIDToken, "SubTwice": twin.DuplicateClaims, "NoSub": twin.NoSubject,
		"ErrorWithMarkup": twin.AnswerError, "AnotherState": twin.AnswerState, "NoState": twin.AnswerNoState,
	}
	for name, flaw := range flaws {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCompany(t)
			c.SetFlaws(flaw)
			a, err := c.visit()
			if err == nil {
				_, err = c.Finish(t.Context(), a)
			}
			if flaw == twin.AnswerState || flaw == twin.AnswerNoState { // the connection is not known to be the one
				var r *Refused
				if !errors.As(err, &r) || r.Decision.Rule != ruleUnknown || c.sessions() != 0 {
					t.Errorf("got %v", err)
				}
				return
			}
			c.readable(err)
			if flaw == twin.DiscoveryIssuer {
				return // it is not asked again for some seconds
			}
			c.SetFlaws()
			a, err = c.visit()
			if err != nil {
				t.Fatal(err)
			}
			c.finish(a) // and when it is right again, it works
		})
	}
	places := []string{"/.well-known/openid-configuration", "/jwks", "/token", "/userinfo"}
	for name, fault := range map[string]func(string) twin.Fault{
		"Slow":               func(path string) twin.Fault { return twin.Fault{Prefix: path, Hang: true} },
		"Huge":               func(path string) twin.Fault { return twin.Fault{Prefix: path, Huge: 64 << 20} },
		"NoJSON":             twin.WebPage,
		"RedirectsElsewhere": twin.Redirected,
		"Broken":             twin.Broken,
	} {
		for _, place := range places {
			t.Run(name+strings.ReplaceAll(place, "/", "_"), func(t *testing.T) {
				t.Parallel()
				c := newCompany(t)
				if name == "Slow" {
					c.Apps.Limit = 300 * time.Millisecond
				}
				c.SetFaults(twin.Faults{List: []twin.Fault{fault(place)}})
				a, err := c.visit()
				if err == nil {
					_, err = c.Finish(t.Context(), a)
				}
				c.readable(err)
				if slices.ContainsFunc(slices.Collect(maps.Keys(c.Requests())), func(p string) bool { return strings.HasPrefix(p, "/elsewhere") }) {
					t.Error("a redirect was followed")
				}
			})
		}
	}
	t.Run("ReplayedCallback", func(t *testing.T) {
		t.Parallel()
		c := newCompany(t)
		c.SetFlaws(twin.ReusableCode)
		a, err := c.visit()
		if err != nil {
			t.Fatal(err)
		}
		c.finish(a)
		_, err = c.Finish(t.Context(), a)
		var r *Refused
		if !errors.As(err, &r) || r.Decision.Rule != ruleUnknown || c.sessions() != 1 {
			t.Errorf("a callback that came twice: %v, %d sessions", err, c.sessions())
		}
	})
}
