package outgoing

import (
	"context"
	"net"
	"time"
)

// lookUpTimeout is how long Check waits for a name.
const lookUpTimeout = 2 * time.Second

// Check says whether a client that opens no hosts of its own would be refused to
// connect to the URL, as it looks now: with the same Forbidden error, which names
// the line of the configuration that permits it. It is for telling people early
// and protects nothing: what is dialled is checked again then. A name that is not
// found, and a text that is no URL, are no refusal.
func (m *Maker) Check(ctx context.Context, rawURL string) error {
	hp, err := hostPort(rawURL)
	if err != nil {
		return nil
	}
	host, _, err := net.SplitHostPort(hp)
	if err != nil {
		return nil
	}
	ctx, done := context.WithTimeout(ctx, lookUpTimeout)
	defer done()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	for _, addr := range found {
		if addr = plain(addr); !permitted(addr, m.o.Allow) {
			return refusal(host, addr)
		}
	}
	return nil
}
