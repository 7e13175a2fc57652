package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/server"
	gitlabtwin "gatehouse/internal/twin/gitlab"
)

func TestPercentile(t *testing.T) {
	t.Parallel()
	ten := []time.Duration{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for _, c := range []struct {
		name string
		all  []time.Duration
		p    float64
		want time.Duration
	}{
		{"NothingMeasuredIsZero", nil, 50, 0},
		{"OneIsEverything", ten[:1], 99, 1},
		{"MedianOfTenIsTheFifth", ten, 50, 5},
		{"NinetyFiveOfTenIsTheLast", ten, 95, 10},
		{"NinetyOfTenIsTheNinth", ten, 90, 9},
		{"ZeroIsTheFirst", ten, 0, 1},
		{"HundredIsTheLast", ten, 100, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := percentile(c.all, c.p); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
	t.Run("MedianSortsACopy", func(t *testing.T) {
		t.Parallel()
		all := []time.Duration{3, 1, 2}
		if got := median(all); got != 2 || all[0] != 3 {
			t.Errorf("median %d, and the argument is now %d", got, all)
		}
	})
}

func TestMark(t *testing.T) {
	t.Parallel()
	if got := mark(99*time.Millisecond, markReady, milliseconds); got != "reached (below 100.0 ms)" {
		t.Error(got)
	}
	if got := mark(markReady, markReady, milliseconds); got != "MISSED (100.0 ms, not below 100.0 ms)" {
		t.Error(got)
	}
}

func TestOfLimitNamesTheLowerOne(t *testing.T) {
	t.Parallel()
	if got := ofLimit(50, 100, 200); got != "50 % of 100 (signatures)" {
		t.Error(got)
	}
	if got := ofLimit(50, 100, 80); got != "62 % of 80 (commits)" {
		t.Error(got)
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	line := "4711 (a (b) c) S 1 4711 4711 0 -1 4194560 5000 0 0 0 120 30 0 0 20 0 9 0 12345 1000 200"
	if got, err := parseStat(line); err != nil || got != 1500*time.Millisecond {
		t.Errorf("%s, %v; want 1.5 s", got, err)
	}
	for _, bad := range []string{"", "4711", "4711 (x) S 1 2", "4711 (x) S 1 2 3 4 5 6 7 8 9 10 eleven 12"} {
		if got, err := parseStat(bad); err == nil {
			t.Errorf("%q gave %s", bad, got)
		}
	}
}

func TestBound(t *testing.T) {
	t.Parallel()
	t.Run("OfTheMediumCompany", func(t *testing.T) {
		t.Parallel()
		want := bound{lists: 50 + 5 + 20 + 1, members: 9 + 5, shares: 169}
		if got := boundOf(medium().world()); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("GroupsBelowASharedOneCountOnce", func(t *testing.T) {
		t.Parallel()
		w := gitlabtwin.NewWorld()
		top := group(t, w, "top", 0)
		middle := group(t, w, "middle", top)
		group(t, w, "leaf", middle)
		guests := group(t, w, "guests", 0)
		for _, id := range []int64{top, middle} {
			if _, err := w.Share(gitlabtwin.Share{Source: gitlabtwin.InGroup(id), GroupID: guests, Level: 30}); err != nil {
				t.Fatal(err)
			}
		}
		want := bound{lists: 0 + 1 + 0 + 1, members: 0 + 1, shares: 3}
		if got := boundOf(w); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func group(t *testing.T, w *gitlabtwin.World, path string, parent int64) int64 {
	t.Helper()
	g, err := w.AddGroup(gitlabtwin.Group{Path: path, Name: path, ParentID: parent})
	if err != nil {
		t.Fatal(err)
	}
	return g.ID
}

func TestFlags(t *testing.T) {
	t.Parallel()
	names := func(all []measurement) (got []string) {
		for _, m := range all {
			got = append(got, m.name)
		}
		return got
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"signin", "flows", "tokens", "federated", "start", "memory", "pull"}},
		{[]string{"pull", "start"}, []string{"start", "pull"}},
		{[]string{"-for", "1s", "signin"}, []string{"signin"}},
	} {
		got, err := (&bench{}).flags(c.args)
		if diff := cmp.Diff(c.want, names(got)); err != nil || diff != "" {
			t.Errorf("%q: %v %s", c.args, err, diff)
		}
	}
	for _, bad := range []string{"nothing", "-for=0", "-for=1h", "-size=huge"} {
		if got, err := (&bench{}).flags([]string{bad}); err == nil {
			t.Errorf("%s gave %v", bad, names(got))
		}
	}
}

func TestTailKeepsTheBeginning(t *testing.T) {
	t.Parallel()
	var kept tail
	for range 3 {
		if n, err := kept.Write(bytes.Repeat([]byte("x"), 3000)); n != 3000 || err != nil {
			t.Fatal(n, err)
		}
	}
	if n := len(kept.String()); n != 4096 {
		t.Errorf("%d bytes are kept", n)
	}
}

// TestJourney runs what the measurements rest on against a hub in this process:
// a figure of answers that are wrong would be worth nothing.
func TestJourney(t *testing.T) {
	t.Parallel()
	in := serve(t, clientYAML())
	people, err := in.seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	br := newBrowser(in.url)
	defer br.close()
	keys, err := br.keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token, err := br.signIn(t.Context(), people[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Run("GivesAnIDTokenByAPublishedKey", func(t *testing.T) {
		if err := checkToken(token.ID, keys, in.url, clientID); err != nil {
			t.Error(err)
		}
	})
	t.Run("OtherTokensDoNotPass", func(t *testing.T) {
		for name, err := range map[string]error{
			"another issuer": checkToken(token.ID, keys, "http://other.example.com", clientID),
			"another client": checkToken(token.ID, keys, in.url, "other"),
			"no key":         checkToken(token.ID, jose.JSONWebKeySet{}, in.url, clientID),
			"no token":       checkToken("x.y.z", keys, in.url, clientID),
			"changed":        checkToken(token.ID[:len(token.ID)-8]+"AAAAAAAA", keys, in.url, clientID),
		} {
			if err == nil {
				t.Errorf("%s passes", name)
			}
		}
	})
	t.Run("NobodyWithoutASessionSignsIn", func(t *testing.T) {
		if _, err := br.signIn(t.Context(), person{cookie: "none"}); err == nil || !strings.Contains(err.Error(), "/sign-in?request=") {
			t.Errorf("%v, want to be sent to the sign-in", err)
		}
	})
	for _, f := range flows() {
		t.Run("Flow "+f.name, func(t *testing.T) {
			br := newBrowser(in.url)
			t.Cleanup(br.close)
			br.client = f.client
			do, err := f.begin(t.Context(), br, people[2])
			for turn := 0; turn < 2 && err == nil; turn++ {
				err = do(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("RoundsMeasureEachSignIn", func(t *testing.T) {
		took, err := round(t.Context(), 1, 20*time.Millisecond, func(ctx context.Context, _, turn int) error {
			_, err := br.signIn(ctx, people[turn%len(people)])
			return err
		})
		if err != nil || len(took) == 0 || took[0] <= 0 {
			t.Errorf("%v, %v", took, err)
		}
	})
}

// TestFederatedJourney is TestJourney for sign-ins through a stand-in.
func TestFederatedJourney(t *testing.T) {
	t.Parallel()
	gitlab := httptest.NewUnstartedServer(nil)
	twin, err := gitlabtwin.New(gitlabtwin.Config{URL: "http://" + gitlab.Listener.Addr().String(), World: medium().world(), PlainRedirect: true})
	if err != nil {
		t.Fatal(err)
	}
	gitlab.Config.Handler = twinHandler(twin)
	gitlab.Start()
	t.Cleanup(func() {
		_ = twin.Close()
		gitlab.Close()
	})
	in := serve(t, federatedYAML(gitlab.URL))
	v, err := newVisitor(t.Context(), in.url, gitlab.URL, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.here.close)
	if err := v.signIn(t.Context()); err == nil {
		t.Error("somebody came in by an application that is not registered")
	}
	if err := register(t.Context(), gitlab.URL, in.url+"/users/auth/gitlab/callback"); err != nil {
		t.Fatal(err)
	}
	took, err := round(t.Context(), 1, 20*time.Millisecond, func(ctx context.Context, _, _ int) error { return v.signIn(ctx) })
	if err != nil || len(took) == 0 || took[0] <= 0 {
		t.Errorf("%v, %v", took, err)
	}
}

// serve runs a hub in this process until the test ends.
func serve(t *testing.T, more string) *installation {
	t.Helper()
	b := &bench{out: io.Discard, dir: t.TempDir()}
	in, err := b.install(t.Context(), "journey", "sqlite:gatehouse.db", more)
	if err != nil {
		t.Fatal(err)
	}
	c, err := in.read()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	printed, ready := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := server.Serve(ctx, server.ServeOptions{Config: c, Log: slog.New(slog.DiscardHandler), Out: ready})
		ended <- errors.Join(err, ready.Close())
	}()
	p := &process{name: "the hub", began: time.Now(), errors: &tail{}}
	if err := p.awaitLine(t.Context(), printed); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if p.address != in.url {
		t.Errorf("ready at %q, not at %q", p.address, in.url)
	}
	return in
}

func TestMachineSaysWhereTheDatabasesAre(t *testing.T) {
	t.Parallel()
	if got := machine(t.TempDir()); !strings.Contains(got, "cores") || !strings.Contains(got, "databases on ") {
		t.Error(got)
	}
}
