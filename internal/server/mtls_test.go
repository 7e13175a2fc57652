package server

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/porttest"
)

// A client is asked for its certificate under the name of mtls.url, and nowhere
// else.
func TestServeMutualTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pool := selfSigned(t, dir, 1)
	own, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	at := porttest.Keep(t)
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	startServe(t, written(t, dir, fmt.Sprintf("url: https://%s\nlisten: %s\ntls: {cert: cert.pem, key: key.pem}\nmtls: {url: \"https://localhost:%s\", ca: cert.pem}\n", at, at, port)+oneClient))
	asked := map[string]bool{}
	for _, name := range []string{"localhost", "other.example"} {
		transport := &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, at)
			},
			ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{
				RootCAs: pool, ServerName: name, InsecureSkipVerify: true, // its certificate has no name
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					asked[name] = true
					return &own, nil
				},
			},
		}
		t.Cleanup(transport.CloseIdleConnections)
		answer, err := (&http.Client{Transport: transport}).Get("https://" + at + "/.well-known/openid-configuration")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.ProtoMajor != 2 || !strings.Contains(string(body), `"token_endpoint":"https://localhost:`+port+`/oauth/token"`) {
			t.Errorf("%v %s %s", err, answer.Proto, body)
		}
	}
	if !asked["localhost"] || asked["other.example"] {
		t.Errorf("asked: %v", asked)
	}
}

// What a proxy says of a certificate counts only if the proxy is trusted.
func TestCertificateOfATrustedProxy(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	said := ":" + base64.StdEncoding.EncodeToString(s.Certificate().Raw) + ":"
	of := ofProxy("Client-Cert", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	for name, c := range map[string]struct {
		from string
		said []string
		want int
	}{
		"Trusted":  {"10.1.2.3:1", []string{said}, 1},
		"Stranger": {"192.0.2.1:1", []string{said}, 0},
		"Twice":    {"10.1.2.3:1", []string{said, said}, 0},
		"Garbage":  {"10.1.2.3:1", []string{"x"}, 0},
		"Empty":    {"10.1.2.3:1", []string{""}, 0},
		"Nothing":  {"10.1.2.3:1", nil, 0},
		"NoPeer":   {"", []string{said}, 0},
	} {
		r := httptest.NewRequest(http.MethodPost, "/oauth/token", http.NoBody)
		r.RemoteAddr = c.from
		for _, v := range c.said {
			r.Header.Add("Client-Cert", v)
		}
		if got := of(r); len(got) != c.want {
			t.Errorf("%s: %d certificates", name, len(got))
		}
	}
}
