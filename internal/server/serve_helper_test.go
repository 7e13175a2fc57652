package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/porttest"
)

// serving is a node under test.
type serving struct {
	url     string
	metrics string // where metrics are shown, if anywhere
	said    []string
	log     *logBook
	config  *config.Config
	stop    func() error
	failed  error // why it did not start
}

// written is a configuration with this text, in a folder of its own unless one
// is given. Where the text names no url and listen, it gets some that are kept for it.
func written(t *testing.T, dir, text string) *config.Config {
	t.Helper()
	if !strings.HasPrefix(text, "url:") {
		at := porttest.Keep(t)
		text = fmt.Sprintf("url: http://%s\nlisten: %q\n%s", at, at, text)
	}
	path := filepath.Join(dir, "gatehouse.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load(path, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// startServe runs `gatehouse serve` until the test ends, or fails it.
func startServe(t *testing.T, c *config.Config) *serving {
	t.Helper()
	s := tryServe(t, c)
	if s.failed != nil {
		t.Fatal(s.failed)
	}
	return s
}

// tryServe is startServe for one that may not start.
func tryServe(t *testing.T, c *config.Config) *serving {
	t.Helper()
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	s := &serving{url: c.URL, config: c, log: &logBook{}}
	if c.MetricsListen != "" {
		s.metrics = "http://" + c.MetricsListen
	}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ended := make(chan error, 1)
	go func() {
		err := Serve(ctx, ServeOptions{Config: c, Log: log, Out: in})
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	s.stop = stopper(t, cancel, ended)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s.said = append(s.said, lines.Text())
		if strings.HasPrefix(lines.Text(), "ready ") {
			t.Cleanup(func() { _ = s.stop() })
			return s
		}
	}
	if s.failed = s.stop(); s.failed == nil {
		s.failed = errors.New("it ended without an error before it was ready")
	}
	return s
}

// stopper tells what runs to end, waits for it, and gives its error.
func stopper(t *testing.T, cancel context.CancelFunc, ended <-chan error) func() error {
	return sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(2 * time.Minute):
			t.Error("it did not end within 2 minutes of being told")
			return nil
		}
	})
}

// startNode runs a Server whose options a test chooses, until the test ends.
func startNode(t *testing.T, c *config.Config, o Options) *serving {
	t.Helper()
	s := &serving{url: c.URL, config: c, log: &logBook{}}
	o.Config, o.Log = c, slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(context.Background())
	server, err := Open(ctx, o)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	public, err := net.Listen("tcp", c.Listen)
	if err != nil {
		cancel()
		t.Fatal(errors.Join(err, server.Close()))
	}
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(server.Run(ctx, public, nil), server.Close()) }()
	s.stop = stopper(t, cancel, ended)
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("the node ended with %v", err)
		}
	})
	return s
}

// movedClock is a clock that goes on by itself and can be moved.
type movedClock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *movedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *movedClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func (c *movedClock) clock() gatehouse.Clock { return c.now }
