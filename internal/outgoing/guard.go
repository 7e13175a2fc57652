package outgoing

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/net/http/httpguts"

	"gatehouse"
)

// guard dials, and refuses addresses that are not public.
type guard struct {
	allow []netip.Prefix
	open  []string // host:port pairs that are not checked, sorted
	log   *slog.Logger
}

// dial is http.Transport's DialContext. address is what the URL named.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: keepAliveTimeout}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, open := slices.BinarySearch(g.open, joined(host, port)); !open {
		d.ControlContext = func(ctx context.Context, network, dialled string, _ syscall.RawConn) error {
			return g.check(ctx, host, network, dialled)
		}
	}
	return d.DialContext(ctx, network, address)
}

// check sees each address after its name was looked up, right before it is dialled.
func (g *guard) check(ctx context.Context, host, network, dialled string) error {
	if !strings.HasPrefix(network, "tcp") {
		return errors.New("only TCP is dialled")
	}
	ap, err := netip.ParseAddrPort(dialled)
	if err != nil {
		return err
	}
	addr := plain(ap.Addr())
	if permitted(addr, g.allow) {
		return nil
	}
	g.log.WarnContext(ctx, "refused to connect to an address that is not public", "host", host, "address", addr.String())
	return refusal(host, addr)
}

func permitted(addr netip.Addr, allow []netip.Prefix) bool {
	return public(addr) || slices.ContainsFunc(allow, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// refusal says why, and the very line that would permit it.
func refusal(host string, addr netip.Addr) error {
	line := netip.PrefixFrom(addr, addr.BitLen()).String()
	return gatehouse.Errorf(gatehouse.Forbidden,
		`Gatehouse may not connect to %s, because %s is not a public address. `+
			`If that is meant, an administrator adds this line to the configuration file: outgoing: {allow: ["%s"]}`,
		host, addr, line)
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// plain is the address without a zone; for an IPv4 address in the guise of
// IPv6 (mapped, or the well-known prefix of NAT64, RFC 6052) that address.
func plain(a netip.Addr) netip.Addr {
	a = a.WithZone("").Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}

// unmapPrefix is the prefix of IPv4 that a mapped one stands for.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(a.Unmap(), p.Bits()-96).Masked()
	}
	return p.Masked()
}

// public says whether a plain address belongs to the public Internet. Of IPv6
// only global unicast does (2000::/3); what the IANA registries of special
// addresses (RFC 6890) list is taken out of both.
func public(a netip.Addr) bool {
	if a.Is6() && !globalUnicast6.Contains(a) {
		return false
	}
	return a.IsValid() && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

var globalUnicast6 = netip.MustParsePrefix("2000::/3")

var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),         // this network
	netip.MustParsePrefix("10.0.0.0/8"),        // private
	netip.MustParsePrefix("100.64.0.0/10"),     // carrier-grade NAT; Alibaba Cloud's metadata
	netip.MustParsePrefix("127.0.0.0/8"),       // loopback
	netip.MustParsePrefix("168.63.129.16/32"),  // Azure's host
	netip.MustParsePrefix("169.254.0.0/16"),    // link-local; metadata of most clouds
	netip.MustParsePrefix("172.16.0.0/12"),     // private
	netip.MustParsePrefix("192.0.0.0/24"),      // protocol assignments; Oracle's metadata
	netip.MustParsePrefix("192.0.2.0/24"),      // documentation
	netip.MustParsePrefix("192.88.99.0/24"),    // 6to4 relays
	netip.MustParsePrefix("192.168.0.0/16"),    // private
	netip.MustParsePrefix("198.18.0.0/15"),     // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),   // documentation
	netip.MustParsePrefix("203.0.113.0/24"),    // documentation
	netip.MustParsePrefix("224.0.0.0/4"),       // multicast
	netip.MustParsePrefix("240.0.0.0/4"),       // reserved, broadcast
	netip.MustParsePrefix("2001::/23"),         // protocol assignments, Teredo
	netip.MustParsePrefix("2001:db8::/32"),     // documentation
	netip.MustParsePrefix("2002::/16"),         // 6to4, which carries any IPv4 address
	netip.MustParsePrefix("2620:4f:8000::/48"), // AS112
	netip.MustParsePrefix("3fff::/20"),         // documentation
}

// hostPort is where http.Transport dials for the URL, in lower case.
func hostPort(rawURL string) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", errors.New("not a URL") // the parser would quote it, secrets and all
	}
	port := u.Port()
	switch {
	case u.Hostname() == "":
		return "", errors.New("a URL without a host")
	case port != "":
	case u.Scheme == "https":
		port = "443"
	case u.Scheme == "http":
		port = "80"
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return "", errors.New("not an http or https URL")
	}
	hp, err := httpguts.PunycodeHostPort(joined(u.Hostname(), port))
	return strings.ToLower(hp), err
}
