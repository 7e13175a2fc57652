package access

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/gitlab"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	twin "gatehouse/internal/twin/gitlab"
)

// realSource is a source of a GitLab's stand-in; what breaks there is mended at
// once, so that nothing waits.
func realSource(t *testing.T, g *twin.Twin, url string) integration.Source {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := gitlab.Kind().OpenConnector(gatehouse.Connector{URL: url, Token: "glpat-root"}, integration.Env{
		HTTP: &http.Client{Transport: transport, Timeout: time.Minute}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	g.AddToken(twin.Token{Value: "glpat-root", UserID: 1, Scopes: []string{"api"}})
	return c.Source
}

func gitLabOf(t *testing.T) (*twin.Twin, string) {
	t.Helper()
	var g *twin.Twin
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	var err error
	if g, err = twin.New(twin.Config{URL: srv.URL, World: twin.GeneratedWorld(130, 30, 110, 9)}); err != nil {
		t.Fatal(err)
	}
	return g, srv.URL
}

// truth counts what a pull without any fault finds; the world is what it is, and
// its shape is checked where the source is (internal/integration/gitlab).
func truth(g *twin.Twin) (n store.Counts, members map[string]int) {
	members = map[string]int{}
	g.World.Read(func(d *twin.Data) {
		n.Accounts, n.Resources = int64(len(d.Users())), int64(len(d.Groups())+len(d.Projects()))
		count := func(s twin.Source, id string) {
			n.Grants += int64(len(d.Direct(s)))
			n.Shares += int64(len(d.SharesOf(s)))
			for _, m := range d.Direct(s) {
				members[id+" "+strconv.FormatInt(m.UserID, 10)] = m.Level
			}
		}
		for _, x := range d.Groups() {
			count(twin.InGroup(x.ID), "group/"+strconv.FormatInt(x.ID, 10))
		}
		for _, x := range d.Projects() {
			count(twin.InProject(x.ID), "project/"+strconv.FormatInt(x.ID, 10))
		}
	})
	return n, members
}

// isTruth compares what is stored with the world.
func isTruth(t *testing.T, b *bench, g *twin.Twin) {
	t.Helper()
	want, members := truth(g)
	_, p, n := b.look()
	if n != want || p.State != gatehouse.PullDone {
		t.Errorf("stored %+v after a pull that is %s (%s), want %+v", n, p.State, p.Error.Sentence(), want)
	}
	got := map[string]int{}
	err := b.service.Store.View(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Resources(b.connector, store.ResourceFilter{}, store.Cursor{Limit: 200})
		var ids []gatehouse.ResourceID
		for _, r := range rows.Items {
			ids = append(ids, r.ID)
		}
		if err != nil || rows.Next != "" {
			return errors.Join(err, errors.New("more resources than expected, or an error"))
		}
		grants, err := tx.GrantsOn(b.connector, ids)
		for _, x := range grants {
			got[string(x.ResourceID)+" "+x.AccountID] = x.Role.Level
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(members, got); diff != "" {
		t.Errorf("memberships (-want +got):\n%s", diff)
	}
}

// TestAPullThroughFaultsIsTheTruth: whatever breaks on the way, on both databases.
func TestAPullThroughFaultsIsTheTruth(t *testing.T) {
	t.Parallel()
	faults := map[string]twin.Fault{
		"Limits":    {Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"0"}}, Body: `{"message":{"error":"This endpoint has been requested too many times. Try again later."}}`},
		"Errors":    {Status: http.StatusInternalServerError, Body: `{"message":"500 Internal Server Error"}`},
		"Resets":    {Reset: true},
		"Truncated": {Truncate: 200},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				g, url := gitLabOf(t)
				b := newBench(t, s, &play{failAt: -1})
				b.service.Apps.Kinds[0].OpenConnector = opened(realSource(t, g, url))
				var seen sync.Map
				g.SetFaults(twin.Faults{Hook: func(r *http.Request) *twin.Fault { // each request breaks when it comes first
					if _, again := seen.LoadOrStore(r.URL.String()+strconv.FormatInt(r.ContentLength, 10), true); !again {
						return &fault
					}
					return nil
				}})
				if got := b.sync(); got != "done" {
					t.Fatal(got)
				}
				isTruth(t, b, g)
			})
		})
	}
}

func opened(s integration.Source) func(gatehouse.Connector, integration.Env) (integration.Connected, error) {
	return func(gatehouse.Connector, integration.Env) (integration.Connected, error) {
		return integration.Connected{Source: s}, nil
	}
}

// dying is a source whose process dies once, after so many pages: the next try
// goes on from the checkpoint of the last that was staged.
type dying struct {
	integration.Source
	after, read atomic.Int64 // after 0: it lives
}

func (d *dying) Pull(ctx context.Context, from integration.Checkpoint) iter.Seq2[integration.Page, error] {
	return func(yield func(integration.Page, error) bool) {
		n := int64(0)
		for page, err := range d.Source.Pull(ctx, from) {
			if after := d.after.Load(); after > 0 && n == after {
				d.after.Store(0)
				yield(integration.Page{}, gatehouse.Errorf(gatehouse.Unavailable, "The process died."))
				return
			}
			n++
			d.read.Add(1)
			if !yield(page, err) {
				return
			}
		}
	}
}

// TestAPullThatDiesAtAnyCheckpointIsTheTruth and reads nothing twice that was
// staged.
func TestAPullThatDiesAtAnyCheckpointIsTheTruth(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		g, url := gitLabOf(t)
		b := newBench(t, s, &play{failAt: -1})
		d := &dying{Source: realSource(t, g, url)}
		b.service.Apps.Kinds[0].OpenConnector = opened(d)
		whole := int64(0)
		for _, err := range d.Source.Pull(t.Context(), "") {
			if whole++; err != nil {
				t.Fatal(err)
			}
		}
		for after := int64(1); after < whole; after++ {
			d.after.Store(after)
			d.read.Store(0)
			if got := b.sync(); got != "retried" {
				t.Fatalf("after %d of %d pages: %s", after, whole, got)
			}
			b.update(func(tx *store.Tx) error {
				j, err := tx.OpenJob("access.pull", b.connector)
				return errors.Join(err, jobs.Hurry(tx, j.ID))
			})
			b.service.Jobs.Wake()
			if got := b.wait("access.pull"); got != "done" {
				t.Fatalf("after %d of %d pages: then %s", after, whole, got)
			}
			isTruth(t, b, g)
			if n := d.read.Load(); n > whole {
				t.Errorf("after %d pages: %d were read, of %d", after, n, whole)
			}
		}
	})
}
