package rest

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/twin/gitlab/caller"
)

// A Limiter is GitLab's application rate limiter: so many requests of one kind
// by one account in a fixed window of time. The zero value counts nothing until
// it is switched on.
type Limiter struct {
	mu   sync.Mutex
	on   bool
	used map[string]window
}

type window struct {
	number int64
	count  int
}

type quota struct {
	limit  int
	period time.Duration
	// others spares those who may read everything.
	others bool
}

// quotas are the limits that GitLab sets by itself.
func quotas(name string) quota {
	switch name {
	case "group_shares", "members_delete":
		return quota{limit: 60, period: time.Minute}
	case "groups", "members_all":
		return quota{limit: 200, period: time.Minute}
	case "user_projects":
		return quota{limit: 300, period: time.Minute}
	case "group", "project":
		return quota{limit: 400, period: time.Minute}
	case "group_projects":
		return quota{limit: 600, period: time.Minute}
	case "user":
		return quota{limit: 300, period: 10 * time.Minute, others: true}
	case "projects":
		return quota{limit: 2000, period: 10 * time.Minute}
	}
	return quota{}
}

// Switch turns the limiter on or off and forgets what was counted.
func (l *Limiter) Switch(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on, l.used = on, map[string]window{}
}

// take counts a request. When it is one too many it returns how long to wait.
func (l *Limiter) take(key string, q quota, now time.Time) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.on || q.limit == 0 {
		return 0, true
	}
	number := now.UnixNano() / int64(q.period)
	w := l.used[key]
	if w.number != number {
		w = window{number: number}
	}
	w.count++
	l.used[key] = w
	end := time.Unix(0, (number+1)*int64(q.period))
	return end.Sub(now), w.count <= q.limit
}

// limit refuses a request that is one too many.
func (c *call) limit() error {
	q := quotas(c.route.limit)
	if c.api.Limiter == nil || q.limit == 0 || q.others && c.who.Viewer.ReadAll {
		return nil
	}
	key := c.route.limit + " " + caller.Address(c.r)
	if c.who.User != nil {
		key = c.route.limit + " user " + itoa(c.who.User.ID)
	}
	if c.route.limit == "members_delete" {
		src, err := c.source()
		if err != nil {
			return err
		}
		key += " " + string(src.Kind) + itoa(src.ID)
	}
	wait, ok := c.api.Limiter.take(key, q, c.now())
	if ok {
		return nil
	}
	// Only the network's throttle says how much is left.
	maps.DeleteFunc(c.header, func(k string, _ []string) bool { return strings.HasPrefix(k, "Ratelimit-") })
	f := caller.Message(http.StatusTooManyRequests, errorBody{"This endpoint has been requested too many times. Try again later."})
	f.Header = http.Header{"Retry-After": {strconv.Itoa(max(1, int((wait+time.Second-1)/time.Second)))}}
	return f
}
