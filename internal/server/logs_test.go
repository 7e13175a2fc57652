package server

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/porttest"
	openidtwin "gatehouse/internal/twin/openid"
)

const (
	logsCallback = "http://127.0.0.1:9/callback"
	logsSecret   = "the-secret-of-the-web-app-0123456789abcdef"
)

// wired is `gatehouse serve` as it is built and run, with a provider beside it,
// of which every secret that goes in or out is known.
type wired struct {
	*testing.T
	*collector
	url, metrics string
	said         *logBook // standard output and standard error
	http         *http.Client
	key          *ecdsa.PrivateKey
	program, dir string
	process      *exec.Cmd
}

func startWired(t *testing.T) *wired {
	t.Helper()
	dir := t.TempDir()
	w := &wired{T: t, collector: &collector{}, said: &logBook{}, dir: dir, program: filepath.Join(dir, "gatehouse")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", w.program, "../../cmd/gatehouse").CombinedOutput(); err != nil { // #nosec G204 -- our own program
		t.Fatalf("%v\n%s", err, out)
	}
	at, metrics, beside := porttest.Keep(t), porttest.Keep(t), httptest.NewUnstartedServer(nil)
	w.url, w.metrics = "http://"+at, "http://"+metrics
	company := "http://" + beside.Listener.Addr().String()
	twin, err := openidtwin.New(openidtwin.Config{URL: company})
	if err != nil {
		t.Fatal(err)
	}
	beside.Config.Handler = w.behind(twin)
	beside.Start()
	t.Cleanup(func() { beside.Close(); _ = twin.Close() })
	if err := twin.AddClient(openidtwin.DemoClient(w.url + "/users/auth/openid_connect/callback")); err != nil {
		t.Fatal(err)
	}
	if w.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.write(at, metrics, company)
	w.http = &http.Client{Transport: w.over(http.DefaultTransport), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	w.start()
	return w
}

// write writes the configuration.
func (w *wired) write(at, metrics, company string) {
	w.Helper()
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: w.key.Public(), KeyID: "ours", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		w.Fatal(err)
	}
	text := fmt.Sprintf(`url: %[1]s
listen: %[2]q
metrics_listen: %[3]q
omniauth:
  allow_single_sign_on: true
  block_auto_created_users: false
  providers:
    - {name: openid_connect, app_id: %[4]s, app_secret: %[5]q, args: {issuer: %[6]q}}
registration: {by: token}
clients:
  - id: web
    secret: %[7]s
    redirect_uris: [%[8]q]
    scopes: [openid, profile, email, offline_access, read_user, read_api, api]
    grant_types: [authorization_code, refresh_token, client_credentials, "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange"]
  - id: deploy
    token_endpoint_auth_method: private_key_jwt
    jwks: %[9]s
    access_token_format: jwt
    scopes: [read_api]
    grant_types: [client_credentials, "urn:ietf:params:oauth:grant-type:jwt-bearer"]
`, w.url, at, metrics, openidtwin.DemoClientID, openidtwin.DemoClientSecret, company, logsSecret, logsCallback, keys)
	w.add("client_secret", logsSecret)
	w.add("app_secret", openidtwin.DemoClientSecret)
	if err := os.WriteFile(filepath.Join(w.dir, "gatehouse.yml"), []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

func (w *wired) command(args ...string) *exec.Cmd {
	cmd := exec.Command(w.program, args...) // #nosec G204 -- our own program
	cmd.Dir, cmd.Env = w.dir, append(os.Environ(), "GATEHOUSE_CONFIG=gatehouse.yml", "NO_PROXY=127.0.0.1")
	return cmd
}

func (w *wired) start() {
	w.Helper()
	w.process = w.command("serve", "--log-level", "debug")
	w.process.Stdout, w.process.Stderr = w.said, w.said
	if err := w.process.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(w.end)
	for began := time.Now(); !strings.Contains(w.said.String(), "ready "); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			w.Fatalf("it is not ready:\n%s", w.said.String())
		}
	}
}

// end ends the program, so that all that it says has been said.
func (w *wired) end() {
	if w.process.ProcessState == nil {
		_ = w.process.Process.Signal(syscall.SIGTERM)
		_ = w.process.Wait()
	}
}

// tells runs a command of the program that prints a secret in a field.
func (w *wired) tells(field string, args ...string) string {
	w.Helper()
	out, err := w.command(append(args, "--json")...).Output()
	var told map[string]any
	if err != nil || json.Unmarshal(out, &told) != nil {
		w.Fatalf("gatehouse %s: %v %s", strings.Join(args, " "), err, out)
	}
	secret, _ := told[field].(string)
	if secret == "" {
		w.Fatalf("gatehouse %s has no %s: %s", strings.Join(args, " "), field, out)
	}
	w.add(field, secret)
	return secret
}

// call asks an address and wants a status.
func (w *wired) call(want int, method, path, body string, header ...string) map[string]any {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := w.http.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	told, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != want {
		w.Fatalf("%s %s: %d, want %d: %s %v", method, path, answer.StatusCode, want, told, err)
	}
	var fields map[string]any
	_ = json.Unmarshal(told, &fields)
	return fields
}

// token asks the token endpoint as the web app.
func (w *wired) token(want int, pairs ...string) map[string]any {
	w.Helper()
	v := url.Values{"client_id": {"web"}, "client_secret": {logsSecret}}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return w.call(want, http.MethodPost, "/oauth/token", v.Encode())
}

// signed is a JWT of our key.
func (w *wired) signed(typ string, embed bool, claims map[string]any) string {
	w.Helper()
	o := (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ))
	key := any(w.key)
	if !embed {
		key = jose.JSONWebKey{Key: w.key, KeyID: "ours"}
	}
	by, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, o)
	if err != nil {
		w.Fatal(err)
	}
	claims["jti"], claims["iat"] = gatehouse.NewSecret(), time.Now().Unix()
	payload, err := json.Marshal(claims)
	if err != nil {
		w.Fatal(err)
	}
	jws, err := by.Sign(payload)
	if err != nil {
		w.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		w.Fatal(err)
	}
	return compact
}

func (w *wired) assertion() string {
	w.Helper()
	return w.signed("JWT", false, map[string]any{"iss": "deploy", "sub": "deploy", "aud": w.url, "exp": time.Now().Add(time.Minute).Unix()})
}

func (w *wired) proof(method, path, access string) string {
	w.Helper()
	claims := map[string]any{"htm": method, "htu": w.url + path}
	if access != "" {
		sum := sha256.Sum256([]byte(access))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return w.signed("dpop+jwt", true, claims)
}

// visitor is a browser that stops at the app.
func (w *wired) visitor() *visitor {
	w.Helper()
	v := newVisitor(w.T)
	v.client.Transport = w.over(http.DefaultTransport)
	v.client.CheckRedirect = func(q *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(q.URL.String(), logsCallback) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return v
}

func (w *wired) asking(pairs ...string) (query, verifier string) {
	verifier = gatehouse.NewSecret()
	sum := crypto.SHA256.New()
	sum.Write([]byte(verifier))
	v := url.Values{
		"client_id": {"web"}, "response_type": {"code"}, "redirect_uri": {logsCallback}, "scope": {"openid profile email offline_access read_user"},
		"state": {"s-" + gatehouse.NewSecret()}, "nonce": {"n-" + gatehouse.NewSecret()}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum.Sum(nil))},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode(), verifier
}

// codeOf is the code that the browser brings to the app.
func codeOf(v *visitor) string {
	v.Helper()
	u, err := url.Parse(v.location)
	if err != nil || u.Query().Get("code") == "" {
		v.Fatalf("no code at %s (%d), %q:\n%s", v.at, v.status, v.location, excerptOf(text(v.doc)))
	}
	return u.Query().Get("code")
}

// TestG7SecretsReachNoLog goes every way that there is, right and wrong, and looks
// for each secret that passed in what the program wrote, in the audit log and the
// decisions, and in the metrics.
func TestG7SecretsReachNoLog(t *testing.T) {
	t.Parallel()
	w := startWired(t)
	v := w.visitor()
	w.codeFlow(v)
	w.otherGrants(v)
	w.asOthers(v)
	w.byPassword()
	w.wrongly(v)

	admin := w.tells("token", "tokens", "create", "--user", "qin.shu", "--name", "audit", "--scopes", "api")
	if out, err := w.command("users", "role", "qin.shu", "super_administrator").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var kept strings.Builder
	for _, path := range []string{"/api/v1/events?limit=200", "/api/v1/decisions?limit=200"} {
		told := w.call(http.StatusOK, http.MethodGet, path, "", "Authorization", "Bearer "+admin)
		text, err := json.Marshal(told)
		if err != nil || len(text) < 1000 {
			t.Errorf("%s: %v, %s", path, err, text)
		}
		kept.Write(text)
	}
	answer, err := http.Get(w.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || !strings.Contains(string(metrics), "gatehouse") {
		t.Errorf("metrics: %v %.300s", err, metrics)
	}
	w.end()

	names := []string{"cookie", "authorization bearer", "authorization basic", "authorization dpop", "private-token", "dpop", "registration_access_token"}
	for name := range secretNames {
		if name != "private_token" && name != "registration_access_token" {
			names = append(names, name)
		}
	}
	if missing := w.lacks(names...); len(missing) > 0 {
		t.Errorf("the journey passed no %q", missing)
	}
	for name, text := range map[string]string{"log": w.said.String(), "audit log": kept.String(), "metrics": string(metrics)} {
		for _, secret := range w.in(text) {
			t.Errorf("the %s has the %s", name, secret)
		}
	}
	for _, path := range []string{"path=/oauth/token", "path=/users/auth/openid_connect/callback", "path=/oauth/introspect", "path=/api/v4/user"} {
		if !strings.Contains(w.said.String(), path) {
			t.Errorf("the log does not even have %s", path)
		}
	}
	// The search finds what is there: any of them, written as logs write it.
	for name, values := range w.seen {
		for value := range values {
			if line := fmt.Sprintf("msg=x address=%q", "/?a="+url.QueryEscape(value)); len(w.in(line)) == 0 {
				t.Errorf("a %s would not be found", name)
			}
		}
	}
}
