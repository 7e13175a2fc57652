package server

import (
	"bufio"
	"bytes"
	"context"
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

// running is a `gatehouse dev` under test.
type running struct {
	hub, gitlab, dingtalk, demo, openid string
	dashboard                           string // the one-time link
	data                                string
	log                                 *logBook
	stop                                func() error
}

// logBook is a log that can be read while it is written.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startDev runs `gatehouse dev` on five free ports, with data in dir. prepare
// may change the stand-ins before anything is served.
func startDev(t *testing.T, dir string, prepare ...func(*dev, *config.Config)) *running {
	t.Helper()
	r, err := tryDev(t, porttest.KeepRow(t, 5), dir, prepare...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tryDev(t *testing.T, addr, dir string, prepare ...func(*dev, *config.Config)) (*running, error) {
	t.Helper()
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{data: dir, log: &logBook{}}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ended := make(chan error, 1)
	go func() {
		err := Dev(ctx, DevOptions{Addr: addr, Data: dir, Out: in, Log: log, prepare: func(d *dev, c *config.Config) {
			for _, p := range prepare {
				p(d, c)
			}
		}})
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	stop := sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(2 * time.Minute):
			t.Error("dev did not end within 2 minutes of being told")
			return nil
		}
	})
	r.stop = stop
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		name, address, _ := strings.Cut(lines.Text(), "http")
		address = "http" + address
		switch strings.TrimSpace(name) {
		case "demo app":
			r.demo = strings.TrimSuffix(address, "/")
		case "dashboard":
			r.dashboard = address
		case "gitlab twin":
			r.gitlab = strings.TrimSuffix(address, "/")
		case "dingtalk twin":
			r.dingtalk = strings.TrimSuffix(address, "/")
		case "openid twin":
			r.openid = strings.TrimSuffix(address, "/")
		case "ready":
			r.hub = strings.TrimSuffix(address, "/")
			t.Cleanup(func() {
				if err := stop(); err != nil {
					t.Errorf("dev ended with %v", err)
				}
			})
			return r, nil
		}
	}
	return nil, stop()
}

func TestDevRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	tests := []struct{ name, addr, says string }{
		{"PortZero", "127.0.0.1:0", "port 0"},
		{"NoPort", "127.0.0.1", "host:port"},
		{"APortThatIsNone", "127.0.0.1:http", "not a port"},
		{"TheLastPorts", "127.0.0.1:65534", "next four ports"},
		{"AnAddressThatOthersReach", "0.0.0.0:8080", "loopback"},
		{"APortInUse", "127.0.0.1:" + port, "port " + port + " is in use"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := Dev(t.Context(), DevOptions{Addr: tt.addr, Data: t.TempDir(), Out: io.Discard, Log: slog.New(slog.DiscardHandler)})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want a sentence with %q", err, tt.says)
			}
		})
	}
}

func TestDevClients(t *testing.T) {
	t.Parallel()
	const good = "clients:\n  - {id: wiki, secret: 0123456789abcdef0123456789abcdef, redirect_uris: [\"http://127.0.0.1:9001/callback\"]}\n"
	for _, tt := range []struct{ name, text, says string }{
		{"Added", good, ""},
		{"NoClient", "", ""},
		{"NoSuchKey", "clients:\n  - {id: wiki, name_of_app: x}\n", "name_of_app"},
		{"AnIDThatIsTaken", strings.Replace(good, "wiki", "demo", 1), "the id demo is taken"},
		{"AnotherURL", "url: https://id.example.com\n" + good, "url"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "clients.yml")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c := &config.Config{URL: "http://127.0.0.1:8080", Clients: []gatehouse.Client{{ID: "demo"}}}
			d := &dev{DevOptions: DevOptions{Clients: []string{path}, Log: slog.New(slog.DiscardHandler)}}
			err := d.addClients(c)
			switch {
			case tt.says == "" && err != nil:
				t.Error(err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
				t.Errorf("got %v, want a sentence with %q", err, tt.says)
			}
			if added := len(c.Clients) - 1; added != strings.Count(tt.text, "id: wiki") && tt.says == "" {
				t.Errorf("%d clients were added", added)
			}
		})
	}
	d := &dev{DevOptions: DevOptions{Clients: []string{"no-such-file.yml"}}}
	if err := d.addClients(&config.Config{}); err == nil || !strings.Contains(err.Error(), "no-such-file.yml") {
		t.Errorf("a missing file: %v", err)
	}
}
