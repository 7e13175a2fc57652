package ui

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"gatehouse"
)

// limited is a Limiter of three at once and one more a second.
func limited(now *time.Time) *Limiter {
	return &Limiter{Every: time.Second, Burst: 3, Clock: func() time.Time { return *now }}
}

// allows says how many of n requests of an address a Limiter lets through.
func allows(t *testing.T, l *Limiter, address string, n int) (passed int) {
	t.Helper()
	for range n {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(address), 1234).String()
		switch err := l.Allow(r); {
		case err == nil:
			passed++
		case !errors.Is(err, gatehouse.Limited):
			t.Fatal(err)
		}
	}
	return passed
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	t.Run("BurstThenOneAfterEach", func(t *testing.T) {
		t.Parallel()
		now := now
		l := limited(&now)
		for i, step := range []struct {
			after time.Duration
			want  int
		}{{0, 3}, {0, 0}, {999 * time.Millisecond, 0}, {time.Millisecond, 1}, {2 * time.Second, 2}, {time.Hour, 3}} {
			now = now.Add(step.after)
			if got := allows(t, l, "192.0.2.1", 5); got != step.want {
				t.Errorf("step %d: %d passed, want %d", i, got, step.want)
			}
		}
	})
	t.Run("EachAddressHasItsOwn", func(t *testing.T) {
		t.Parallel()
		l := limited(&now)
		for _, address := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"} {
			if got := allows(t, l, address, 5); got != 3 {
				t.Errorf("%s: %d passed", address, got)
			}
		}
	})
	t.Run("ANetworkOfIPv6IsOne", func(t *testing.T) {
		t.Parallel()
		l := limited(&now)
		allows(t, l, "2001:db8::1", 3)
		if got := allows(t, l, "2001:db8::ffff:2", 1); got != 0 {
			t.Error("another address of the same network passed")
		}
	})
	t.Run("S4/ForwardedForOfAStrangerChangesNothing", func(t *testing.T) {
		t.Parallel()
		l, passed := limited(&now), 0
		h := WithClientAddress(nil, (&UI{}).Handle(func(_ http.ResponseWriter, r *http.Request) error {
			if err := l.Allow(r); err != nil {
				return err
			}
			passed++
			return nil
		}))
		for i := range 10 {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
		if passed != 3 {
			t.Errorf("%d passed", passed)
		}
	})
	t.Run("ThisMachineMayDoMore", func(t *testing.T) {
		t.Parallel()
		for _, address := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
			if got := allows(t, limited(&now), address, 301); got != 300 {
				t.Errorf("%s: %d passed", address, got)
			}
		}
	})
	t.Run("AddressesAreBounded", func(t *testing.T) {
		t.Parallel()
		now := now
		l, passed := limited(&now), 0
		for i := range mostAddresses + 50 {
			if l.take(network(fmt.Sprintf("10.%d.%d.1", i/256, i%256))) {
				passed++
			}
		}
		if passed != mostAddresses+3 || len(l.spent) > mostAddresses+1 {
			t.Errorf("%d passed, %d are remembered", passed, len(l.spent))
		}
		now = now.Add(time.Minute)
		if got := allows(t, l, "192.0.2.1", 5); got != 3 || len(l.spent) != 1 {
			t.Errorf("afterwards %d passed, %d are remembered", got, len(l.spent))
		}
	})
	t.Run("NoneAllowsEverything", func(t *testing.T) {
		t.Parallel()
		if got := allows(t, nil, "192.0.2.1", DefaultBurst+1); got != DefaultBurst+1 {
			t.Errorf("%d passed", got)
		}
	})
}
