package access

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/dingtalk"
	"gatehouse/internal/jobs"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	twin "gatehouse/internal/twin/dingtalk"
)

// company is a bench over DingTalk's stand-in.
type company struct {
	*bench
	twin *twin.Twin
	url  string
}

func newCompany(t *testing.T, s *store.Store) company {
	t.Helper()
	var tw *twin.Twin
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tw.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	tw, err := twin.New(twin.Config{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := tw.AddApp(twin.DemoApp("http://hub.test/users/auth/dingtalk/callback")); err != nil {
		t.Fatal(err)
	}
	out, err := outgoing.New(outgoing.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, outcomes: make(chan string, 100)}
	runner := &jobs.Runner{Store: s, Log: slog.New(slog.DiscardHandler), Observe: func(kind, outcome string, _ time.Duration) {
		b.outcomes <- kind + " " + outcome
	}}
	b.service = &Service{
		Store:   s,
		Apps:    &apps.Apps{Store: s, Kinds: []integration.Kind{dingtalk.Kind()}, Outgoing: out, Log: slog.New(slog.DiscardHandler), Metrics: gatehouse.NoMetrics{}},
		Jobs:    runner,
		Log:     slog.New(slog.DiscardHandler),
		Metrics: gatehouse.NoMetrics{},
	}
	c := gatehouse.Connector{
		Key: "dingtalk", Name: "DingTalk", Kind: "dingtalk", Token: twin.DemoAppSecret, Enabled: true, Status: gatehouse.ConnectorPaused,
		Settings: map[string]string{"app_id": twin.DemoAppKey, "api_url": srv.URL, "oapi_url": srv.URL, "qps": "200", "managers": "false"},
	}
	b.update(func(tx *store.Tx) error { return tx.SaveConnector(&c) })
	b.connector = c.ID
	b.service.Register()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = runner.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return company{b, tw, srv.URL}
}

func (c company) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c company) done() gatehouse.Pull {
	c.Helper()
	if got := c.sync(); got != "done" {
		_, p, _ := c.look()
		c.Fatalf("%s: %s", got, p.Error.Sentence())
	}
	_, p, _ := c.look()
	return p
}

func (c company) account(id string) (a gatehouse.Account, err error) {
	err = c.service.Store.View(c.Context(), func(tx *store.Tx) (err error) {
		a, err = tx.Account(c.connector, id)
		return err
	})
	return a, err
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCompany(t, s)
		if p := c.done(); p.State != gatehouse.PullDone {
			t.Fatalf("pull %+v", p)
		}
		if _, _, n := c.look(); n.Accounts != 20 || n.Resources != 9 {
			t.Errorf("current %+v", n)
		}
		if a, err := c.account("lina"); err != nil || a.Title != "高级工程师" || a.JobNumber != "QH0011" || a.HiredAt.IsZero() || a.Phone == "" {
			t.Errorf("%+v, %v", a, err)
		}
		if p := c.done(); p.Written != 0 {
			t.Errorf("a second pull wrote %d rows", p.Written)
		}
	})
}

// Someone who left is gone, and DingTalk's own record of it is named; someone
// who was only moved, or joined, is not.
func TestDirectoryLeavers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCompany(t, s)
		c.done()
		c.must(c.twin.RemoveUser(twin.DemoCorpID, "wangfang", "leave"))
		c.must(c.twin.MoveUser(twin.DemoCorpID, "bob", twin.DemoSales))
		p := c.done()
		if _, err := c.account("wangfang"); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("who left is there: %v", err)
		}
		if _, err := c.account("bob"); err != nil {
			t.Error(err)
		}
		if !slices.ContainsFunc(p.Notes, func(n gatehouse.Note) bool { return strings.Contains(n.Sentence(), "records of leavers name 1") }) {
			t.Errorf("notes %v", p.Notes)
		}
	})
}

// A contact scope that shrinks looks like people leaving. It is held, with words,
// however few they are.
func TestDirectoryScopeThatShrank(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCompany(t, s)
		c.done()
		_, _, before := c.look()
		w := c.twin.World()
		var all []int64
		for _, d := range w.Companies[0].Departments {
			if d.ID != twin.RootDepartment && d.ParentID == twin.RootDepartment && d.ID != twin.DemoOffice {
				all = append(all, d.ID)
			}
		}
		c.must(c.twin.UpdateApp(twin.DemoAppKey, func(a *twin.App) { a.AuthedDepartments, a.AuthedUsers = all, []string{"manager4608", "zhoumin"} }))
		if got := c.sync(); got != "done" {
			t.Fatal(got)
		}
		connector, p, n := c.look()
		if p.State != gatehouse.PullHeld || !strings.Contains(p.Error.Sentence(), "contact scope") || connector.Status != gatehouse.ConnectorPaused {
			t.Errorf("pull %s: %q; connector %s", p.State, p.Error.Sentence(), connector.Status)
		}
		if n != before {
			t.Errorf("something was taken away: %+v, was %+v", n, before)
		}
		c.must(c.twin.UpdateApp(twin.DemoAppKey, func(a *twin.App) { a.AuthedDepartments, a.AuthedUsers = nil, nil }))
		if p := c.done(); p.State != gatehouse.PullDone || p.Written != 0 {
			t.Errorf("after the scope was widened again: %+v", p)
		}
	})
}

// Who is missed because the list shifted while it was read is asked for, found,
// and stays.
func TestDirectoryThatDrifts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCompany(t, s)
		c.done()
		c.twin.SetFaults(twin.Faults{List: []twin.Fault{{
			Prefix: "/topapi/v2/user/list", After: 1 + 8, Times: 1, // the probe's, and all but one department
			Status: 200, Body: `{"errcode":0,"errmsg":"ok","result":{"has_more":false,"list":[]},"request_id":"x"}`,
		}}})
		p := c.done()
		if p.State != gatehouse.PullDone || p.Written != 0 {
			t.Errorf("%s, %d rows written: %v", p.State, p.Written, p.Notes)
		}
	})
}

func TestDirectoryMatchesByUnionID(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCompany(t, s)
		here := gatehouse.Connection{Name: "dingtalk", Kind: "dingtalk", AppID: "a", AppSecret: "b", Args: map[string]any{"client_options": map[string]any{"api_url": c.url}}}
		elsewhere := gatehouse.Connection{Name: "other", Kind: "dingtalk", AppID: "a", AppSecret: "b"}
		var users []gatehouse.User
		c.update(func(tx *store.Tx) error {
			users = nil
			for _, conn := range []*gatehouse.Connection{&here, &elsewhere} {
				if err := tx.SaveConnection(conn); err != nil {
					return err
				}
			}
			for i, row := range []struct{ connection, subject string }{
				{here.ID, twin.DemoUnionID("lina")}, {elsewhere.ID, twin.DemoUnionID("bob")},
			} {
				u := gatehouse.User{Username: fmt.Sprintf("u%d", i), Name: "U", State: gatehouse.UserActive}
				if err := tx.SaveUser(&u); err != nil {
					return err
				}
				if err := tx.SaveIdentity(&gatehouse.Identity{UserID: u.ID, ConnectionID: row.connection, Subject: row.subject}); err != nil {
					return err
				}
				users = append(users, u)
			}
			return nil
		})
		c.done()
		lina, err := c.account("lina")
		for ; err == nil && lina.UserID == ""; lina, err = c.account("lina") {
			<-c.outcomes // the job that matches may have ended before the pull's end was told
		}
		c.must(err)
		if diff := cmp.Diff([]string{users[0].ID, "identity"}, []string{lina.UserID, lina.Match}); diff != "" {
			t.Error(diff)
		}
		if bob, err := c.account("bob"); err != nil || bob.UserID != "" {
			t.Errorf("matched by an identity of another DingTalk: %+v, %v", bob, err)
		}
	})
}
