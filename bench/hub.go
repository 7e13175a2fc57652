package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/porttest"
	"gatehouse/internal/server"
)

// The first argument by which this binary is another process of a measurement.
const (
	childHub  = "hub-under-profile"
	childTwin = "twin"
)

// build makes the binary as a release is made.
func (b *bench) build(ctx context.Context) error {
	b.binary = filepath.Join(b.dir, "gatehouse")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.binary, "gatehouse/cmd/gatehouse") //nolint:gosec // our own path
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build gatehouse: %w\n%s", err, out)
	}
	return nil
}

// installation is a configured hub that is run, perhaps several times.
type installation struct {
	*bench
	name string // of its profiles
	dir  string
	url  string
	addr string
	env  []string // of the hub besides that of this process
}

// install writes a configuration. more is added to it as it stands.
func (b *bench) install(ctx context.Context, name, database, more string) (*installation, error) {
	dir, err := b.folder(name)
	if err != nil {
		return nil, err
	}
	addr, release, err := porttest.Row(1)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, release)
	in := &installation{bench: b, name: strings.ReplaceAll(name, " ", "-"), dir: dir, url: "http://" + addr, addr: addr}
	text := fmt.Sprintf("url: %q\nlisten: %q\ndatabase: %q\nkey_file: gatehouse.key\n%s", in.url, addr, database, more)
	return in, os.WriteFile(in.config(), []byte(text), 0o600)
}

func (in *installation) config() string { return filepath.Join(in.dir, "gatehouse.yml") }

func (in *installation) read() (*config.Config, error) {
	c, _, err := config.Load(in.config(), func(string) (string, bool) { return "", false })
	return c, err
}

// process is one that runs, with the lines that it printed.
type process struct {
	name    string
	cmd     *exec.Cmd
	began   time.Time
	ready   time.Duration // from before the start to its ready line
	address string        // what stood behind the word ready
	errors  *tail
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// start runs the hub until its ready line.
func (in *installation) start(ctx context.Context) (*process, error) {
	path, args := in.binary, []string{"serve"}
	if in.profile != "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		path, args = self, []string{childHub, filepath.Join(in.profile, in.name)}
	}
	return launch(ctx, in.env, path, append(args, "--config", in.config(), "--log-level", "warn")...)
}

// launch starts a process and waits for a line that begins with "ready". It ends
// with ctx at the latest. env comes on top of the environment of this process.
func launch(ctx context.Context, env []string, path string, args ...string) (*process, error) {
	p := &process{name: filepath.Base(path), cmd: exec.CommandContext(ctx, path, args...), errors: &tail{}} //nolint:gosec // what we built, or this binary
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.WaitDelay = 15 * time.Second
	p.cmd.Stderr = p.errors
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := p.awaitLine(ctx, out); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// readyTime bounds how long a process may take.
const readyTime = 30 * time.Second

// awaitLine waits for the ready line, and then reads on for ever.
func (p *process) awaitLine(ctx context.Context, out io.Reader) error {
	ready := make(chan string, 1)
	go func() {
		defer close(ready)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
				ready <- rest
				break
			}
		}
		_, _ = io.Copy(io.Discard, out) // so that it never waits for us
	}()
	limit := time.NewTimer(readyTime)
	defer limit.Stop()
	select {
	case line, ok := <-ready:
		p.ready = time.Since(p.began)
		p.address, _, _ = strings.Cut(line, " ")
		if !ok {
			return fmt.Errorf("%s ended before it was ready: %s", p.name, p.errors)
		}
		return nil
	case <-limit.C:
		return fmt.Errorf("%s was not ready after %s: %s", p.name, readyTime, p.errors)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends the process by its id and waits for it.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	err := p.cmd.Wait()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", p.name, err, p.errors)
	}
	return nil
}

// tail keeps the beginning of what a process complains of.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps the first 4 KiB.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b[:min(len(b), 4096-len(t.text))]...)
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}

// hubMain is the hub with its profiler on: like `gatehouse serve`, for -profile.
func hubMain(ctx context.Context, args []string) (err error) {
	if len(args) < 3 {
		return errors.New("the profiled hub needs a name and --config")
	}
	c, _, err := config.Load(args[2], os.LookupEnv)
	if err != nil {
		return err
	}
	f, err := os.Create(args[0] + ".cpu.pprof") //nolint:gosec // named by -profile
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	err = server.Serve(ctx, server.ServeOptions{Config: c, Log: log, Out: os.Stdout})
	pprof.StopCPUProfile()
	return errors.Join(err, heapProfile(args[0]+".allocs.pprof"))
}

func heapProfile(path string) error {
	f, err := os.Create(path) //nolint:gosec // named by -profile
	if err != nil {
		return err
	}
	defer f.Close()
	runtime.GC()
	return pprof.Lookup("allocs").WriteTo(f, 0)
}

// awaitReadyz asks /readyz until it says yes, and gives the time since the start.
func (p *process) awaitReadyz(ctx context.Context, url string) (time.Duration, error) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for time.Since(p.began) < readyTime {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
		if err != nil {
			return 0, err
		}
		answer, err := client.Do(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return time.Since(p.began), nil
			}
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("/readyz did not say yes within %s", readyTime)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
