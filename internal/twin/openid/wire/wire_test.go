package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const truth = `{"sub":"nora","n":[1,2,3]}`

// broken is a server that says the truth through a Breaker.
type broken struct {
	*Breaker
	testing.TB
	url  string
	done chan struct{}
}

func newBroken(t *testing.T, faults ...Fault) *broken {
	t.Helper()
	b := &broken{TB: t, done: make(chan struct{})}
	b.Breaker = &Breaker{Done: b.done}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.Serve(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, truth, string(body))
		}))
	}))
	b.url = srv.URL
	b.Set(0, faults)
	t.Cleanup(srv.Close)
	return b
}

func (b *broken) ask(ctx context.Context, method, path string) (int, http.Header, string, error) {
	b.Helper()
	r, err := http.NewRequestWithContext(ctx, method, b.url+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, string(body), err
}

func TestBreaker_Answers(t *testing.T) {
	t.Parallel()
	filled := strings.Repeat("x", 100000)
	for name, c := range map[string]struct {
		fault  Fault
		status int
		want   string
	}{
		"None":                {Fault{Prefix: "/other", Status: 500}, 200, truth},
		"OtherMethod":         {Fault{Method: http.MethodPost, Status: 500}, 200, truth},
		"Status":              {Fault{Status: 502, Body: "bad"}, 502, "bad"},
		"StatusWithoutBody":   {Fault{Status: 503}, 503, ""},
		"BodyWithoutStatus":   {Fault{Body: "{}"}, 200, "{}"},
		"Redirect":            {Fault{Status: 307, Header: http.Header{"Location": {"/elsewhere"}}}, 307, ""},
		"Duplicate":           {Fault{Duplicate: map[string]any{"sub": "else", "absent": 1}}, 200, `{"sub":"nora","n":[1,2,3],"sub":"else"}`},
		"DuplicateOfNoObject": {Fault{Body: "[]", Duplicate: map[string]any{"sub": "else"}}, 200, "[]"},
		"Huge":                {Fault{Huge: 100000}, 200, `{"filler":"` + filled + `","sub":"nora","n":[1,2,3]}`},
		"HugeEmptyObject":     {Fault{Huge: 100000, Body: "{}"}, 200, `{"filler":"` + filled + `"}`},
		"HugeNoObject":        {Fault{Huge: 100000, Body: "<p>"}, 200, filled + "<p>"},
		"Drip":                {Fault{Drip: time.Microsecond}, 200, truth},
		"DelayThenTheTruth":   {Fault{Delay: time.Millisecond}, 200, truth},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBroken(t, c.fault)
			status, header, body, err := b.ask(t.Context(), http.MethodGet, "/x")
			if err != nil || status != c.status || header.Get("Location") != c.fault.Header.Get("Location") {
				t.Errorf("%d %v %v", status, header, err)
			}
			if diff := cmp.Diff(c.want, body); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBreaker_CountsAndMatches(t *testing.T) {
	t.Parallel()
	b := newBroken(t, Fault{Prefix: "/a", After: 1, Times: 2, Status: 502}, Fault{Prefix: "/a", After: 1, Times: 1, Status: 503})
	var got []int
	for range 6 {
		status, _, _, _ := b.ask(t.Context(), http.MethodGet, "/a/b")
		got = append(got, status)
	}
	// The second fault sees only what the first did not take.
	if diff := cmp.Diff([]int{200, 502, 502, 503, 200, 200}, got); diff != "" {
		t.Error(diff)
	}
	b.Set(0, nil)
	if status, _, _, _ := b.ask(t.Context(), http.MethodGet, "/a"); status != 200 {
		t.Errorf("healthy again: %d", status)
	}
}

func TestBreaker_TruncateAnnouncesTheWhole(t *testing.T) {
	t.Parallel()
	b := newBroken(t, Fault{Truncate: true})
	_, header, body, err := b.ask(t.Context(), http.MethodGet, "/")
	if !errors.Is(err, io.ErrUnexpectedEOF) || body != truth[:len(truth)/2] || header.Get("Content-Length") != fmt.Sprint(len(truth)) {
		t.Errorf("%v %q %v", err, body, header)
	}
}

func TestBreaker_ResetIsSeen(t *testing.T) {
	t.Parallel()
	b := newBroken(t, Fault{Reset: true})
	_, _, _, err := b.ask(t.Context(), http.MethodGet, "/")
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	rec := httptest.NewRecorder() // which cannot be hijacked
	defer func() {
		if e, _ := recover().(error); !errors.Is(e, http.ErrAbortHandler) {
			t.Errorf("it went on: %v", e)
		}
	}()
	b.Serve(rec, httptest.NewRequest(http.MethodGet, "/", nil), http.NotFoundHandler())
}

// TestBreaker_Waits: what hangs, is slow or drips ends with the caller, and with
// the breaker.
func TestBreaker_Waits(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(b *broken){
		"Hang":    func(b *broken) { b.Set(0, []Fault{{Hang: true}}) },
		"Delay":   func(b *broken) { b.Set(0, []Fault{{Delay: time.Hour, Hang: true}}) },
		"Drip":    func(b *broken) { b.Set(0, []Fault{{Drip: time.Hour}}) },
		"Latency": func(b *broken) { b.Set(time.Hour, []Fault{{Hang: true}}) },
		"Endless": func(b *broken) { b.Set(0, []Fault{{Huge: 1 << 60}}) },
	} {
		t.Run(name+"/CallerGivesUp", func(t *testing.T) {
			t.Parallel()
			b := newBroken(t)
			set(b)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			rec := httptest.NewRecorder()
			go func() {
				defer close(ended)
				defer func() { _ = recover() }()
				b.Serve(rec, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, truth) }))
			}()
			cancel()
			<-ended
			if bytes.HasSuffix(rec.Body.Bytes(), []byte(truth)) {
				t.Error("the whole answer was given")
			}
		})
		t.Run(name+"/BreakerEnds", func(t *testing.T) {
			t.Parallel()
			b := newBroken(t)
			set(b)
			close(b.done)
			if _, _, body, err := b.ask(t.Context(), http.MethodGet, "/"); err == nil && body == truth {
				t.Error("the whole answer was given")
			}
		})
	}
}
