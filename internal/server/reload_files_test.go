package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/store"
)

// fronted is a front that runs until the test ends.
type fronted struct {
	*front
	t    *testing.T
	dir  string
	stop func() error
}

func startFront(t *testing.T, text string) *fronted {
	t.Helper()
	dir := t.TempDir()
	c := written(t, dir, text)
	s, err := Open(t.Context(), Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		t.Fatal(err, s.Close())
	}
	f := &fronted{front: newFront(s), t: t, dir: dir}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.run(ctx, l, nil) }()
	f.stop = stopper(t, cancel, ended)
	t.Cleanup(func() {
		if err := f.stop(); err != nil {
			t.Errorf("it ended with %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// takesUp reloads with another text.
func (f *fronted) takesUp(text string) {
	f.t.Helper()
	now := f.present().server.config
	c := written(f.t, f.dir, "url: "+now.URL+"\nlisten: \""+now.Listen+"\"\n"+text)
	if waiting, err := f.reload(f.t.Context(), c); err != nil || len(waiting) > 0 {
		f.t.Fatalf("reload: waits for %v, %v", waiting, err)
	}
}

func (f *fronted) mayHave(address string) bool {
	f.t.Helper()
	s, may := f.present().server, false
	err := s.store.View(f.t.Context(), func(tx *store.Tx) error {
		err := s.users.MayHaveAddress(tx, address)
		may = err == nil
		if err != nil && gatehouse.KindOf(err) == "" {
			return err
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return may
}

// TestReloadOpensTheFilesAgain that the configuration names.
func TestReloadOpensTheFilesAgain(t *testing.T) {
	t.Parallel()
	t.Run("ThrowAwayDomainsStayRefused", func(t *testing.T) {
		t.Parallel()
		f := startFront(t, "sign_up: {block_disposable: true}\n")
		for _, when := range []string{"at first", "after a reload"} {
			if f.mayHave("a@mailinator.com") || !f.mayHave("a@example.com") {
				t.Errorf("%s a throw-away domain is let in, or all are refused", when)
			}
			f.takesUp("sign_up: {block_disposable: true}\n")
		}
		list := filepath.Join(f.dir, "list.txt")
		text := "sign_up: {block_disposable: true, disposable_domains_file: " + list + "}\n"
		for _, domain := range []string{"one.example", "two.example"} {
			if err := os.WriteFile(list, []byte(domain+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			f.takesUp(text)
			if f.mayHave("a@" + domain) {
				t.Errorf("%s is on the new list and let in", domain)
			}
		}
		if !f.mayHave("a@one.example") {
			t.Error("the old list is in force")
		}
	})
	t.Run("AFileThatIsWrongLeavesTheOneBefore", func(t *testing.T) {
		t.Parallel()
		f := startFront(t, "")
		before := f.present()
		for text, says := range map[string]string{
			"geoip_file: missing.mmdb\n": "geoip_file",
			"sign_up: {disposable_domains_file: missing, block_disposable: false}\n": "disposable",
		} {
			now := before.server.config
			c := written(t, t.TempDir(), "url: "+now.URL+"\nlisten: \""+now.Listen+"\"\n"+text)
			if _, err := f.reload(t.Context(), c); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", text, err)
			}
		}
		if f.present() != before {
			t.Error("another Server is in force")
		}
	})
}

// TestPlacesOfSessions: the file that geoip_file names tells people where their
// sessions are. That of the test (made by the writer in package geoip's tests)
// has 127.0.0.0/8 in Shanghai.
func TestPlacesOfSessions(t *testing.T) {
	t.Parallel()
	places, err := filepath.Abs(filepath.Join("testdata", "places.mmdb"))
	if err != nil {
		t.Fatal(err)
	}
	r := startDev(t, t.TempDir(), func(_ *dev, c *config.Config) { c.GeoIPFile = places })
	v := newVisitor(t).open(r.dashboard)
	v.open(r.hub+"/user/security").sees("127.0.0.1", "Shanghai, China")
	v.open(r.hub + "/user/security?lang=zh-CN").sees("中国 上海")
	f := startFront(t, "")
	for text, want := range map[string]bool{"geoip_file: " + places + "\n": true, "": false} {
		f.takesUp(text)
		if (f.present().server.places != nil) != want {
			t.Errorf("after a reload with %q there are places: %t", text, !want)
		}
	}
}

// TestRetiringWaitsForRequests that are under way.
func TestRetiringWaitsForRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &generation{server: &Server{}}
		g.requests.Add(1)
		retired := false
		go func() {
			g.retire()
			retired = true
		}()
		synctest.Wait()
		if retired {
			t.Error("it is retired while a request is under way")
		}
		g.requests.Done()
		synctest.Wait()
		if !retired {
			t.Error("it is not retired when all is answered")
		}
	})
}

// TestReplacedServersAreRetired: they keep no connection of the outside open.
func TestReplacedServersAreRetired(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 8)
	outside := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	outside.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed <- struct{}{}
		}
	}
	outside.Start()
	t.Cleanup(outside.Close)
	const text = "outgoing: {allow: [127.0.0.0/8]}\n"
	f := startFront(t, text)
	call := func(s *Server) {
		t.Helper()
		answer, err := s.outgoing.Client().Get(outside.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	first := f.enter() // a request under way
	call(first.server)
	f.takesUp(text)
	if f.present() == first {
		t.Fatal("nothing was replaced")
	}
	first.requests.Done()
	waitFor(t, closed, "the replaced Server keeps its connections")
	call(f.present().server)
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, closed, "the last Server keeps its connections")
}

func waitFor(t *testing.T, done <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal(otherwise)
	}
}
