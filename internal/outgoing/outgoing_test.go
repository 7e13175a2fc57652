package outgoing

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"gatehouse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newMaker(t *testing.T, o Options) *Maker {
	t.Helper()
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	m.wait = func(context.Context, time.Duration) error { return nil }
	t.Cleanup(m.CloseIdle)
	return m
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// get reads the whole answer.
func get(t *testing.T, c *http.Client, address string) (string, error) {
	t.Helper()
	return do(t, c, http.MethodGet, address, nil)
}

func do(t *testing.T, c *http.Client, method, address string, body io.Reader) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", string(data)), err
}

func TestNew(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"NegativeTimeout": {Timeout: -1},
		"NegativeSize":    {MaxBytes: -1},
		"NegativeRetries": {Retries: -2},
		"NoPrefix":        {Allow: []netip.Prefix{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := New(o); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"93.184.216.34": true, "1.1.1.1": true, "100.63.255.255": true, "100.128.0.1": true, "172.15.0.1": true,
		"172.32.0.1": true, "192.169.0.1": true, "223.255.255.255": true, "2606:4700::1111": true, "2400:3200::1": true,
		"::ffff:93.184.216.34": true, "64:ff9b::5db8:d822": true, // mapped, NAT64 of 93.184.216.34

		"127.0.0.1": false, "127.255.255.255": false, "0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "172.16.0.1": false,
		"172.31.255.255": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "100.100.100.200": false,
		"168.63.129.16": false, "192.0.0.192": false, "192.0.2.1": false, "198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false,
		"224.0.0.1": false, "239.255.255.255": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::7f00:1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a00:1": false, "64:ff9b:1::a00:1": false, "fe80::1": false, "fe80::1%eth0": false,
		"fc00::1": false, "fd00:ec2::254": false, "ff02::1": false, "2001::1": false, "2001:db8::1": false, "2002:7f00:1::": false,
		"3fff::1": false, "100::1": false, "5f00::1": false,
	} {
		if got := public(plain(netip.MustParseAddr(address))); got != want {
			t.Errorf("public(%s) = %v", address, got)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { hits.Add(1); io.WriteString(w, "in") })
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	t.Run("PrivateAddressesAreRefused", func(t *testing.T) {
		t.Parallel()
		c := newMaker(t, Options{}).Client()
		for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "127.1", "2130706433", "0x7f000001", "169.254.169.254", "10.0.0.1"} {
			_, err := get(t, c, "http://"+host+":"+port+"/")
			if err == nil {
				t.Errorf("%s was reached", host)
			}
			// The odd spellings are no addresses to Go, and names that do not exist.
			if strings.Count(host, ".") != 1 && !strings.HasPrefix(host, "2130") && !strings.HasPrefix(host, "0x") && !errors.Is(err, gatehouse.Forbidden) {
				t.Errorf("%s: error %v, want Forbidden", host, err)
			}
		}
	})
	t.Run("SentenceHasTheLineThatWouldPermitIt", func(t *testing.T) {
		t.Parallel()
		_, err := get(t, newMaker(t, Options{}).Client(), server.URL+"/?secret=hunter2")
		var e *gatehouse.Error
		if !errors.As(err, &e) {
			t.Fatalf("error %v", err)
		}
		want := `Gatehouse may not connect to 127.0.0.1, because 127.0.0.1 is not a public address. If that is meant, an administrator adds this line to the configuration file: outgoing: {allow: ["127.0.0.1/32"]}`
		if diff := cmp.Diff(want, e.Sentence()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("AllowedPrefixIsOpen", func(t *testing.T) {
		t.Parallel()
		for _, prefix := range []string{"127.0.0.0/8", "127.0.0.1/32", "::ffff:127.0.0.0/104"} {
			c := newMaker(t, Options{Allow: []netip.Prefix{netip.MustParsePrefix(prefix)}}).Client()
			if got, err := get(t, c, server.URL); got != "200 in" {
				t.Errorf("%s: %q, %v", prefix, got, err)
			}
		}
	})
	t.Run("OtherAllowedPrefixIsNot", func(t *testing.T) {
		t.Parallel()
		c := newMaker(t, Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}).Client()
		if _, err := get(t, c, server.URL); !errors.Is(err, gatehouse.Forbidden) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("NamedHostIsOpen", func(t *testing.T) {
		t.Parallel()
		m := newMaker(t, Options{})
		for open, address := range map[string]string{
			server.URL + "/api/v4":               server.URL + "/x",
			"http://localhost:" + port:           "http://LocalHost:" + port,
			"http://u:p@LOCALHOST:" + port + "/": "http://localhost:" + port,
		} {
			if got, err := get(t, m.Client("https://gitlab.example.com", open), address); got != "200 in" {
				t.Errorf("%s: %q, %v", open, got, err)
			}
		}
	})
	t.Run("NamedHostOpensNothingElse", func(t *testing.T) {
		t.Parallel()
		m := newMaker(t, Options{})
		for _, open := range []string{
			"http://127.0.0.1:1", "http://127.0.0.1", "http://localhost:" + port, "127.0.0.1:" + port,
			"ftp://127.0.0.1:" + port, "http://127.0.0.1:" + port + "x", "", "::", "http://:" + port,
		} {
			if _, err := get(t, m.Client(open), server.URL); !errors.Is(err, gatehouse.Forbidden) {
				t.Errorf("%q opened %s: %v", open, server.URL, err)
			}
		}
	})
	t.Run("OpenedConnectionServesNoOtherClient", func(t *testing.T) {
		t.Parallel()
		m := newMaker(t, Options{})
		if got, err := get(t, m.Client(server.URL), server.URL); got != "200 in" {
			t.Fatalf("%q, %v", got, err)
		}
		if _, err := get(t, m.Client(), server.URL); !errors.Is(err, gatehouse.Forbidden) {
			t.Errorf("a shut client came in: %v", err)
		}
	})
	t.Run("SameOpenHostsShareAPool", func(t *testing.T) {
		t.Parallel()
		m := newMaker(t, Options{})
		a := m.Client("http://a.example", "http://b.example:8080").Transport.(*trips).next
		b := m.Client("http://B.example:8080/x", "http://a.example:80/", "http://a.example").Transport.(*trips).next
		if a != b || a == m.Client().Transport.(*trips).next {
			t.Error("pools are not told apart by their open hosts")
		}
	})
	t.Run("ProxyOfTheEnvironmentIsNotUsed", func(t *testing.T) {
		t.Parallel()
		if newMaker(t, Options{}).Client().Transport.(*trips).next.(*http.Transport).Proxy != nil {
			t.Error("a proxy would dial for us, unchecked")
		}
	})
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Errorf("the other host was asked for %s", r.URL) })
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/end":
			io.WriteString(w, r.Method)
		case "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case "/own":
			http.Redirect(w, r, "/end", http.StatusMovedPermanently)
		case "/keep":
			http.Redirect(w, r, "/end", http.StatusTemporaryRedirect)
		case "/out":
			http.Redirect(w, r, other.URL+"/?secret=hunter2", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}
	})
	c := newMaker(t, Options{}).Client(server.URL, other.URL) // both are open, and still
	for _, x := range []struct{ name, method, path, want, err string }{
		{"OwnHostIsFollowed", "GET", "/own", "200 GET", ""},
		{"TemporaryToo", "GET", "/keep", "200 GET", ""},
		{"HeadToo", "HEAD", "/own", "200 ", ""},
		{"OtherHostIsNot", "GET", "/out", "", "does not follow to another host"},
		{"OtherSchemeIsNot", "GET", "/file", "", "does not follow to another host"},
		{"CirclesEnd", "GET", "/circle", "", "in circles"},
		{"PostIsNever", "POST", "/own", "301 ", ""},
		{"PostIsNeverRepeated", "POST", "/keep", "307 ", ""},
		{"PostToOtherHostIsNever", "POST", "/out", "302 ", ""},
		{"DeleteIsNever", "DELETE", "/keep", "307 ", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			got, err := do(t, c, x.method, server.URL+x.path, nil)
			got, _, _ = strings.Cut(got, "<a")
			if strings.TrimRight(got, "\n") != x.want {
				t.Errorf("answer %q, want %q", got, x.want)
			}
			if x.err == "" && err != nil || x.err != "" && (!errors.Is(err, gatehouse.Upstream) || !strings.Contains(err.Error(), x.err)) {
				t.Errorf("error %v, want %q", err, x.err)
			}
			var e *gatehouse.Error
			if errors.As(err, &e) && strings.Contains(e.Sentence(), "hunter2") {
				t.Errorf("sentence quotes the query: %s", e.Sentence())
			}
		})
	}
}

func TestSameHost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"https://a.example/x", "https://a.example/y", true},
		{"https://a.example", "https://A.EXAMPLE:443/", true},
		{"http://a.example", "https://a.example/", true},
		{"https://a.example", "http://a.example/", false},
		{"https://a.example", "https://a.example:8443/", false},
		{"http://a.example:8080", "https://a.example/", false},
		{"http://a.example", "https://a.example:8443/", false},
		{"https://a.example", "https://b.a.example/", false},
		{"https://a.example", "https://a.example@b.example/", false},
		{"https://a.example", "https://a.example./", false},
		{"https://bücher.example", "https://xn--bcher-kva.example/", true},
	} {
		from, err := url.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := url.Parse(c.to)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameHost(from, to); got != c.want {
			t.Errorf("sameHost(%s, %s) = %v", c.from, c.to, got)
		}
	}
}

func TestRootCAs(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "in") }))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	m := newMaker(t, Options{})
	if got, err := get(t, m.ClientWith(ClientOptions{OpenURLs: []string{server.URL}, RootCAs: roots}), server.URL); got != "200 in" {
		t.Errorf("%q, %v", got, err)
	}
	var unknown x509.UnknownAuthorityError
	if _, err := get(t, m.Client(server.URL), server.URL); !errors.As(err, &unknown) {
		t.Errorf("error %v, want an unknown authority", err)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	m := newMaker(t, Options{})
	_, err := get(t, m.Client(), "http://u:hunter1@127.0.0.1:9/gettoken?appsecret=hunter2#hunter3")
	err = Redact(fmt.Errorf("read: %w", err))
	if err == nil || strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), "http://127.0.0.1:9/gettoken") || !errors.Is(err, gatehouse.Forbidden) {
		t.Errorf("error %v", err)
	}
	plainErr := errors.New("plain")
	if got := Redact(plainErr); got != plainErr { //nolint:errorlint // the same one
		t.Errorf("error %v", got)
	}
	if got := Redact(nil); got != nil {
		t.Errorf("error %v", got)
	}
	odd := Redact(&url.Error{Op: "Get", URL: "http://[hunter", Err: plainErr})
	if strings.Contains(odd.Error(), "hunter") {
		t.Errorf("error %v", odd)
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://GitLab.example.com/x":   "gitlab.example.com:443",
		"http://gitlab.example.com":      "gitlab.example.com:80",
		"http://[::1]:8080/":             "[::1]:8080",
		"https://bücher.example":         "xn--bcher-kva.example:443",
		"ftp://gitlab.example.com":       "",
		"gitlab.example.com":             "",
		"https://":                       "",
		"http://hunter2:x@[":             "",
		"https://gitlab.example.com:99x": "",
	} {
		got, err := hostPort(address)
		if got != want || (want == "") != (err != nil) || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("hostPort(%q) = %q, %v", address, got, err)
		}
	}
}
