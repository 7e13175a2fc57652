package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	gitlabtwin "gatehouse/internal/twin/gitlab"
)

// gitlabToken is the administrator's in the stand-in.
const gitlabToken = "glpat-bench-on-loopback-only"

// company is what the stand-in GitLab has; always the same.
type company struct{ users, groups, projects int }

func medium() company { return company{users: 5000, groups: 500, projects: 2000} }

// sized is a company by the name of its size.
func sized(name string) (company, error) {
	switch name {
	case "small":
		return company{users: 500, groups: 50, projects: 200}, nil
	case "medium":
		return medium(), nil
	case "large":
		return company{users: 50_000, groups: 5000, projects: 20_000}, nil
	}
	return company{}, fmt.Errorf("there is no size %q: small, medium or large", name)
}

func (c company) world() *gitlabtwin.World {
	return gitlabtwin.GeneratedWorld(c.users, c.groups, c.projects, 1)
}

// bound is the fewest requests by which the company can be read whole with an
// administrator's token.
type bound struct{ lists, members, shares int }

func (b bound) sum() int { return b.lists + b.members + b.shares }

// The sizes of pages that bound reckons with.
const (
	listPage    = 100 // rows of a REST list
	accountPage = 600 // accounts of a GraphQL query for their memberships
)

// boundOf counts by the formula for "REST lists and memberships by account":
// the lists of accounts, groups and projects, by keyset until an empty page for
// projects; the memberships of all accounts, 600 a query, and once more each
// page of groups for Minimal Access, which accounts do not tell; and one request
// for each group that is shared or lies below one that is, since GitLab tells
// shares of groups nowhere else.
func boundOf(w *gitlabtwin.World) bound {
	pages := func(n, size int) int { return (n + size - 1) / size }
	var b bound
	w.Read(func(d *gitlabtwin.Data) {
		u, g, p := len(d.Users()), len(d.Groups()), len(d.Projects())
		b.lists = pages(u, listPage) + pages(g, listPage) + pages(p, listPage) + 1
		b.members = pages(u, accountPage) + pages(g, listPage)
		shared := map[int64]bool{}
		for _, group := range d.Groups() {
			if len(d.SharesOf(gitlabtwin.InGroup(group.ID))) == 0 {
				continue
			}
			shared[group.ID] = true
			for _, below := range d.Descendants(group.ID) {
				shared[below.ID] = true
			}
		}
		b.shares = len(shared)
	})
	return b
}

// twinMain is the stand-in GitLab in a process of its own, so that its memory
// and the hub's are apart.
func twinMain(ctx context.Context, args []string) (err error) {
	f := flag.NewFlagSet(childTwin, flag.ContinueOnError)
	latency := f.Duration("latency", 0, "before every answer")
	size := f.String("size", "medium", "of the company")
	if err := f.Parse(args); err != nil {
		return err
	}
	c, err := sized(*size)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }() // closed by the server, once that runs
	url := "http://" + l.Addr().String()
	twin, err := gitlabtwin.New(gitlabtwin.Config{URL: url, World: c.world(), PlainRedirect: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, twin.Close()) }()
	twin.AddToken(gitlabtwin.Token{Value: gitlabToken, UserID: 1, Name: "bench", Scopes: []string{"read_api"}})
	twin.SetFaults(gitlabtwin.Faults{Latency: *latency})
	fmt.Fprintf(os.Stdout, "ready %s\n", url)
	return serveTwin(ctx, l, twin)
}

// requestsPath tells how many requests the stand-in saw, and forgets them.
const requestsPath = "/-/bench/requests"

// callbackPath registers an application whose callback is in the query. Nobody
// is asked for consent by it.
const callbackPath = "/-/bench/callback"

// The application by which people sign in to the hub.
const (
	gitlabApp       = "bench-app"
	gitlabAppSecret = "bench-app-secret-on-loopback-only"
)

func serveTwin(ctx context.Context, l net.Listener, twin *gitlabtwin.Twin) error {
	srv := &http.Server{Handler: twinHandler(twin), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return srv.Close()
	}
}

// twinHandler is the stand-in with what the measurements ask of it.
func twinHandler(twin *gitlabtwin.Twin) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", twin)
	mux.HandleFunc("POST "+callbackPath, func(_ http.ResponseWriter, r *http.Request) {
		twin.AddApplication(gitlabtwin.Application{
			ID: gitlabApp, Secret: gitlabAppSecret, Name: "Bench", Confidential: true, Trusted: true,
			RedirectURIs: []string{r.URL.Query().Get("callback")}, Scopes: []string{"read_user"},
		})
	})
	mux.HandleFunc("POST "+requestsPath, func(w http.ResponseWriter, _ *http.Request) {
		seen := twin.Requests()
		twin.ResetRequests()
		_ = json.NewEncoder(w).Encode(seen)
	})
	return mux
}
