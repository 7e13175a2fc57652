package gitlab_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"gatehouse"
	"gatehouse/internal/integration"
	twin "gatehouse/internal/twin/gitlab"
)

func TestPull(t *testing.T) {
	t.Parallel()
	t.Run("OfTheDemoIsItsTruth", func(t *testing.T) {
		t.Parallel()
		g := start(t, nil, twin.Config{})
		f := mustPull(t, g.source(t, rootToken))
		same(t, truth(g.World, g.server.URL, true), f)
		if len(f.Notes) != 0 || len(f.Gaps) != 0 {
			t.Errorf("notes %q and gaps %v, want none", f.Notes, f.Gaps)
		}
		if n := count(g.Requests()); int64(n) != f.Requests {
			t.Errorf("pages tell of %d requests, GitLab saw %d", f.Requests, n)
		}
	})
	t.Run("BelowARelativeURLRoot", func(t *testing.T) {
		t.Parallel()
		g := start(t, nil, twin.Config{})
		g.server.URL += "/git"
		moved, err := twin.New(twin.Config{URL: g.server.URL, World: g.World})
		if err != nil {
			t.Fatal(err)
		}
		g.Twin = moved
		same(t, truth(g.World, g.server.URL, true), mustPull(t, g.source(t, rootToken)))
	})
	t.Run("OfTheCommunityEdition", func(t *testing.T) {
		t.Parallel()
		g := start(t, nil, twin.Config{Edition: twin.CE})
		if err := g.World.RemoveMember(twin.InGroup(10), 26); err != nil { // Minimal Access, which it does not have
			t.Fatal(err)
		}
		f := mustPull(t, g.source(t, rootToken))
		same(t, truth(g.World, g.server.URL, false), f)
		g.Switch(twin.Switches{GraphQLStatus: 404})
		same(t, f, mustPull(t, g.source(t, rootToken)))
	})
	t.Run("AnAuditorSeesEverything", func(t *testing.T) {
		t.Parallel()
		g := start(t, nil, twin.Config{})
		g.AddToken(twin.Token{Value: "glpat-erin", UserID: 11, Scopes: []string{"read_api"}})
		f := mustPull(t, g.source(t, "glpat-erin"))
		want := truth(g.World, g.server.URL, true)
		for _, x := range f.Grants { // custom role and waiting are for administrators and owners
			y := want.Grants[x.AccountID+" on "+string(x.ResourceID)]
			y.State, x.State = "", ""
			if y.AccountID == "" || y.Role != x.Role {
				t.Errorf("grant %+v, want %+v", x, y)
			}
		}
		// Who is invited is for administrators and owners, too: they are counted.
		if len(f.Accounts) != len(want.Accounts)-1 || len(f.Grants) < len(want.Grants)-2 || !strings.Contains(strings.Join(f.Notes, " "), "left out: 1.") {
			t.Errorf("%d accounts and %d grants, want %d and %d; notes %q", len(f.Accounts), len(f.Grants), len(want.Accounts)-1, len(want.Grants)-1, f.Notes)
		}
	})
	t.Run("OfAnyWorldIsItsTruth", func(t *testing.T) {
		t.Parallel()
		for seed := range int64(8) {
			g := start(t, twin.GeneratedWorld(20+int(seed)*30, 10+int(seed)*7, 5+int(seed)*25, seed), twin.Config{})
			f := mustPull(t, g.source(t, rootToken))
			same(t, truth(g.World, g.server.URL, true), f)
			g.Switch(twin.Switches{GraphQLStatus: 404})
			same(t, f, mustPull(t, g.source(t, rootToken)))
			if t.Failed() {
				t.Fatalf("with seed %d", seed)
			}
		}
	})
	t.Run("RequestsAreFew", func(t *testing.T) {
		t.Parallel()
		g := start(t, twin.GeneratedWorld(5000, 500, 2000, 1), twin.Config{})
		f := mustPull(t, g.source(t, rootToken))
		same(t, truth(g.World, g.server.URL, true), f)
		requests := g.Requests()
		// The bound is 76 for the lists and 14 for the members; shares of groups come
		// on top, at one request for each group that may have any.
		if n := count(requests) - requests["GET /groups/{}"]; n > 2*90 {
			t.Errorf("%d requests without those for shares, want at most %d:\n%s", n, 2*90, lines(requests))
		}
		if n := requests["GET /groups/{}"]; n > 200 {
			t.Errorf("%d groups were read for their shares; 169 of 500 have one or lie below", n)
		}
	})
}

func TestPullWithoutGraphQL(t *testing.T) {
	t.Parallel()
	t.Run("GivesTheSame", func(t *testing.T) {
		t.Parallel()
		for _, status := range []int{403, 404} {
			g := start(t, twin.GeneratedWorld(300, 60, 150, 3), twin.Config{Switches: twin.Switches{GraphQLStatus: status}})
			f := mustPull(t, g.source(t, rootToken))
			same(t, truth(g.World, g.server.URL, true), f)
			if g.Requests()["GET /projects/{}/members"] < 150 {
				t.Errorf("want the members of each project over REST, got requests\n%s", lines(g.Requests()))
			}
			if len(f.Notes) == 0 || !strings.Contains(f.Notes[0], "GraphQL") {
				t.Errorf("notes %q, want one about GraphQL", f.Notes)
			}
		}
	})
	t.Run("OfTheDemo", func(t *testing.T) {
		t.Parallel()
		g := start(t, nil, twin.Config{Switches: twin.Switches{GraphQLStatus: 404}})
		same(t, truth(g.World, g.server.URL, true), mustPull(t, g.source(t, rootToken)))
	})
	t.Run("WhenItBreaksOnTheWay", func(t *testing.T) {
		t.Parallel()
		g := start(t, nil, twin.Config{})
		g.SetFaults(twin.Faults{Rules: []twin.Fault{{Path: "/api/graphql", After: 1, Status: 500, Body: `{"errors":[{"message":"Internal server error"}]}`}}})
		f := mustPull(t, g.hurried(t, rootToken))
		same(t, truth(g.World, g.server.URL, true), f)
	})
	t.Run("WhereItDoesNotKnowCustomRoles", func(t *testing.T) {
		t.Parallel()
		g := start(t, nil, twin.Config{})
		g.SetFaults(twin.Faults{Rules: []twin.Fault{{Path: "/api/graphql", Times: 1, Status: 200, Body: `{"data":{"queryComplexity":{"limit":300},` +
			`"group":{"fields":[{"name":"accessLevel"},{"name":"user"}]},"project":{"fields":[{"name":"accessLevel"},{"name":"user"}]}}}`}}})
		same(t, truth(g.World, g.server.URL, true), mustPull(t, g.source(t, rootToken)))
	})
}

func TestPullAdapts(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{120, 60, 40, 3} {
		t.Run("ToComplexity"+strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			w := twin.GeneratedWorld(400, 50, 120, 5)
			for u := int64(2); u < 340; u++ { // one group with pages of members
				_, _ = w.AddMember(twin.Member{Source: twin.InGroup(firstGroup(w)), UserID: u, Level: 20})
			}
			g := start(t, w, twin.Config{Switches: twin.Switches{GraphQLComplexity: limit}})
			same(t, truth(g.World, g.server.URL, true), mustPull(t, g.source(t, rootToken)))
		})
	}
	t.Run("ToTimeouts", func(t *testing.T) {
		t.Parallel()
		g := start(t, twin.GeneratedWorld(100, 50, 120, 5), twin.Config{})
		var asked atomic.Int64
		g.SetFaults(twin.Faults{Hook: func(r *http.Request) *twin.Fault {
			if r.URL.Path != "/api/graphql" || asked.Add(1) == 1 || r.ContentLength < 2000 {
				return nil
			}
			return &twin.Fault{Status: 503, HTML: true}
		}})
		same(t, truth(g.World, g.server.URL, true), mustPull(t, g.hurried(t, rootToken)))
		if g.Requests()["GET /projects/{}/members"] > 0 {
			t.Error("REST was used, though smaller queries work")
		}
	})
}

func firstGroup(w *twin.World) (id int64) {
	w.Read(func(d *twin.Data) { id = d.Groups()[0].ID })
	return id
}

func TestPullOfLongLists(t *testing.T) {
	t.Parallel()
	g := start(t, twin.GeneratedWorld(10_100, 20, 10_200, 2), twin.Config{})
	f := mustPull(t, g.source(t, rootToken))
	same(t, truth(g.World, g.server.URL, true), f)
	if n := g.Requests()["GET /users"]; n > 105 {
		t.Errorf("%d requests for 10,100 accounts", n)
	}
}

func TestPullResumes(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"WithGraphQL": 0, "WithoutGraphQL": 404} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t, twin.GeneratedWorld(310, 130, 240, 7), twin.Config{Switches: twin.Switches{GraphQLStatus: status}})
			s := g.source(t, rootToken)
			want, pages, err := pull(t.Context(), s, "")
			if err != nil {
				t.Fatal(err)
			}
			same(t, truth(g.World, g.server.URL, true), want)
			whole := count(g.Requests())
			for i, page := range pages {
				g.ResetRequests()
				rest, _, err := pull(t.Context(), s, page.Next)
				if err != nil {
					t.Fatalf("from page %d: %v", i, err)
				}
				if n := count(g.Requests()); n >= whole || i == len(pages)-1 && n > 0 {
					t.Errorf("from page %d of %d: %d of %d requests again", i, len(pages), n, whole)
				}
				for _, before := range pages[:i+1] {
					rest.add(before)
				}
				same(t, want, rest)
			}
		})
	}
	t.Run("NotFromWhatIsNoCheckpoint", func(t *testing.T) {
		t.Parallel()
		g := start(t, nil, twin.Config{})
		for _, from := range []integration.Checkpoint{"x", "{}", `{"v":99}`, "[]"} {
			_, pages, err := pull(t.Context(), g.source(t, rootToken), from)
			if !errors.Is(err, gatehouse.Invalid) || len(pages) > 0 {
				t.Errorf("%q: %v with %d pages, want an Invalid error alone", from, err, len(pages))
			}
		}
	})
}

// TestMain finds goroutines that are left behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched counts requests under way.
type watched struct {
	http.RoundTripper
	begun, open atomic.Int64
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	w.begun.Add(1)
	w.open.Add(1)
	defer w.open.Add(-1)
	return w.RoundTripper.RoundTrip(r)
}

func TestPullEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(cancel context.CancelFunc) (on bool){
		"WhenTheConsumerStops": func(context.CancelFunc) bool { return false },
		"WhenTheContextEnds":   func(cancel context.CancelFunc) bool { cancel(); return true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t, twin.GeneratedWorld(2000, 100, 500, 1), twin.Config{})
			e := env(t)
			w := &watched{RoundTripper: e.HTTP.Transport}
			e.HTTP.Transport = w
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var errs []error
			for page, err := range open(t, g.server.URL, rootToken, e).Pull(ctx, "") {
				if len(errs) > 0 {
					t.Errorf("after the error came %+v, %v", page, err)
				}
				if err != nil {
					errs = append(errs, err)
					continue
				}
				if !end(cancel) {
					break
				}
			}
			begun := w.begun.Load()
			if len(errs) > 0 && !errors.Is(errs[0], context.Canceled) {
				t.Errorf("ended with %v", errs[0])
			}
			if n := w.open.Load(); n != 0 || begun == 0 {
				t.Errorf("%d of %d requests are under way after the end", n, begun)
			}
			mustPull(t, g.source(t, rootToken))
			if n := w.begun.Load(); n != begun {
				t.Errorf("%d requests began after the end", n-begun)
			}
		})
	}
}
