package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/porttest"
)

// reloading is a server that is told by the test to take up its file again.
type reloading struct {
	t      *testing.T
	path   string
	head   string // url and listen
	config *config.Config
	told   chan os.Signal
	log    *logBook
	stop   func() error
}

func (r *reloading) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.path, []byte(r.head+text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reloading) load() (*config.Config, error) {
	c, _, err := config.Load(r.path, func(string) (string, bool) { return "", false })
	return c, err
}

// startReloading runs `gatehouse serve` with the text in its file.
func startReloading(t *testing.T, text string) *reloading {
	t.Helper()
	at := porttest.Keep(t)
	r := &reloading{
		t: t, path: filepath.Join(t.TempDir(), "gatehouse.yml"), told: make(chan os.Signal, 1), log: &logBook{},
		head: fmt.Sprintf("url: http://%s\nlisten: %q\n", at, at),
	}
	r.write(text)
	var err error
	if r.config, err = r.load(); err != nil {
		t.Fatal(err)
	}
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := Serve(ctx, ServeOptions{Config: r.config, Log: slog.New(slog.NewTextHandler(r.log, nil)), Out: in, Reload: r.told, Load: r.load})
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	r.stop = stopper(t, cancel, ended)
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("serve ended with %v", err)
		}
	})
	first := make([]byte, 4096)
	for said := ""; !strings.Contains(said, "ready "); {
		n, err := out.Read(first)
		if said += string(first[:n]); err != nil {
			t.Fatalf("not ready: %s", said)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return r
}

// reload tells it, and waits for what comes of it.
func (r *reloading) reload() reloaded {
	r.t.Helper()
	before, err := lastReloaded(r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	r.told <- os.Interrupt // which signal it is does not matter here
	tick, late := time.NewTicker(10*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-late:
			r.t.Fatal("nothing came of the reload")
		case <-tick.C:
		}
		if now, err := lastReloaded(r.config); err == nil && now.ID != before.ID {
			return now
		}
	}
}

func (r *reloading) page(path string) string {
	r.t.Helper()
	resp, err := http.Get(r.config.URL + path)
	if err != nil {
		r.t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		r.t.Errorf("%s: %d", path, resp.StatusCode)
	}
	return string(body)
}

const oneWayIn = "omniauth: {allow_single_sign_on: true, providers: [{name: gitlab, label: First way, app_id: a, app_secret: b}]}\n"

func TestReload(t *testing.T) {
	t.Parallel()
	t.Run("TheFileTakesEffectAndNoRequestFails", func(t *testing.T) {
		t.Parallel()
		r := startReloading(t, oneWayIn)
		if page := r.page("/sign-in"); !strings.Contains(page, "First way") {
			t.Fatalf("before: %s", page)
		}
		ended := make(chan struct{})
		var asking sync.WaitGroup
		for range 4 {
			asking.Go(func() {
				for {
					select {
					case <-ended:
						return
					default:
						r.page("/sign-in")
					}
				}
			})
		}
		for n := range 5 {
			r.write(strings.ReplaceAll(oneWayIn, "First way", fmt.Sprintf("Way %d", n)))
			if got := r.reload(); got.Error != "" || len(got.Waiting) > 0 {
				t.Errorf("reload %d: %+v", n, got)
			}
			if page := r.page("/sign-in"); !strings.Contains(page, fmt.Sprintf("Way %d", n)) {
				t.Errorf("after reload %d: %s", n, page)
			}
		}
		close(ended)
		asking.Wait()
	})
	t.Run("AWrongFileLeavesTheOneBefore", func(t *testing.T) {
		t.Parallel()
		r := startReloading(t, oneWayIn)
		for name, text := range map[string]string{
			"NoYAML":       "omniauth: [",
			"UnknownKey":   "omniauht: {}\n",
			"UnknownKind":  "omniauth: {providers: [{name: nobody, app_id: a, app_secret: b}]}\n",
			"WrongSetting": "omniauth: {providers: [{name: gitlab, app_id: a, app_secret: b, args: {client_options: {site: 7}}}]}\n",
		} {
			r.write(text)
			if got := r.reload(); got.Error == "" {
				t.Errorf("%s: it was taken up", name)
			}
			if page := r.page("/sign-in"); !strings.Contains(page, "First way") {
				t.Errorf("%s: the one before is not in force: %s", name, page)
			}
		}
		r.write(oneWayIn)
		if got := r.reload(); got.Error != "" {
			t.Errorf("the right file again: %+v", got)
		}
	})
	t.Run("WhatNeedsARestartIsNamed", func(t *testing.T) {
		t.Parallel()
		r := startReloading(t, oneWayIn)
		r.write("metrics_listen: 127.0.0.1:1\ndatabase: sqlite:other.db\n" + strings.ReplaceAll(oneWayIn, "First way", "Second way"))
		got := r.reload()
		if strings.Join(got.Waiting, " ") != "database metrics_listen" || got.Error != "" {
			t.Errorf("reload: %+v", got)
		}
		if page := r.page("/sign-in"); !strings.Contains(page, "Second way") {
			t.Errorf("the rest is not in force: %s", page)
		}
	})
	t.Run("WithoutAServerThereIsNothingToTell", func(t *testing.T) {
		t.Parallel()
		c := written(t, t.TempDir(), oneWayIn)
		if _, err := Reload(t.Context(), c, nil); !errors.Is(err, ErrNotRunning) {
			t.Errorf("no pid file: %v", err)
		}
		if err := os.WriteFile(pidFile(c), []byte("1234567\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Reload(t.Context(), c, nil); !errors.Is(err, ErrNotRunning) {
			t.Errorf("pid file of a killed server: %v", err)
		}
	})
	t.Run("ThePidFileGoesWithTheServer", func(t *testing.T) {
		t.Parallel()
		r := startReloading(t, oneWayIn)
		if got, err := os.ReadFile(pidFile(r.config)); err != nil || strings.TrimSpace(string(got)) != fmt.Sprint(os.Getpid()) {
			t.Errorf("while it runs: %q, %v", got, err)
		}
		if _, err := holdPidFile(pidFile(r.config)); err == nil {
			t.Error("a second server took the pid file")
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if exists(pidFile(r.config)) {
			t.Error("the pid file is left")
		}
	})
}
