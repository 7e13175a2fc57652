package provided

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What one asker may ask for: a backend that looks up many people at once, and
// then twenty a second.
const (
	askEvery = 50 * time.Millisecond
	askBurst = 200
)

// limits bound how often each asker asks. Askers are known ones (a client with
// its secret, a person with an API token), so there are not many.
type limits struct {
	mu  sync.Mutex
	all map[string]*rate.Limiter
}

func (p *Provided) mayAsk(by Asker) bool {
	l := &p.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	key := by.ClientID + "\n" + by.Actor.ID
	if l.all[key] == nil {
		if l.all == nil {
			l.all = map[string]*rate.Limiter{}
		}
		l.all[key] = rate.NewLimiter(rate.Every(askEvery), askBurst)
	}
	return l.all[key].AllowN(p.Clock.Now(), 1)
}
