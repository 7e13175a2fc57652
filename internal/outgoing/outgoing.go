// Package outgoing is the only way by which Gatehouse speaks to the outside.
// Its clients refuse loopback, private, link-local and metadata addresses
// (checked on the address that is really dialled, so that names, redirects and
// rebinding do not help), bound time and size, retry what is safe to retry, and
// count. What the configuration file itself names may be opened by host.
package outgoing

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"gatehouse"
)

// Options of all clients. The zero value is usable.
type Options struct {
	Allow    []netip.Prefix // private addresses that are open to everybody (outgoing.allow)
	Timeout  time.Duration  // of a whole request; 0: 10 s
	MaxBytes int64          // of an answer's body; 0: 1 MiB; a longer body is an error, not a cut
	Retries  int            // of GET and HEAD after a broken connection or 502/503/504; 0: 2; -1: none
	Clock    gatehouse.Clock
	Log      *slog.Logger
	Observe  func(host string, status int, took time.Duration) // metrics; nil: none
}

// Maker makes clients that share one guarded pool of connections.
type Maker struct{}

// New checks the options and returns a Maker.
func New(o Options) (*Maker, error) { panic("todo") }

// Client returns a client for which the hosts of these URLs (host and port) are open besides
// what Options.Allow opens. Without any, only public addresses are. It follows
// no redirect to another host, and none at all of a POST.
func (m *Maker) Client(openURLs ...string) *http.Client { panic("todo") }

// CloseIdle closes idle connections.
func (m *Maker) CloseIdle() {}
