package gitlab

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/rest"
	"gatehouse/internal/twin/gitlab/world"
)

// Switches are the settings of the instance that can change while it runs. The
// zero value is a plain instance without limits.
type Switches struct {
	// AdminMode makes administrators need the scope admin_mode; without it they
	// silently get the answers of ordinary people.
	AdminMode bool
	// ApplicationLimits turns GitLab's own limits for each endpoint on, which real
	// instances have on: 200 a minute for members/all, and so on.
	ApplicationLimits bool
	// RackAttack limits all requests of one caller.
	RackAttack RackAttack
	// GraphQLStatus refuses GraphQL with this status, such as 404 or 403; 0: it works.
	GraphQLStatus int
	// GraphQLComplexity is the highest complexity for everybody; 0: GitLab's own
	// 200, 250 and 300.
	GraphQLComplexity int
	// QueueRolePromotions makes new members above Guest wait for an administrator.
	QueueRolePromotions bool
	// WrongMembersAll makes members/all give inherited members too low a level.
	WrongMembersAll bool
}

// RackAttack is the throttle for authenticated API requests.
type RackAttack struct {
	Requests int           // in Period; 0: off
	Period   time.Duration // whole seconds; 0: one minute
	Text     string        // body of the refusal; "": "Retry later"
}

// Switch replaces the settings and forgets all counted requests of the limits.
func (t *Twin) Switch(s Switches) {
	t.limiter.Switch(s.ApplicationLimits)
	t.attack.forget()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.switches = s
}

func (t *Twin) current() Switches {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.switches
}

func (t *Twin) settings() rest.Settings {
	s := t.current()
	return rest.Settings{AdminMode: s.AdminMode, QueueRolePromotions: s.QueueRolePromotions, WrongMembersAll: s.WrongMembersAll}
}

// throttle counts requests of one caller in fixed windows.
type throttle struct {
	mu     sync.Mutex
	window int64
	used   map[string]int
}

func (h *throttle) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.window, h.used = 0, nil
}

func (h *throttle) take(who string, window int64) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.used == nil || h.window != window {
		h.window, h.used = window, map[string]int{}
	}
	h.used[who]++
	return h.used[who]
}

// throttled tells about the throttle in the headers, and refuses a request that
// is one too many. The announced limit is that of 60 seconds.
func (t *Twin) throttled(w http.ResponseWriter, r *http.Request) bool {
	a := t.current().RackAttack
	if a.Requests == 0 || !strings.HasPrefix(r.URL.Path, "/api/") {
		return false
	}
	period := int64(cmp.Or(a.Period, time.Minute) / time.Second)
	name, who := "throttle_unauthenticated_api", ""
	t.World.Read(func(d *world.Data) {
		var known bool
		if who, known = caller.Limited(d, r); known {
			name = "throttle_authenticated_api"
		}
	})
	now := t.config.Clock().Unix()
	left := period - now%period
	seen := t.attack.take(who, now/period)

	set := w.Header().Set
	set("RateLimit-Name", name)
	set("RateLimit-Limit", strconv.FormatInt((int64(a.Requests)*60+period-1)/period, 10)) // of a minute, rounded up
	set("RateLimit-Observed", strconv.Itoa(seen))
	set("RateLimit-Remaining", strconv.Itoa(max(0, a.Requests-seen)))
	set("RateLimit-Reset", strconv.FormatInt(now+left, 10))
	if seen <= a.Requests {
		return false
	}
	set("RateLimit-ResetTime", time.Unix(now+left, 0).UTC().Format(http.TimeFormat))
	set("Retry-After", strconv.FormatInt(left, 10))
	set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = fmt.Fprintln(w, cmp.Or(a.Text, "Retry later"))
	return true
}

// serveGraphQL answers /api/graphql, unless it is switched off.
func (t *Twin) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	switch s := t.current().GraphQLStatus; s {
	case 0:
		t.graphql.ServeHTTP(w, r)
	case http.StatusNotFound:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(s)
		_, _ = w.Write([]byte("<!DOCTYPE html>\n<html>\n<head><title>Not Found</title></head>\n<body><h1>404: Page not found</h1></body>\n</html>\n"))
	default:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(s)
		_, _ = fmt.Fprint(w, `{"errors":[{"message":"API not accessible for user"}]}`)
	}
}
