// Package outgoing is the only way by which Gatehouse speaks to the outside.
// Its clients refuse loopback, private, link-local and metadata addresses
// (checked on the address that is really dialled, so that names, redirects and
// rebinding do not help), bound time and size, retry what is safe to retry, and
// count. What the configuration file itself names may be opened by host.
// Proxies of the environment are not used: a proxy would do the dialling, and
// nothing could be checked.
package outgoing

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
)

// What the zero Options mean.
const (
	DefaultTimeout        = 10 * time.Second
	DefaultMaxBytes int64 = 1 << 20
	DefaultRetries        = 2
)

const (
	dialTimeout      = 10 * time.Second
	maxHeaderBytes   = 256 << 10
	idlePerHost      = 16
	idleTotal        = 100
	idleTimeout      = 90 * time.Second
	keepAliveTimeout = 30 * time.Second
)

// Options of all clients. The zero value is usable.
type Options struct {
	Allow    []netip.Prefix // private addresses that are open to everybody (outgoing.allow)
	Timeout  time.Duration  // of a whole request, retries included; 0: 10 s
	MaxBytes int64          // of an answer's body, unpacked; 0: 1 MiB; a longer body is an error, not a cut
	Retries  int            // of GET and HEAD after a broken connection or 502/503/504; 0: 2; -1: none
	Clock    gatehouse.Clock
	Log      *slog.Logger                                      // nil: none
	Observe  func(host string, status int, took time.Duration) // metrics of each try, status 0 = no answer; nil: none
}

// ClientOptions are what one client has for itself.
type ClientOptions struct {
	OpenURLs []string       // whose hosts (host and port) are open, as for Client
	MaxBytes int64          // 0: as Options
	Timeout  time.Duration  // 0: as Options
	RootCAs  *x509.CertPool // trusted instead of the system's; nil: the system's
}

// Maker makes clients that share guarded pools of connections.
type Maker struct {
	o     Options
	wait  waiter
	mu    sync.Mutex
	pools map[poolKey]*http.Transport
}

// poolKey tells pools apart. A connection that was opened for one client must
// never serve another one for which its host is shut.
type poolKey struct {
	open  string // sorted host:port pairs
	roots *x509.CertPool
}

// New checks the options and returns a Maker.
func New(o Options) (*Maker, error) {
	if o.Timeout < 0 || o.MaxBytes < 0 || o.Retries < -1 {
		return nil, errors.New("outgoing: time-out, size and retries may not be negative")
	}
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.MaxBytes = cmp.Or(o.MaxBytes, DefaultMaxBytes)
	o.Retries = max(cmp.Or(o.Retries, DefaultRetries), 0)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	allow := make([]netip.Prefix, 0, len(o.Allow))
	for _, p := range o.Allow {
		if !p.IsValid() {
			return nil, errors.New("outgoing: allow has a prefix that is not one")
		}
		allow = append(allow, unmapPrefix(p))
	}
	o.Allow = allow
	return &Maker{o: o, wait: sleep, pools: map[poolKey]*http.Transport{}}, nil
}

// Client returns a client for which the hosts of these URLs (host and port) are open besides
// what Options.Allow opens. Without any, only public addresses are. It follows
// no redirect to another host, and none at all of a POST. A text that is no
// http or https URL opens nothing.
func (m *Maker) Client(openURLs ...string) *http.Client {
	return m.ClientWith(ClientOptions{OpenURLs: openURLs})
}

// ClientWith is Client with limits of its own.
func (m *Maker) ClientWith(o ClientOptions) *http.Client {
	return &http.Client{
		Transport: &trips{
			m:        m,
			next:     m.pool(openHosts(o.OpenURLs), o.RootCAs),
			maxBytes: cmp.Or(max(o.MaxBytes, 0), m.o.MaxBytes),
		},
		CheckRedirect: checkRedirect,
		Timeout:       cmp.Or(max(o.Timeout, 0), m.o.Timeout),
	}
}

// CloseIdle closes idle connections.
func (m *Maker) CloseIdle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.pools {
		t.CloseIdleConnections()
	}
}

// pool is the one pool of these open hosts and roots.
func (m *Maker) pool(open []string, roots *x509.CertPool) *http.Transport {
	key := poolKey{open: strings.Join(open, " "), roots: roots}
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.pools[key]; t != nil {
		return t
	}
	g := &guard{allow: m.o.Allow, open: open, log: m.o.Log}
	t := &http.Transport{
		Proxy:                  nil,
		DialContext:            g.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    dialTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           idleTotal,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ExpectContinueTimeout:  time.Second,
	}
	m.pools[key] = t
	return t
}

// openHosts are the host:port pairs of the URLs, sorted, each once.
func openHosts(urls []string) []string {
	var open []string
	for _, u := range urls {
		if hp, err := hostPort(u); err == nil {
			open = append(open, hp)
		}
	}
	slices.Sort(open)
	return slices.Compact(open)
}

func joined(host, port string) string { return net.JoinHostPort(strings.ToLower(host), port) }
