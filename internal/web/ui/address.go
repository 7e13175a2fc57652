package ui

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

type addressKey struct{}

// mostHops bounds what is read of X-Forwarded-For.
const mostHops = 32

// WithClientAddress finds the address of the browser behind proxies that are
// trusted, for ClientAddress. What any other peer says in X-Forwarded-For
// changes nothing.
func WithClientAddress(trusted []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := behind(trusted, peer(r), r.Header.Values("X-Forwarded-For"))
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), addressKey{}, address)))
	})
}

// ClientAddress is the IP address that a request comes from, as far as it can be
// believed; "" when there is none.
func ClientAddress(r *http.Request) string {
	if a, ok := r.Context().Value(addressKey{}).(string); ok {
		return a
	}
	return peer(r)
}

// peer is the other end of the connection.
func peer(r *http.Request) string {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return ap.Addr().Unmap().WithZone("").String()
}

// behind goes from the peer to the left through what each trusted proxy added,
// and ends at the first address that is not a trusted proxy.
func behind(trusted []netip.Prefix, peer string, forwarded []string) string {
	if len(trusted) == 0 || len(forwarded) == 0 {
		return peer
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	address := peer
	for i, hop := range slices.Backward(hops) {
		if len(hops)-i > mostHops || !isTrusted(trusted, address) {
			break
		}
		next, err := parseHop(hop)
		if err != nil {
			break
		}
		address = next
	}
	return address
}

func parseHop(hop string) (string, error) {
	hop = strings.TrimSpace(hop)
	if ap, err := netip.ParseAddrPort(hop); err == nil {
		return ap.Addr().Unmap().WithZone("").String(), nil
	}
	a, err := netip.ParseAddr(hop)
	return a.Unmap().WithZone("").String(), err
}

func isTrusted(trusted []netip.Prefix, address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}
