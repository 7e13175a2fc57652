package dingtalk

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"gatehouse"
)

// pacer keeps us within DingTalk's limits, which count each API of an app by
// itself (open.dingtalk.com, "api-throttling"). What one API was refused holds
// that API back for all who ask at the same time.
type pacer struct {
	clock gatehouse.Clock
	sleep func(context.Context, time.Duration) error
	rate  int

	mu    sync.Mutex
	each  map[string]*rate.Limiter
	until map[string]time.Time
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

// wait returns when a call of the API may be made.
func (p *pacer) wait(ctx context.Context, api string) error {
	if d := p.claim(api); d > 0 {
		if err := p.sleep(ctx, d); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// claim takes the next place in the row of calls, and says how long that is
// from now.
func (p *pacer) claim(api string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.each == nil {
		p.each, p.until = map[string]*rate.Limiter{}, map[string]time.Time{}
	}
	limit := p.each[api]
	if limit == nil {
		// Half of the rate at once and the rest spread: no second has more than it.
		limit = rate.NewLimiter(rate.Limit(max(p.rate-p.rate/2, 1)), max(p.rate/2, 1))
		p.each[api] = limit
	}
	now := p.clock.Now()
	return max(limit.ReserveN(now, 1).DelayFrom(now), p.until[api].Sub(now))
}

// hold keeps an API back after it refused.
func (p *pacer) hold(api string, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.clock.Now().Add(d); until.After(p.until[api]) {
		p.until[api] = until
	}
}

// How often something is tried again.
const (
	mostRefusals = 8 // for the rate of calls
	mostFailures = 4 // for anything else that may pass
	longestHold  = time.Minute
)

// again says whether and when to ask again after an error on a try, the first
// being 0. Everything asked here only reads, so asking twice does no harm.
func again(err error, try int) (wait time.Duration, ok bool) {
	wait = min(time.Second<<min(try, 6), longestHold)
	switch n, name := code(err), nameOf(err); {
	case err == nil:
		return 0, false
	case n == 90002 || n == 90018 || strings.Contains(name, "QpsLimit"):
		return wait, try < mostRefusals
	case strings.Contains(name, "QpmLimit"): // by the minute
		return longestHold, try < mostFailures
	case n == -1 || name == "system.error" || name == "unknownError":
		return wait, try < 3 // as DingTalk's own documentation has it
	case n != 0 || name != "":
		return 0, false
	}
	if k := gatehouse.KindOf(err); k == gatehouse.Unavailable || k == gatehouse.Upstream { // no answer, or half of one
		return wait, try < mostFailures
	}
	return 0, false
}

// counter counts the calls that were made for something.
type counter = atomic.Int64

// ask makes a call as often as needed, at the pace of its API.
func (s *Source) ask(ctx context.Context, api string, made *counter, call func(context.Context) error) error {
	for try := 0; ; try++ {
		if err := s.pace.wait(ctx, api); err != nil {
			return err
		}
		if made != nil {
			made.Add(1)
		}
		err := call(ctx)
		wait, ok := again(err, try)
		if !ok || ctx.Err() != nil {
			return err
		}
		s.client.env.Log.Debug("DingTalk is asked again", "api", api, "in", wait, "error", err)
		s.pace.hold(api, wait)
	}
}

// top asks the old API.
func (s *Source) top(ctx context.Context, path string, made *counter, in map[string]any, result any) error {
	return s.ask(ctx, path, made, func(ctx context.Context) error { return s.client.topapi(ctx, s.settings.company, path, in, result) })
}
