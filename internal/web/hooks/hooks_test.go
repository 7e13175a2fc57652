package hooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/apps"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/gitlab"
	"gatehouse/internal/jobs"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	twin "gatehouse/internal/twin/gitlab"
	"gatehouse/internal/web/hooks"
	"gatehouse/internal/web/ui"
)

const (
	secret = "the secret of the hooks"
	token  = "glpat-of-the-test"
)

// house is hooks over a GitLab, with the jobs running.
type house struct {
	*testing.T
	store     *store.Store
	access    *access.Service
	hooks     *hooks.Hooks
	gitlab    *twin.Twin
	server    *httptest.Server // ours
	connector gatehouse.Connector
	pulled    chan string
}

func newHouse(t *testing.T, s *store.Store, kinds ...integration.Kind) *house {
	t.Helper()
	h := &house{T: t, store: s, pulled: make(chan string, 100)}
	var handler http.Handler
	theirs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(theirs.Close)
	var err error
	if h.gitlab, err = twin.New(twin.Config{URL: theirs.URL}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.gitlab.Close() })
	h.gitlab.AddToken(twin.Token{Value: token, UserID: 1, Scopes: []string{"api"}})
	handler = h.gitlab
	out, err := outgoing.New(outgoing.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	runner := &jobs.Runner{Store: s, Log: log, Observe: func(kind, outcome string, _ time.Duration) {
		if kind == "access.pull" {
			h.pulled <- kind + " " + outcome
		}
	}}
	h.access = &access.Service{
		Store: s, Jobs: runner, Log: log, Metrics: gatehouse.NoMetrics{},
		Apps: &apps.Apps{Store: s, Kinds: append(kinds, gitlab.Kind()), Outgoing: out, Log: log},
	}
	h.access.Register()
	h.hooks = &hooks.Hooks{Store: s, Apps: h.access.Apps, Access: h.access, Log: log, Metrics: gatehouse.NoMetrics{}, Refusals: &ui.Limiter{}}
	mux := http.NewServeMux()
	h.hooks.Mount(mux)
	h.server = httptest.NewServer(ui.WithClientAddress(nil, mux))
	t.Cleanup(h.server.Close)
	h.connector = gatehouse.Connector{
		Key: "gitlab", Name: "GitLab", Kind: "gitlab", URL: theirs.URL, Token: token, HookSecret: secret, Enabled: true,
		Status: gatehouse.ConnectorPaused, Managed: gatehouse.ManagedByDashboard,
	}
	h.update(func(tx *store.Tx) error { return tx.SaveConnector(&h.connector) })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = runner.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return h
}

func (h *house) update(fn func(*store.Tx) error) {
	h.Helper()
	if err := h.store.Update(h.Context(), fn); err != nil {
		h.Fatal(err)
	}
}

func (h *house) news() (n gatehouse.News) {
	h.Helper()
	h.update(func(tx *store.Tx) (err error) {
		n, err = tx.News(h.connector.ID)
		return err
	})
	return n
}

// pull reads the GitLab whole.
func (h *house) pull() {
	h.Helper()
	h.update(func(tx *store.Tx) error {
		_, err := h.access.SyncNow(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "test"}, h.connector.ID)
		return err
	})
	for o := range h.pulled {
		if strings.HasPrefix(o, "access.pull ") {
			if o != "access.pull done" {
				h.Fatal(o)
			}
			return
		}
	}
}

// push sends a delivery and gives the status and the error of the answer.
func (h *house) push(path, body string, header map[string]string) (int, string) {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), http.MethodPost, h.server.URL+path, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct{ Error string }
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	return resp.StatusCode, answer.Error
}

// TestAChangeInGitLabShowsWithinTwoSeconds: the twin tells of it by a hook, the
// thing is read afresh, the history has it.
func TestAChangeInGitLabShowsWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		h.pull()
		h.gitlab.AddHook(twin.Hook{URL: h.server.URL + "/hooks/gitlab", Token: secret})
		world := h.gitlab.World
		grants := func(id gatehouse.ResourceID, account string) func(*store.Tx) (string, error) {
			return func(tx *store.Tx) (string, error) {
				all, err := tx.GrantsOn(h.connector.ID, []gatehouse.ResourceID{id})
				for _, g := range all {
					if g.AccountID == account {
						return string(rune('0' + g.Role.Level/10)), err
					}
				}
				return "", err
			}
		}
		path := func(id gatehouse.ResourceID) func(*store.Tx) (string, error) {
			return func(tx *store.Tx) (string, error) {
				r, err := tx.Resource(h.connector.ID, id)
				if errors.Is(err, gatehouse.NotFound) {
					err = nil
				}
				return r.Path, err
			}
		}
		var newcomer twin.User
		account := func(tx *store.Tx) (string, error) {
			all, err := tx.Accounts(h.connector.ID, store.AccountFilter{Search: "arrival"}, store.Cursor{})
			if err != nil || len(all.Items) == 0 {
				return "", err
			}
			return all.Items[0].Username, nil
		}
		steps := []struct {
			name   string
			change func() error
			look   func(*store.Tx) (string, error)
			want   string
		}{
			{"MemberAdded", func() error {
				_, err := world.AddMember(twin.Member{Source: twin.InGroup(12), UserID: 25, Level: 30})
				return err
			}, grants("group/12", "25"), "3"},
			{"MemberPromoted", func() error {
				return world.EditMember(twin.InGroup(12), 25, func(m *twin.Member) { m.Level = 40 })
			}, grants("group/12", "25"), "4"},
			{"MemberRemoved", func() error { return world.RemoveMember(twin.InGroup(12), 25) }, grants("group/12", "25"), ""},
			{"ProjectMade", func() error {
				_, err := world.AddProject(twin.Project{ID: 900, GroupID: 12, Path: "fresh"})
				return err
			}, path("project/900"), "eng/platform/sre/fresh"},
			{"GroupRenamedAndWhatLiesBelow", func() error {
				return world.EditGroup(12, func(g *twin.Group) { g.Path = "moved" })
			}, path("project/900"), "eng/platform/moved/fresh"},
			{"UserMade", func() (err error) {
				newcomer, err = world.AddUser(twin.User{Username: "arrival"})
				return err
			}, account, "arrival"},
			{"UserRenamed", func() error {
				return world.EditUser(newcomer.ID, func(u *twin.User) { u.Username = "the-arrival" })
			}, account, "the-arrival"},
			{"UserGone", func() error { return world.RemoveUser(newcomer.ID) }, account, ""},
			{"GroupGoneWithWhatLiesBelow", func() error { return world.RemoveGroup(12) }, path("project/900"), ""},
		}
		for _, step := range steps {
			began := time.Now()
			if err := step.change(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			for got := ""; ; {
				h.update(func(tx *store.Tx) (err error) {
					got, err = step.look(tx)
					return err
				})
				if got == step.want {
					break
				}
				if time.Since(began) > 30*time.Second {
					t.Fatalf("%s: still %q", step.name, got)
				}
				<-time.After(10 * time.Millisecond) // looks again; what is measured is the time until it shows
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%s took %v", step.name, took)
			}
		}
		if n := h.news(); n.Received == 0 || n.LastSource == "" || n.Refused != 0 {
			t.Errorf("news %+v", n)
		}
	})
}

func TestDeliveriesThatAreRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		const body = `{"event_name":"user_create","user_id":2}`
		good := map[string]string{"X-Gitlab-Token": secret, "Idempotency-Key": "one"}
		off := gatehouse.Connector{Key: "off", Name: "Off", Kind: "gitlab", URL: h.connector.URL, Token: "t", HookSecret: secret, Managed: gatehouse.ManagedByDashboard}
		mute := gatehouse.Connector{Key: "mute", Name: "Mute", Kind: "gitlab", URL: h.connector.URL, Token: "t", Enabled: true, Managed: gatehouse.ManagedByDashboard}
		h.update(func(tx *store.Tx) error { return errors.Join(tx.SaveConnector(&off), tx.SaveConnector(&mute)) })
		tests := []struct {
			name, path, body string
			header           map[string]string
			status           int
		}{
			{"UnknownConnector", "/hooks/nobody", body, good, 404},
			{"DisabledConnector", "/hooks/off", body, good, 404},
			{"ConnectorWithoutASecret", "/hooks/mute", body, good, 404},
			{"NoSecret", "/hooks/gitlab", body, nil, 401},
			{"WrongSecret", "/hooks/gitlab", body, map[string]string{"X-Gitlab-Token": "guess"}, 401},
			{"NoJSON", "/hooks/gitlab", "x", good, 400},
			{"TooLarge", "/hooks/gitlab", strings.Repeat("x", 1<<20+1), good, 413},
			{"Good", "/hooks/gitlab", body, good, 200},
			{"GoodButOfNoInterest", "/hooks/gitlab", `{"object_kind":"push"}`, good, 200},
		}
		unknown := ""
		for _, tt := range tests {
			status, text := h.push(tt.path, tt.body, tt.header)
			if status != tt.status {
				t.Errorf("%s: %d %s, want %d", tt.name, status, text, tt.status)
			}
			if tt.status == 404 && unknown == "" {
				unknown = text
			}
			if tt.status == 404 && text != unknown {
				t.Errorf("%s: %q tells it from an address that is not there", tt.name, text)
			}
			if strings.Contains(text, secret) {
				t.Errorf("%s: the secret is shown", tt.name)
			}
		}
		if n := h.news(); n.Received != 1 || n.Refused != 1 || n.RefusedWhy.Text == "" {
			t.Errorf("news %+v", n) // refusals are written once a minute
		}
		h.update(func(tx *store.Tx) error {
			page, err := tx.Events(store.EventFilter{Action: "hook.refused"}, store.Cursor{})
			if len(page.Items) != 1 || page.Items[0].Actor.Address == "" {
				t.Errorf("audit log: %+v", page.Items)
			}
			return err
		})
		t.Run("WhatComesAgainCountsOnce", func(t *testing.T) {
			h.push("/hooks/gitlab", body, good)
			if n := h.news(); n.Received != 1 {
				t.Errorf("news %+v", n)
			}
		})
		t.Run("ByGET", func(t *testing.T) {
			resp, err := http.Get(h.server.URL + "/hooks/gitlab")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			if resp.StatusCode != 404 {
				t.Errorf("%d", resp.StatusCode)
			}
		})
		t.Run("SomebodyWhoGuesses", func(t *testing.T) {
			h.hooks.Refusals = &ui.Limiter{Burst: 1, Every: time.Hour}
			limited := false
			for range 150 { // this machine's own addresses may a hundred times as often
				status, _ := h.push("/hooks/gitlab", body, nil)
				limited = limited || status == 429
			}
			if !limited {
				t.Error("guessing goes on for ever")
			}
		})
	})
}

// verifying is an app that asks for the address by GET first.
type verifying struct{}

func (verifying) Receive(_ context.Context, d integration.Delivery) (integration.Answer, []gatehouse.Notice, error) {
	if d.Method == http.MethodGet {
		return integration.Answer{Status: 200, ContentType: "text/plain", Body: []byte(d.Query.Get("echo"))}, nil, nil
	}
	return integration.Answer{Status: 202}, []gatehouse.Notice{{Kind: gatehouse.NoticeAccount, Subject: "1"}}, nil
}

func TestAnAppThatVerifiesTheAddress(t *testing.T) {
	t.Parallel()
	kind := integration.Kind{Name: "verifying", OpenConnector: func(gatehouse.Connector, integration.Env) (integration.Connected, error) {
		return integration.Connected{Receiver: verifying{}, VerifiesAddress: true}, nil
	}}
	h := newHouse(t, storetest.Open(t), kind)
	c := gatehouse.Connector{Key: "v", Name: "V", Kind: "verifying", Enabled: true, Managed: gatehouse.ManagedByDashboard}
	h.update(func(tx *store.Tx) error { return tx.SaveConnector(&c) })
	resp, err := http.Get(h.server.URL + "/hooks/v?echo=hello")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body := make([]byte, 5)
	_, _ = resp.Body.Read(body)
	if resp.StatusCode != 200 || string(body) != "hello" || resp.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	if status, _ := h.push("/hooks/v", "", nil); status != 202 {
		t.Errorf("status %d", status)
	}
}

func TestTooManyDeliveriesAreAWholePull(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.Open(t))
	now := time.Unix(1_800_000_000, 0)
	h.hooks.Clock = func() time.Time { return now }
	statuses := map[int]int{}
	for range 2005 {
		status, _ := h.push("/hooks/gitlab", `{"event_name":"user_create","user_id":2}`, map[string]string{"X-Gitlab-Token": secret})
		statuses[status]++
	}
	if statuses[200] != 2000 || statuses[429] != 5 {
		t.Errorf("answers %v", statuses)
	}
	h.update(func(tx *store.Tx) error {
		due, err := tx.DueNotices(h.connector.ID, 10)
		if len(due) != 2 || due[1].Notice.Kind != gatehouse.NoticeAll {
			t.Errorf("waiting: %+v", due)
		}
		return err
	})
}
