package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/net/html"

	"gatehouse/internal/config"
	"gatehouse/internal/porttest"
)

const outsideFolder = "../../interop/oidc-provider"

// startOutside runs an OpenID provider that others wrote, with one client. Where
// it is missing the test is skipped, or fails where it must be there (CI=true).
func startOutside(t *testing.T, client map[string]any) (issuer string) {
	t.Helper()
	_, noNode := exec.LookPath("node")
	_, noModules := os.Stat(filepath.Join(outsideFolder, "node_modules"))
	if noNode != nil || noModules != nil {
		const why = "the outside provider is missing: Node.js, and npm ci --prefix interop/oidc-provider"
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	metadata, err := json.Marshal(client)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "provider.js")
	cmd.Dir, cmd.Env = outsideFolder, append(os.Environ(), "CLIENT="+string(metadata), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	trouble := &logBook{}
	cmd.Stderr = trouble
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(trouble.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the outside provider does not start: %v\n%s", err, trouble.String())
	}
	return strings.TrimSpace(line)
}

// clientKey is a key for private_key_jwt, in PEM and as a set for the provider.
func clientKey(t *testing.T) (private string, set jose.JSONWebKeySet) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	set.Keys = []jose.JSONWebKey{{Key: key.Public(), KeyID: "ours", Algorithm: "ES256", Use: "sig"}}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), set
}

// press sends the first form of the page with texts typed in.
func (v *visitor) press(typed map[string]string) *visitor {
	v.Helper()
	all := v.forms()
	if len(all) == 0 {
		v.Fatalf("%s (%d) has no form:\n%s", v.at, v.status, excerptOf(v.text))
	}
	f := all[0]
	for name, value := range typed {
		f.fields.Set(name, value)
	}
	target, err := v.at.Parse(f.action)
	if err != nil {
		v.Fatal(err)
	}
	r, err := http.NewRequestWithContext(v.Context(), http.MethodPost, target.String(), strings.NewReader(f.fields.Encode()))
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.send(r)
}

// abroad is a `gatehouse dev` that signs people in with an outside provider.
type abroad struct {
	*running
	issuer string
}

func newAbroad(t *testing.T) *abroad {
	t.Helper()
	addr := porttest.KeepRow(t, 5)
	hub := "http://" + addr
	private, set := clientKey(t)
	o := &abroad{issuer: startOutside(t, map[string]any{
		"client_id": "gatehouse", "redirect_uris": []string{hub + "/users/auth/outside/callback"}, "response_types": []string{"code"},
		"grant_types": []string{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "private_key_jwt",
		"token_endpoint_auth_signing_alg": "ES256", "jwks": set, "post_logout_redirect_uris": []string{hub + "/sign-out/done"},
		"backchannel_logout_uri": hub + "/backchannel-logout/outside", "backchannel_logout_session_required": true,
	})}
	var err error
	o.running, err = tryDev(t, addr, t.TempDir(), func(_ *dev, c *config.Config) {
		c.OmniAuth.AllowSingleSignOn.Names = append(c.OmniAuth.AllowSingleSignOn.Names, "outside")
		c.OmniAuth.Providers = append(c.OmniAuth.Providers, config.Provider{
			Name: "outside", Kind: "openid", Label: "Outside", AppID: "gatehouse", AppSecret: private,
			Args: map[string]any{"issuer": o.issuer, "scope": "openid profile email", "client_auth_method": "private_key_jwt", "client_key_id": "ours", "logout": true},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// through signs a person in: any name that is typed at the provider is one.
func (v *visitor) through(o *abroad, name string) *visitor {
	v.Helper()
	v.open(o.hub + "/sign-in?auto_sign_in=false").submit(map[string]string{"action": "/sign-in/outside"})
	for range 3 { // its page for the name, its page to agree
		if !strings.HasPrefix(v.at.String(), o.issuer) {
			break
		}
		v.press(map[string]string{"login": name, "password": "any"})
	}
	if v.at.Path != "/user" {
		v.Fatalf("%s is at %s (%d):\n%s", name, v.at, v.status, excerptOf(text(v.doc)))
	}
	return v
}

// TestOutsideProvider goes the whole way with a provider that nobody here wrote:
// discovery, PKCE, private_key_jwt, the checks of its ID token and of who answers,
// RP-initiated logout, and its back-channel logout.
func TestOutsideProvider(t *testing.T) {
	t.Parallel()
	o := newAbroad(t)
	v := newVisitor(t).through(o, "mira")
	v.sees("Person mira", "mira@outside.example")
	t.Run("ANewSignInFindsTheSamePerson", func(t *testing.T) {
		again := newVisitor(t).through(o, "mira")
		again.sees("Person mira")
		if other := newVisitor(t).through(o, "noor"); strings.Contains(text(other.doc), "mira") {
			t.Error("noor is mira")
		}
	})
	t.Run("SigningOutHereSignsOutThere", func(t *testing.T) {
		v.open(o.hub + "/sign-out").submit(map[string]string{"action": "/sign-out"})
		if !strings.HasPrefix(v.at.String(), o.issuer+"/session/end") {
			t.Fatalf("the sign-out leads to %s", v.at)
		}
		v.press(map[string]string{"logout": "yes"}).sees("You are signed out.")
		v.open(o.hub + "/sign-in?auto_sign_in=false").submit(map[string]string{"action": "/sign-in/outside"})
		if !strings.HasPrefix(v.at.String(), o.issuer) || !hasField(v.doc, "login") {
			t.Errorf("the provider does not ask who it is: %s\n%s", v.at, excerptOf(v.text))
		}
	})
	t.Run("SigningOutThereSignsOutHere", func(t *testing.T) {
		there, other := newVisitor(t).through(o, "mira"), newVisitor(t).through(o, "noor")
		there.open(o.issuer + "/session/end").press(map[string]string{"logout": "yes"})
		deadline := time.Now().Add(20 * time.Second) // the provider tells us in its own time
		for there.signedIn(o.running) {
			if time.Now().After(deadline) {
				t.Fatalf("the session here lives on:\n%s", o.log.String())
			}
		}
		if !other.signedIn(o.running) {
			t.Error("somebody else was signed out")
		}
	})
}

func hasField(doc *html.Node, name string) bool {
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attr(n, "name") == name {
			return true
		}
	}
	return false
}
