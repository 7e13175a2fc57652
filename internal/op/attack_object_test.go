package op

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/web/ui"
)

// Anybody can open an authorization request of a client that has request objects
// at an address. They must not be able to have that address asked without end.
func TestA14StrangersHaveAddressesAskedOnlySoOften(t *testing.T) {
	t.Parallel()
	h := open(t)
	var asked atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(web.Close)
	h.op.Web = func(gatehouse.Client) *http.Client { return web.Client() }
	h.objects(func(c *gatehouse.Client) { c.Settings.RequestURIs = []string{web.URL + "/request.jwt"} })
	h.op.Limiter = &ui.Limiter{Clock: h.clock.Now, Every: time.Hour, Burst: 1} // a hundred from this machine
	b, statuses := h.browser(), map[int]int{}
	for range 105 {
		statuses[b.get(asking("trusted", "request_uri", web.URL+"/request.jwt")).status]++
	}
	if asked.Load() != 100 || statuses[http.StatusTooManyRequests] != 5 {
		t.Errorf("asked %d times, answered %v", asked.Load(), statuses)
	}
}
