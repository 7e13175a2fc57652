package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"

	"golang.org/x/sync/errgroup"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/store"
)

// front is what browsers reach: it hands each request to the Server of the
// configuration that is in force. A reload puts another one in its place;
// answers under way come from the one that began them.
type front struct {
	mu       sync.RWMutex
	now      *generation
	next     chan *generation
	retiring sync.WaitGroup // of generations that were replaced
}

// generation is a Server with the requests that it answers.
type generation struct {
	server   *Server
	handler  http.Handler
	requests sync.WaitGroup
}

func newGeneration(s *Server) *generation { return &generation{server: s, handler: s.handler()} }

// retire waits until all that was asked of a generation is answered, then ends
// what its Server still does. Nothing may be asked of it any more.
func (g *generation) retire() {
	g.requests.Wait()
	g.server.retire()
}

func newFront(s *Server) *front {
	return &front{now: newGeneration(s), next: make(chan *generation)}
}

func (f *front) present() *generation {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.now
}

// enter is the generation in force, with one more request under way.
func (f *front) enter() *generation {
	f.mu.RLock()
	defer f.mu.RUnlock()
	f.now.requests.Add(1)
	return f.now
}

func (f *front) replace(g *generation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = g
}

// ServeHTTP answers by the configuration that is in force.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g := f.enter()
	defer g.requests.Done()
	g.handler.ServeHTTP(w, r)
}

// run serves on the listeners and works on jobs until ctx ends, then lets what
// is under way come to its end. metrics may be nil.
func (f *front) run(ctx context.Context, public, metrics net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	first := f.present().server
	web := newHTTPServer(f, first.log)
	g.Go(func() error { return ended(first.serve(web, public)) })
	g.Go(func() error { return f.work(ctx) })
	servers := []*http.Server{web}
	if metrics != nil {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", first.meters.handler())
		m := newHTTPServer(mux, first.log)
		servers = append(servers, m)
		g.Go(func() error { return ended(m.Serve(metrics)) })
	}
	g.Go(func() error {
		<-ctx.Done()
		return shutdown(servers)
	})
	err := g.Wait()
	f.retiring.Wait()
	f.present().retire()
	return err
}

// work has the jobs of the Server in force carried out, one Server's after the
// other's: those under way are put back and go on where they were. A Server that
// is replaced is retired.
func (f *front) work(ctx context.Context) error {
	for g := f.present(); ; {
		working, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- g.server.work(working) }()
		select {
		case n := <-f.next:
			stop()
			err := <-done
			f.retiring.Go(g.retire)
			if err != nil {
				return err
			}
			g = n
		case err := <-done:
			stop()
			return err
		}
	}
}

// reload puts a configuration in force, and says which of its settings wait for
// a restart. One that is wrong changes nothing.
func (f *front) reload(ctx context.Context, c *config.Config) (waiting []string, err error) {
	if err := Check(c, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	s := f.present().server
	next, waiting := keepFixed(s.config, c)
	n, err := s.again(ctx, next)
	if err != nil {
		return nil, err
	}
	g := newGeneration(n)
	f.replace(g)
	select {
	case f.next <- g: // whoever works on jobs
		return waiting, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// again is this Server by another configuration, on the same database.
func (s *Server) again(ctx context.Context, c *config.Config) (*Server, error) {
	o := s.options
	o.Config = c
	n := newServer(o)
	n.store, n.meters, n.certificate = s.store, s.meters, s.certificate
	if err := n.openFiles(); err != nil {
		return nil, err
	}
	n.assemble(o)
	err := n.adopt(ctx)
	if err == nil {
		err = n.store.Update(ctx, func(tx *store.Tx) error {
			return tx.Record(gatehouse.Event{
				Actor:  gatehouse.Actor{Kind: gatehouse.ActorFile, Name: "configuration file"},
				Action: "configuration.reloaded", Target: "installation/configuration",
			})
		})
	}
	if err != nil {
		n.outgoing.CloseIdle()
		return nil, fmt.Errorf("put the configuration in force: %w", err)
	}
	return n, nil
}

// keepFixed is the new configuration with what a running server cannot change
// as it was, and the names of those settings that differ.
func keepFixed(old, c *config.Config) (_ *config.Config, waiting []string) {
	next := *c
	for _, fixed := range []struct {
		name     string
		now, new *string
	}{
		{"url", &old.URL, &next.URL},
		{"listen", &old.Listen, &next.Listen},
		{"tls.cert", &old.TLS.Cert, &next.TLS.Cert},
		{"tls.key", &old.TLS.Key, &next.TLS.Key},
		{"mtls.url", &old.MutualTLS.URL, &next.MutualTLS.URL},
		{"mtls.header", &old.MutualTLS.Header, &next.MutualTLS.Header},
		{"database", &old.Database, &next.Database},
		{"key_file", &old.KeyFile, &next.KeyFile},
		{"metrics_listen", &old.MetricsListen, &next.MetricsListen},
	} {
		if *fixed.now != *fixed.new {
			waiting = append(waiting, fixed.name)
			*fixed.new = *fixed.now
		}
	}
	return &next, waiting
}

// listenForReloads reads the configuration again whenever it is told to, until
// ctx ends. What came of it is kept beside the key file, for gatehouse reload.
func (f *front) listenForReloads(ctx context.Context, told <-chan os.Signal, load func() (*config.Config, error)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-told:
		}
		s := f.present().server
		c, err := load()
		var waiting []string
		if err == nil {
			waiting, err = f.reload(ctx, c)
		}
		outcome := "done"
		if err != nil {
			outcome = "refused"
			s.log.Error("the configuration is wrong; the one before stays in force", "error", err)
		} else {
			s.log.Info("the configuration is in force", "waits_for_restart", waiting)
		}
		s.meters.Count("reload", "outcome", outcome)
		if err := keepReloaded(s.config, newReloaded(waiting, err)); err != nil {
			s.log.Warn("gatehouse reload will not learn what came of this", "error", err)
		}
	}
}
