package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/config"
	"gatehouse/internal/op"
	"gatehouse/internal/porttest"
)

// TestMain sees that nothing runs on after the servers of all tests have ended.
func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestConfigurationAndProviderAgree(t *testing.T) {
	t.Parallel()
	for name, lists := range map[string][2][]string{
		"Scopes": {config.Scopes(), op.Scopes()}, "GrantTypes": {config.GrantTypes(), op.GrantTypes()},
	} {
		a, b := slices.Sorted(slices.Values(lists[0])), slices.Sorted(slices.Values(lists[1]))
		if !slices.Equal(a, b) {
			t.Errorf("%s: the configuration knows %q, the provider %q", name, a, b)
		}
	}
}

func TestServeTellsWhereAndEnds(t *testing.T) {
	t.Parallel()
	s := startServe(t, written(t, t.TempDir(), ""))
	last := s.said[len(s.said)-1]
	if want := fmt.Sprintf("ready %s (listening on %s)", s.url, s.config.Listen); last != want {
		t.Errorf("said %q, want %q", last, want)
	}
	newVisitor(t).open(s.url + "/sign-in").sees("Sign in")
	if err := s.stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := net.Dial("tcp", s.config.Listen); err == nil {
		t.Error("it still listens")
	}
	startServe(t, s.config) // the address and the database are free again
}

func TestServeHealth(t *testing.T) {
	t.Parallel()
	s := startServe(t, written(t, t.TempDir(), "metrics_listen: "+porttest.Keep(t)+"\n"))
	v := newVisitor(t)
	for path, want := range map[string]string{"/healthz": "alive", "/readyz": "ready"} {
		if v.open(s.url + path).sees(want); v.status != http.StatusOK {
			t.Errorf("%s answers %d", path, v.status)
		}
	}
	v.open(s.metrics+"/metrics").sees("gatehouse_http_request_seconds_count", `class="2xx"`, "go_goroutines", "process_resident_memory_bytes")
	if v.open(s.url + "/metrics"); v.status != http.StatusNotFound {
		t.Errorf("everybody sees the metrics (%d)", v.status)
	}
	if v.open(s.metrics + "/sign-in"); v.status != http.StatusNotFound {
		t.Errorf("the address of the metrics shows pages (%d)", v.status)
	}
}

func TestServeWithoutAdministrator(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServe(t, written(t, dir, ""))
	if len(s.said) != 3 || !strings.HasPrefix(s.said[1], s.url+"/sign-in/claim?token=") {
		t.Fatalf("said %q, want an address to claim", s.said)
	}
	owner := newVisitor(t).open(s.said[1])
	if owner.at.Path == "/sign-in/claim" { // a page that asks first
		owner.submit(map[string]string{})
	}
	owner.open(s.url + "/admin")
	if owner.status != http.StatusOK || owner.at.Path != "/admin" {
		t.Fatalf("the claimant is at %s (%d)", owner.at, owner.status)
	}
	second := newVisitor(t).open(s.said[1])
	if second.open(s.url + "/admin"); second.at.Path == "/admin" && second.status == http.StatusOK {
		t.Error("the address worked twice")
	}
}

func TestServeRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	at := taken.Addr().String()
	_, port, _ := net.SplitHostPort(at)
	folder := func(t *testing.T, dir, name string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, text, says string
		prepare          func(t *testing.T, dir string)
	}{
		{"PortInUse", "url: http://" + at + "\nlisten: " + at + "\n", "port " + port + " is in use by another program; end it, or change listen", nil},
		{"MetricsPortInUse", "metrics_listen: " + at + "\n", "port " + port + " is in use by another program; end it, or change metrics_listen", nil},
		{"CertificateThatIsNotThere", "tls: {cert: cert.pem, key: key.pem}\n", "tls: ", nil},
		{"CertificateThatIsNone", "tls: {cert: cert.pem, key: cert.pem}\n", "cannot be used", func(t *testing.T, dir string) { put(t, dir, "cert.pem", "nothing", 0o600) }},
		{"KeyFileThatOthersMayRead", "", "chmod 600", func(t *testing.T, dir string) { put(t, dir, "gatehouse.key", "{}", 0o644) }},
		{"KeyFileThatIsNone", "", "is no keyset", func(t *testing.T, dir string) { put(t, dir, "gatehouse.key", "hello", 0o600) }},
		{"DatabaseThatIsAFolder", "", "cannot be opened", func(t *testing.T, dir string) { folder(t, dir, "gatehouse.db") }},
		{"DatabaseInAFolderThatIsNotThere", "database: sqlite:no/such/gatehouse.db\n", "does not exist", nil},
		{"DatabaseThatIsNone", "key_file: other.key\n", "no database of Gatehouse", func(t *testing.T, dir string) {
			put(t, dir, "gatehouse.db", strings.Repeat("no database ", 1000), 0o600)
			keyFile(t, dir, "other.key")
		}},
		{"ConnectionOfAKindThatIsNotThere", "omniauth: {providers: [{name: nonsense, app_id: a, app_secret: b}]}\n", "this build signs nobody in", nil},
		{"ConnectionWithWrongSettings", "omniauth: {providers: [{name: dingtalk, app_id: a, app_secret: b, args: {membership: everybody}}]}\n", "membership", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tt.prepare != nil {
				tt.prepare(t, dir)
			}
			s := tryServe(t, written(t, dir, tt.text))
			if s.failed == nil || !strings.Contains(s.failed.Error(), tt.says) {
				t.Errorf("got %v, want a sentence with %q", s.failed, tt.says)
			}
			if len(s.said) != 0 {
				t.Errorf("it said %q before it failed", s.said)
			}
		})
	}
}

// put writes a file.
func put(t *testing.T, dir, name, text string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

// selfSigned writes a certificate for 127.0.0.1 and its key, and gives the
// pool that trusts it.
func selfSigned(t *testing.T, dir string, serial int64) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "id.example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	put(t, dir, "cert.pem", string(cert), 0o600)
	put(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), 0o600)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

func TestServeTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pool := selfSigned(t, dir, 1)
	at := porttest.Keep(t)
	s := startServe(t, written(t, dir, fmt.Sprintf("url: https://%s\nlisten: %s\ntls: {cert: cert.pem, key: key.pem}\n", at, at)+oneClient))
	if !slices.ContainsFunc(s.said, func(l string) bool { return strings.HasPrefix(l, "https://"+at+"/sign-in/claim") }) {
		t.Errorf("said %q", s.said)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(s.url + oneRequest)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	cookies := answer.Cookies()
	if len(cookies) == 0 || answer.ProtoMajor != 2 {
		t.Errorf("cookies %v by %s", cookies, answer.Proto)
	}
	for _, c := range cookies {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %s", c)
		}
	}
	if plain, err := http.Get("http://" + at + "/healthz"); err == nil {
		plain.Body.Close()
		if plain.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP is answered with %d", plain.StatusCode)
		}
	}
	if _, err := tls.Dial("tcp", at, &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestCertificateIsRenewedWithoutARestart(t *testing.T) {
	t.Parallel()
	dir, clock, log := t.TempDir(), &movedClock{}, &logBook{}
	selfSigned(t, dir, 1)
	c := &certificate{
		files: config.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")},
		clock: clock.clock(), log: slog.New(slog.NewTextHandler(log, nil)), looked: clock.now(),
	}
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	later := time.Now()
	renew := func(n int64) { // as if some time after the last
		selfSigned(t, dir, n)
		later = later.Add(time.Hour)
		for _, name := range []string{"cert.pem", "key.pem"} {
			if err := os.Chtimes(filepath.Join(dir, name), later, later); err != nil {
				t.Fatal(err)
			}
		}
	}
	renew(2)
	if n := serial(); n != 1 {
		t.Errorf("certificate %d: the files are looked at with every connection", n)
	}
	clock.move(lookAgain)
	if n := serial(); n != 2 {
		t.Errorf("certificate %d, want the new one", n)
	}
	put(t, dir, "cert.pem", "half of a certif", 0o600)
	clock.move(lookAgain)
	if n := serial(); n != 2 || !strings.Contains(log.String(), "the old one stays in use") {
		t.Errorf("certificate %d, want the old one and a line in the log:\n%s", n, log)
	}
	renew(3)
	clock.move(lookAgain)
	if n := serial(); n != 3 {
		t.Errorf("certificate %d, want the one that was mended", n)
	}
}
