package gitlab_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/integration/gitlab"
	twin "gatehouse/internal/twin/gitlab"
)

func TestPullSurvives(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]twin.Fault{
		"BadGateway":    {HTML: true, Status: 502},
		"ServerErrors":  {Status: 500, Body: `{"message":"500 Internal Server Error"}`},
		"Resets":        {Reset: true},
		"CutBodies":     {Truncate: 300},
		"CutAtOnce":     {Truncate: 1},
		"TooManyPlain":  {Status: 429, Header: http.Header{"Retry-After": {"7"}, "RateLimit-Name": {"throttle_authenticated_api"}, "Content-Type": {"text/plain"}}, Body: "Retry later\n"},
		"TooManyOfKind": {Status: 429, Header: http.Header{"Retry-After": {"30"}}, Body: `{"message":{"error":"This endpoint has been requested too many times. Try again later."}}`},
		"TooManySilent": {Status: 429, Body: "busy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t, twin.GeneratedWorld(250, 40, 110, 4), twin.Config{})
			var seen sync.Map // every request breaks when it comes first
			g.SetFaults(twin.Faults{Hook: func(r *http.Request) *twin.Fault {
				if _, again := seen.LoadOrStore(r.URL.String()+strconv.FormatInt(r.ContentLength, 10), true); !again {
					return &fault
				}
				return nil
			}})
			same(t, truth(g.World, g.server.URL, true), mustPull(t, g.hurried(t, rootToken)))
		})
	}
	t.Run("NotWhatStaysBroken", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			rule twin.Fault
			kind gatehouse.ErrorKind
		}{
			"BadGateway":   {twin.Fault{Path: "/api/v4/projects", HTML: true, Status: 502}, gatehouse.Unavailable},
			"Resets":       {twin.Fault{Path: "/api/v4/projects", Reset: true}, gatehouse.Unavailable},
			"CutBodies":    {twin.Fault{Path: "/api/v4/groups", Truncate: 100}, gatehouse.Unavailable},
			"Revoked":      {twin.Fault{Path: "/api/v4/users", After: 2, Status: 401, Body: `{"message":"401 Unauthorized"}`}, gatehouse.Unauthorized},
			"HTML":         {twin.Fault{Path: "/api/v4/groups", HTML: true, Status: 200}, gatehouse.Upstream},
			"OtherTypes":   {twin.Fault{Path: "/api/v4/users", After: 1, Status: 200, Body: `[{"id":"one"}]`}, gatehouse.Upstream},
			"NoRows":       {twin.Fault{Path: "/api/v4/projects", Status: 200, Body: `{"message":"hello"}`}, gatehouse.Upstream},
			"NoIDs":        {twin.Fault{Path: "/api/v4/projects", Status: 200, Body: `[{}]`}, gatehouse.Upstream},
			"Limits":       {twin.Fault{Path: "/api/v4/groups", Status: 429, Header: http.Header{"Retry-After": {"86400"}}}, gatehouse.Limited},
			"LimitsAlways": {twin.Fault{Path: "/api/v4/groups", Status: 429, Header: http.Header{"Retry-After": {"1"}}}, gatehouse.Limited},
		} {
			g := start(t, twin.GeneratedWorld(250, 40, 110, 4), twin.Config{})
			g.SetFaults(twin.Faults{Rules: []twin.Fault{c.rule}})
			_, _, err := pull(t.Context(), g.hurried(t, rootToken), "")
			if !errors.Is(err, c.kind) {
				t.Errorf("%s: %v, want %s", name, err, c.kind)
			}
			if n := count(g.Requests()); n > 80 {
				t.Errorf("%s: given up only after %d requests", name, n)
			}
		}
	})
	t.Run("ButNotTheLossOfItsRights", func(t *testing.T) {
		t.Parallel()
		g := start(t, nil, twin.Config{})
		s := g.source(t, rootToken)
		var err error
		for _, e := range s.Pull(t.Context(), "") {
			g.Switch(twin.Switches{AdminMode: true}) // while the rest is read
			err = e
		}
		if !errors.Is(err, gatehouse.Forbidden) || !strings.Contains(err.Error(), "admin_mode") {
			t.Errorf("%v, want Forbidden that names admin_mode", err)
		}
	})
	t.Run("ButDoesNotBelieveOrdinaryRows", func(t *testing.T) {
		t.Parallel()
		g := start(t, twin.GeneratedWorld(1250, 4, 4, 4), twin.Config{})
		g.SetFaults(twin.Faults{Rules: []twin.Fault{{ // somebody switches Admin Mode on
			Path: "/api/v4/users", After: 5, Status: 200, Header: http.Header{"X-Total": {"1200"}},
			Body: `[{"id":7,"username":"user00007","public_email":null,"name":"X","state":"active","locked":false,"avatar_url":"","web_url":""}]`,
		}}})
		_, _, err := pull(t.Context(), g.source(t, rootToken), "")
		if !errors.Is(err, gatehouse.Forbidden) || !strings.Contains(err.Error(), "admin_mode") {
			t.Errorf("%v, want Forbidden that names admin_mode", err)
		}
	})
}

// sleeper is a clock that goes on by what is slept.
type sleeper struct {
	mu    sync.Mutex
	now   time.Time
	slept time.Duration
}

func (s *sleeper) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *sleeper) Sleep(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
	s.slept += d
	return ctx.Err()
}

// TestPullKeepsWithinLimits runs on a clock that only we move: whoever does not
// wait is refused for ever.
func TestPullKeepsWithinLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		switches twin.Switches
		refused  int // at most
	}{
		"OfAllRequests":   {twin.Switches{RackAttack: twin.RackAttack{Requests: 40}}, 6},
		"OfEachEndpoint":  {twin.Switches{ApplicationLimits: true, GraphQLStatus: 404}, 30},
		"OfBoth":          {twin.Switches{ApplicationLimits: true, RackAttack: twin.RackAttack{Requests: 100}}, 20},
		"OfAShorterBreak": {twin.Switches{RackAttack: twin.RackAttack{Requests: 20, Period: 10 * time.Second}}, 16},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &sleeper{now: time.Date(2026, 2, 19, 8, 0, 7, 0, time.UTC)}
			g := start(t, twin.GeneratedWorld(900, 450, 300, 4), twin.Config{Clock: clock.Now, Switches: c.switches})
			e := env(t)
			e.Clock = clock.Now
			seen := &statuses{RoundTripper: e.HTTP.Transport, count: map[int]int{}, clock: clock}
			e.HTTP.Transport = seen
			s := open(t, g.server.URL, rootToken, e)
			gitlab.Sleep(s, clock.Sleep)
			same(t, truth(g.World, g.server.URL, true), mustPull(t, s))
			if n := seen.count[429]; n > c.refused {
				t.Errorf("refused %d times, want at most %d", n, c.refused)
			}
			if clock.slept == 0 {
				t.Error("nothing was waited for: the limits were not reached")
			}
		})
	}
}

// statuses counts answers, and gives them the time of the server's clock, which
// net/http would take from the real one.
type statuses struct {
	http.RoundTripper
	mu    sync.Mutex
	count map[int]int
	clock *sleeper
}

func (s *statuses) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Header.Set("Date", s.clock.Now().Format(http.TimeFormat))
		s.mu.Lock()
		s.count[resp.StatusCode]++
		s.mu.Unlock()
	}
	return resp, err
}

func TestPullWhileListsChange(t *testing.T) {
	t.Parallel()
	// change runs once, when the second page of a list is asked for.
	during := func(g *gitLab, path string, change func(time int)) {
		var times atomic.Int64
		g.SetFaults(twin.Faults{Hook: func(r *http.Request) *twin.Fault {
			if r.URL.Path == path && r.URL.Query().Get("page") == "2" {
				change(int(times.Add(1)))
			}
			return nil
		}})
	}
	t.Run("AccountThatGoesLosesNoOther", func(t *testing.T) {
		t.Parallel()
		g := start(t, twin.GeneratedWorld(450, 10, 10, 4), twin.Config{})
		during(g, "/api/v4/users", func(int) { _ = g.World.RemoveUser(449) })
		f := mustPull(t, g.source(t, rootToken))
		for id := range truth(g.World, g.server.URL, true).Accounts {
			if _, ok := f.Accounts[id]; !ok {
				t.Errorf("account %s is missing", id)
			}
		}
	})
	t.Run("ProjectThatGoesLosesNoOther", func(t *testing.T) {
		t.Parallel()
		g := start(t, twin.GeneratedWorld(50, 10, 450, 4), twin.Config{})
		last := int64(0)
		g.World.Read(func(d *twin.Data) { last = d.Projects()[449].ID })
		during(g, "/api/v4/projects", func(int) {
			_ = g.World.Write(func(d *twin.Data) error { d.RemoveProject(d.Project(last)); return nil })
		})
		f := mustPull(t, g.source(t, rootToken))
		want := truth(g.World, g.server.URL, true)
		for id := range want.Resources {
			if _, ok := f.Resources[id]; !ok {
				t.Errorf("%s is missing", id)
			}
		}
		for id := range want.Grants {
			if _, ok := f.Grants[id]; !ok {
				t.Errorf("%s is missing", id)
			}
		}
	})
	t.Run("WhatComesIsReadToo", func(t *testing.T) {
		t.Parallel()
		g := start(t, twin.GeneratedWorld(450, 10, 10, 4), twin.Config{})
		during(g, "/api/v4/users", func(n int) {
			_, _ = g.World.AddUser(twin.User{Username: "late" + strconv.Itoa(n), Name: "Late", Email: "late@example.com"})
		})
		f := mustPull(t, g.source(t, rootToken))
		same(t, truth(g.World, g.server.URL, true), f)
		if n := g.Requests()["GET /users"]; n > 9 {
			t.Errorf("%d requests: the list was read twice", n)
		}
	})
	t.Run("GroupThatGoesIsReadAgainOnce", func(t *testing.T) {
		t.Parallel()
		g := start(t, twin.GeneratedWorld(50, 450, 10, 4), twin.Config{})
		during(g, "/api/v4/groups", func(n int) {
			if n == 1 {
				removeLeaf(g)
			}
		})
		f := mustPull(t, g.source(t, rootToken))
		for id := range truth(g.World, g.server.URL, true).Resources {
			if _, ok := f.Resources[id]; !ok {
				t.Errorf("%s is missing", id)
			}
		}
	})
	t.Run("GroupsThatKeepGoingAreAnError", func(t *testing.T) {
		t.Parallel()
		g := start(t, twin.GeneratedWorld(50, 450, 10, 4), twin.Config{})
		during(g, "/api/v4/groups", func(int) { removeLeaf(g) })
		_, _, err := pull(t.Context(), g.source(t, rootToken), "")
		if !errors.Is(err, gatehouse.Unavailable) || !strings.Contains(err.Error(), "groups") {
			t.Errorf("%v, want an error about groups", err)
		}
	})
}

// removeLeaf removes the newest group that has no subgroups.
func removeLeaf(g *gitLab) {
	id := int64(0)
	g.World.Read(func(d *twin.Data) {
		for _, x := range d.Groups() {
			if len(d.Children(x.ID)) == 0 {
				id = x.ID
			}
		}
	})
	_ = g.World.RemoveGroup(id)
}
