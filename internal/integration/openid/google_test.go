package openid_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/openid"
)

const googleClient = "1234987819200.apps.googleusercontent.com"

// google plays Google at its own addresses, by the shapes of testdata/google.
// change alters the ID token's claims.
func google(t *testing.T, nonce string, change func(claims map[string]any)) http.RoundTripper {
	t.Helper()
	file := func(name string) string {
		text, err := os.ReadFile("testdata/google/" + name)
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		var body string
		switch r.URL.Host + r.URL.Path {
		case "accounts.google.com/.well-known/openid-configuration":
			body = file("discovery.json")
		case "www.googleapis.com/oauth2/v3/certs":
			set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key().Public(), KeyID: "g1", Algorithm: "RS256", Use: "sig"}}})
			if err != nil {
				return nil, err
			}
			body = string(set)
		case "oauth2.googleapis.com/token":
			now := time.Now().Unix()
			text := file("id_token.json")
			var claims map[string]any
			if err := json.Unmarshal([]byte(text), &claims); err != nil {
				return nil, err
			}
			claims["nonce"], claims["iat"], claims["exp"] = nonce, now, now+3599
			if change != nil {
				change(claims)
			}
			payload, err := json.Marshal(claims)
			if err != nil {
				return nil, err
			}
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key(), KeyID: "g1"}}, nil)
			if err != nil {
				return nil, err
			}
			signed, err := signer.Sign(payload)
			if err != nil {
				return nil, err
			}
			token, err := signed.CompactSerialize()
			if err != nil {
				return nil, err
			}
			body = strings.Replace(file("token.json"), "ID_TOKEN", token, 1)
		case "openidconnect.googleapis.com/v1/userinfo":
			body = file("userinfo.json")
		default:
			t.Errorf("asked %s", r.URL)
		}
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	})
}

func throughGoogle(t *testing.T, args map[string]any, change func(map[string]any)) (address string, v gatehouse.Vouched, err error) {
	t.Helper()
	a := attempt()
	a.CreatedAt = time.Now()
	d, err := openid.Google()[0].OpenConnection(
		gatehouse.Connection{Name: "google_oauth2", Label: "Google", AppID: googleClient, AppSecret: "s3cret", Args: args},
		integration.Env{HTTP: &http.Client{Transport: google(t, a.Nonce, change)}, Clock: time.Now, Log: slog.New(slog.DiscardHandler)},
	)
	if err != nil {
		t.Fatal(err)
	}
	a.Fresh = args["fresh"] == true
	if address, err = d.Provider.Begin(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	v, err = d.Provider.Finish(t.Context(), a, url.Values{"code": {"4/0Ab"}, "scope": {"email"}, "authuser": {"0"}, "hd": {"qinghe.example.com"}, "prompt": {"none"}})
	return address, v, err
}

// TestGoogle takes the args as GitLab's documentation has them.
func TestGoogle(t *testing.T) {
	t.Parallel()
	address, v, err := throughGoogle(t, map[string]any{"access_type": "offline", "approval_prompt": ""}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := gatehouse.Profile{
		Name: "Jo Smith", Email: "jsmith@qinghe.example.com", Verified: gatehouse.Verified, Avatar: "https://lh3.example.com/a/photo=s96-c",
	}
	if diff := cmp.Diff(want, v.Profile); diff != "" || v.Subject != "10769150350006150715113082367" {
		t.Errorf("%q: %s", v.Subject, diff)
	}
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, "https://accounts.google.com/o/oauth2/v2/auth?") {
		t.Fatalf("%s, %v", address, err)
	}
	q := u.Query()
	if q.Get("scope") != "openid email profile" || q.Get("access_type") != "offline" || q.Get("prompt") != "select_account" || q.Has("approval_prompt") || q.Get("code_challenge") == "" {
		t.Errorf("asked with %v", q)
	}
}

func TestGoogle_ScopesAsGitLabHasThem(t *testing.T) {
	t.Parallel()
	address, _, err := throughGoogle(t, map[string]any{"scope": "userinfo.email, userinfo.profile, calendar"}, nil)
	u, _ := url.Parse(address)
	const long = "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile https://www.googleapis.com/auth/calendar"
	if err != nil || u.Query().Get("scope") != long {
		t.Errorf("%s, %v", u.Query().Get("scope"), err)
	}
}

// TestGoogle_HostedDomain: the claim of the ID token decides, not what the browser
// or user-info says.
func TestGoogle_HostedDomain(t *testing.T) {
	t.Parallel()
	none := func(c map[string]any) { delete(c, "hd") }
	for name, test := range map[string]struct {
		hd     any
		change func(map[string]any)
		sent   string
		kind   gatehouse.ErrorKind
	}{
		"TheDomain":      {"Qinghe.example.com", nil, "Qinghe.example.com", ""},
		"OneOfSeveral":   {[]any{"other.example.com", "qinghe.example.com"}, nil, "*", ""},
		"Any":            {"*", nil, "*", ""},
		"Another":        {"other.example.com", nil, "other.example.com", gatehouse.Forbidden},
		"NoneOfSeveral":  {"a.example, b.example", nil, "*", gatehouse.Forbidden},
		"PrivateAccount": {"qinghe.example.com", none, "qinghe.example.com", gatehouse.Forbidden},
		"PrivateForAny":  {"*", none, "*", gatehouse.Forbidden},
		"NoText":         {"*", func(c map[string]any) { c["hd"] = []any{"qinghe.example.com"} }, "*", gatehouse.Forbidden},
		"NotAsked":       {nil, none, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, v, err := throughGoogle(t, map[string]any{"hd": test.hd}, test.change)
			if u, _ := url.Parse(address); u.Query().Get("hd") != test.sent {
				t.Errorf("hd is asked as %q, want %q", u.Query().Get("hd"), test.sent)
			}
			if test.kind == "" && (err != nil || v.Subject == "") || test.kind != "" && (!errors.Is(err, test.kind) || v.Subject != "") {
				t.Errorf("%+v, %v; want %q", v, err, test.kind)
			}
		})
	}
}

// TestGoogle_Fresh: Google cannot be made to ask for a password, so it is asked to
// have the account chosen, and nothing is expected of auth_time.
func TestGoogle_Fresh(t *testing.T) {
	t.Parallel()
	address, v, err := throughGoogle(t, map[string]any{"fresh": true, "prompt": "none"}, nil)
	u, _ := url.Parse(address)
	if err != nil || !v.AuthAt.IsZero() || u.Query().Get("prompt") != "select_account" || u.Query().Has("max_age") {
		t.Errorf("%s: %+v, %v", address, v, err)
	}
}

func TestGoogle_BothFormsOfTheIssuer(t *testing.T) {
	t.Parallel()
	if _, v, err := throughGoogle(t, nil, func(c map[string]any) { c["iss"] = "accounts.google.com" }); err != nil || v.Subject == "" {
		t.Errorf("%+v, %v", v, err)
	}
	for _, iss := range []string{"https://accounts.google.com/", "https://accounts.example.com", ""} {
		if _, v, err := throughGoogle(t, nil, func(c map[string]any) { c["iss"] = iss }); !errors.Is(err, gatehouse.Upstream) {
			t.Errorf("%q: %+v, %v", iss, v, err)
		}
	}
}
