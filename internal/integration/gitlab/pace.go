package gitlab

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse"
)

// The classes of requests that GitLab limits apart from each other (its
// application rate limiter counts each of them by itself).
const (
	classUsers    = "users"
	classUser     = "user"
	classGroups   = "groups"
	classGroup    = "group"
	classShared   = "groups shared"
	classProject  = "project"
	classProjects = "projects"
	classMembers  = "members"
	classGraphQL  = "graphql"
	classOther    = "other"
	everything    = "" // the throttle for all requests of a token (Rack::Attack)
)

// longestWait is how long a limit may hold us up at once. /projects is counted
// over ten minutes; what asks for more than this is not a limit but a refusal.
const longestWait = 15 * time.Minute

// pacer keeps us within GitLab's limits. It learns them from the answers:
// RateLimit-Remaining and -Reset for everything, Retry-After of a refusal for
// the class that was refused. (The official client spreads requests evenly over
// two thirds of the limit however much is left, which makes a pull many times
// slower than GitLab permits; we use what is there and then wait.)
type pacer struct {
	clock gatehouse.Clock
	sleep func(context.Context, time.Duration) error

	mu    sync.Mutex
	until map[string]time.Time // by class
	left  int                  // requests until reset, where known
	reset time.Time            // zero: no limit is known
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait returns when a request of the class may be made, and counts it.
func (p *pacer) wait(ctx context.Context, class string) error {
	for {
		key, until, d := p.claim(class)
		if d <= 0 {
			return ctx.Err()
		}
		if err := p.sleep(ctx, d); err != nil {
			return err
		}
		p.passed(key, until)
	}
}

// claim takes one request out of what is left, or says how long to wait and for
// what.
func (p *pacer) claim(class string) (key string, until time.Time, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	for _, key := range []string{everything, class} {
		if t := p.until[key]; t.After(now) {
			return key, t, t.Sub(now)
		}
	}
	if p.reset.After(now) {
		if p.left <= 0 {
			return everything, p.reset, p.reset.Sub(now)
		}
		p.left--
	}
	return "", time.Time{}, 0
}

// passed forgets a limit that was waited for, whatever the clock says by now.
func (p *pacer) passed(key string, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until[key].Equal(until) {
		delete(p.until, key)
	}
	if p.reset.Equal(until) {
		p.reset = time.Time{}
	}
}

// learn reads the limit of everything that an answer tells.
func (p *pacer) learn(h http.Header) {
	remaining, err := strconv.Atoi(h.Get("RateLimit-Remaining"))
	if err != nil || remaining < 0 {
		return
	}
	in, ok := resetIn(h, p.clock.Now())
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	reset := p.clock.Now().Add(in).Truncate(time.Second)
	if near(reset, p.reset) {
		p.left = min(p.left, remaining) // answers may overtake each other
		return
	}
	p.left, p.reset = remaining, reset
}

func near(a, b time.Time) bool {
	d := a.Sub(b)
	return d > -2*time.Second && d < 2*time.Second
}

// refused keeps a class back after a 429 and returns for how long. ok is false
// when that is longer than anybody should wait.
func (p *pacer) refused(class string, h http.Header, attempt int) (wait time.Duration, ok bool) {
	wait = time.Duration(min(1<<attempt, 60)) * time.Second
	if seconds, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After"))); err == nil && seconds >= 0 {
		if seconds > int(longestWait/time.Second) {
			return 0, false
		}
		wait = max(time.Duration(seconds)*time.Second, 100*time.Millisecond)
	} else if in, known := resetIn(h, p.clock.Now()); known {
		wait = max(in, time.Second)
	}
	if h.Get("RateLimit-Name") != "" || h.Get("RateLimit-Limit") != "" {
		class = everything
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	until := p.clock.Now().Add(wait)
	if until.After(p.until[class]) {
		if p.until == nil {
			p.until = map[string]time.Time{}
		}
		p.until[class] = until
	}
	return wait, wait <= longestWait
}

// resetIn reads RateLimit-Reset against the server's own clock, where it tells
// it, so that a wrong clock on either side does not matter.
func resetIn(h http.Header, now time.Time) (time.Duration, bool) {
	seconds, err := strconv.ParseInt(h.Get("RateLimit-Reset"), 10, 64)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	in := time.Unix(seconds, 0).Sub(now)
	return in, in > 0 && in <= time.Hour
}
