package ui

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestClientAddress(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"Direct", "203.0.113.5:4000", nil, "203.0.113.5"},
		{"StrangerChangesNothing", "203.0.113.5:4000", []string{"198.51.100.1"}, "203.0.113.5"},
		{"Proxy", "10.0.0.1:4000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"OnlyWhatTheProxyAddedCounts", "10.0.0.1:4000", []string{"1.2.3.4, 198.51.100.1"}, "198.51.100.1"},
		{"ChainOfProxies", "10.0.0.1:4000", []string{"1.2.3.4, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"SeveralHeaders", "10.0.0.1:4000", []string{"1.2.3.4", "198.51.100.1"}, "198.51.100.1"},
		{"Garbage", "10.0.0.1:4000", []string{"198.51.100.1, <script>"}, "10.0.0.1"},
		{"Empty", "10.0.0.1:4000", []string{""}, "10.0.0.1"},
		{"OnlyProxies", "10.0.0.1:4000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"WithPort", "10.0.0.1:4000", []string{"198.51.100.1:5555"}, "198.51.100.1"},
		{"IPv6", "[fd00::1]:4000", []string{"2001:db8::7"}, "2001:db8::7"},
		{"MappedIPv4", "[::ffff:10.0.0.1]:4000", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"Endless", "10.0.0.1:4000", []string{strings.Repeat("10.0.0.9, ", 1000) + "10.0.0.2"}, "10.0.0.9"},
		{"NoPeer", "pipe", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got string
			h := WithClientAddress(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = ClientAddress(r) }))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"] = c.forwarded
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestClientAddressWithoutMiddlewareIsThePeer(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "203.0.113.5:4000"
	r.Header.Set("X-Forwarded-For", "198.51.100.1")
	if got := ClientAddress(r); got != "203.0.113.5" {
		t.Errorf("got %q", got)
	}
}
