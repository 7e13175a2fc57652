package ui

import (
	"cmp"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"gatehouse"
)

// What the zero Limiter allows: a company behind one address signs in 600
// people at once, and then 10 a second.
const (
	DefaultEvery = 100 * time.Millisecond
	DefaultBurst = 600
)

// localFactor is how many times as much this machine's own addresses may.
const localFactor = 100

// mostAddresses bounds what a Limiter remembers. The addresses beyond share one
// allowance.
const mostAddresses = 10_000

// Limiter bounds how much strangers make us keep (authorization requests,
// sign-ins under way): each address may do it Burst times at once, and once
// more after each Every. An IPv6 network of 64 bits counts as one address, since
// one browser has it all; this machine itself has a hundred times as much, since
// it is a proxy that was not named as trusted, or a test. What it remembers is lost with the process. It is used
// by pointer and is safe for concurrent use; nil allows everything.
type Limiter struct {
	Every time.Duration // 0: DefaultEvery
	Burst int           // 0: DefaultBurst
	Clock gatehouse.Clock

	mu    sync.Mutex
	spent map[netip.Prefix]time.Time // when the address has its whole allowance again
}

// Allow takes one of the allowance of the address that r comes from (see
// ClientAddress). Limited when there is none left.
func (l *Limiter) Allow(r *http.Request) error {
	if l == nil || l.take(network(ClientAddress(r))) {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Limited, "Too many sign-ins were begun from your network in a short time. Wait a minute, and try again.")
}

// AllowOne takes one of an allowance that all addresses share: it is for what
// strangers could do from many. Limited when there is none left.
func (l *Limiter) AllowOne() error {
	if l == nil || l.take(netip.Prefix{}) {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Limited, "Too much was begun here in a short time. Wait a minute, and try again.")
}

// Left says whether the address that r comes from has some of its allowance
// left, and takes none of it. Limited when there is none.
func (l *Limiter) Left(r *http.Request) error {
	if l == nil {
		return nil
	}
	from := network(ClientAddress(r))
	every, burst := l.pace(from)
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.spent[from]; !known && len(l.spent) >= mostAddresses {
		from = netip.Prefix{}
	}
	if l.spent[from].Add(every).Sub(l.Clock.Now()) > every*time.Duration(burst) {
		return gatehouse.Errorf(gatehouse.Limited, "Too many wrong requests came from your network in a short time. Wait a minute, and try again.")
	}
	return nil
}

// pace is how often an address may.
func (l *Limiter) pace(from netip.Prefix) (every time.Duration, burst int) {
	every, burst = cmp.Or(l.Every, DefaultEvery), cmp.Or(l.Burst, DefaultBurst)
	if from.Addr().IsLoopback() {
		every, burst = every/localFactor, burst*localFactor
	}
	return every, burst
}

func (l *Limiter) take(from netip.Prefix) bool {
	every, burst := l.pace(from)
	now := l.Clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.spent[from]; !known && len(l.spent) >= mostAddresses {
		if l.forget(now); len(l.spent) >= mostAddresses {
			from = netip.Prefix{}
		}
	}
	full := l.spent[from]
	if full.Before(now) {
		full = now
	}
	full = full.Add(every)
	if full.Sub(now) > every*time.Duration(burst) {
		return false
	}
	if l.spent == nil {
		l.spent = map[netip.Prefix]time.Time{}
	}
	l.spent[from] = full
	return true
}

// forget drops the addresses that have their whole allowance again.
func (l *Limiter) forget(now time.Time) {
	for from, full := range l.spent {
		if !full.After(now) {
			delete(l.spent, from)
		}
	}
}

// network is what counts as one address; zero for what is none.
func network(address string) netip.Prefix {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	bits := a.BitLen()
	if a.Is6() && !a.IsLoopback() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // bits fit, as they are the address's own or fewer
	return p
}
