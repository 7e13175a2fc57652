package outgoing

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
)

func TestSize(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := 0
		fmt.Sscan(r.URL.Query().Get("n"), &n)
		if r.URL.Path == "/chunked" {
			http.NewResponseController(w).Flush()
		}
		io.CopyN(w, endless{}, int64(n))
	})
	m := newMaker(t, Options{MaxBytes: 1000})
	for _, c := range []struct {
		name, path string
		client     *http.Client
		n          int
		want       bool
	}{
		{"Empty", "/", m.Client(server.URL), 0, true},
		{"JustAsLong", "/", m.Client(server.URL), 1000, true},
		{"JustAsLongOfUnknownLength", "/chunked", m.Client(server.URL), 1000, true},
		{"OneTooLong", "/", m.Client(server.URL), 1001, false},
		{"OneTooLongOfUnknownLength", "/chunked", m.Client(server.URL), 1001, false},
		{"MuchTooLong", "/chunked", m.Client(server.URL), 5 << 20, false},
		{"LongerForOneClient", "/chunked", m.ClientWith(ClientOptions{OpenURLs: []string{server.URL}, MaxBytes: 2000}), 2000, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := get(t, c.client, fmt.Sprintf("%s%s?n=%d", server.URL, c.path, c.n))
			if c.want && (err != nil || len(got) != len("200 ")+c.n) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if !c.want && (!errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), "1000 bytes") || len(got) > 1010) {
				t.Errorf("%d bytes, %v; want ErrTooLong naming the limit", len(got), err)
			}
		})
	}
	t.Run("HeadOfALongOneIsFine", func(t *testing.T) {
		t.Parallel()
		if _, err := do(t, m.Client(server.URL), http.MethodHead, server.URL+"?n=5000", nil); err != nil {
			t.Error(err)
		}
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow-body" {
			w.WriteHeader(http.StatusOK)
			http.NewResponseController(w).Flush()
		}
		<-r.Context().Done() // the end of the test waits for this: the connection must be dropped
	})
	c := newMaker(t, Options{}).ClientWith(ClientOptions{OpenURLs: []string{server.URL}, Timeout: 50 * time.Millisecond})
	for _, path := range []string{"/", "/slow-body"} {
		_, err := get(t, c, server.URL+path)
		var timeout interface{ Timeout() bool }
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%s: error %v, want a time-out", path, err)
		}
	}
}

// script answers one after another.
type script struct {
	mu    sync.Mutex
	steps []func() (*http.Response, error)
	asked int
}

func (s *script) RoundTrip(*http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	step := s.steps[min(s.asked, len(s.steps)-1)]
	s.asked++
	return step()
}

func answers(status int, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader("body")), ContentLength: 4}, nil
	}
}

func fails(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

func TestRetries(t *testing.T) {
	t.Parallel()
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	type step = func() (*http.Response, error)
	for _, c := range []struct {
		name, method string
		body         string
		steps        []step
		asked        int
		status       int // 0: an error
	}{
		{"GoodAnswerIsNotRepeated", "GET", "", []step{answers(200)}, 1, 200},
		{"BrokenConnection", "GET", "", []step{fails(reset), answers(200)}, 2, 200},
		{"EndOfConnection", "GET", "", []step{fails(io.EOF), answers(200)}, 2, 200},
		{"BadGatewayTwice", "GET", "", []step{answers(502), answers(504), answers(200)}, 3, 200},
		{"HeadToo", "HEAD", "", []step{answers(503), answers(200)}, 2, 200},
		{"GivesUpWithTheLastAnswer", "GET", "", []step{answers(503)}, 3, 503},
		{"GivesUpWithTheLastError", "GET", "", []step{fails(reset)}, 3, 0},
		{"ServerErrorIsNotRepeated", "GET", "", []step{answers(500)}, 1, 500},
		{"RateLimitIsTheCallers", "GET", "", []step{answers(429)}, 1, 429},
		{"RetryAfterIsTheCallers", "GET", "", []step{answers(503, "Retry-After", "30")}, 1, 503},
		{"PostIsNever", "POST", "", []step{answers(503)}, 1, 503},
		{"PostIsNeverAfterABrokenConnection", "POST", "", []step{fails(reset)}, 1, 0},
		{"GetWithABodyIsNever", "GET", "x", []step{answers(503)}, 1, 503},
		{"RefusalIsNotRepeated", "GET", "", []step{fails(&net.OpError{Op: "dial", Err: gatehouse.Errorf(gatehouse.Forbidden, "no")})}, 1, 0},
		{"MissingNameIsNotRepeated", "GET", "", []step{fails(&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}})}, 1, 0},
		{"SlowNameServerIsRepeated", "GET", "", []step{fails(&net.OpError{Op: "dial", Err: &net.DNSError{IsTimeout: true}}), answers(200)}, 2, 200},
		{"CertificateIsNotRepeated", "GET", "", []step{fails(x509.UnknownAuthorityError{})}, 1, 0},
		{"AlertIsNotRepeated", "GET", "", []step{fails(&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")})}, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var seen []int
			m := newMaker(t, Options{Observe: func(host string, status int, _ time.Duration) {
				if host != "gitlab.example.com" {
					t.Errorf("observed host %q", host)
				}
				seen = append(seen, status)
			}})
			s := &script{steps: c.steps}
			client := m.Client()
			client.Transport.(*trips).next = s
			var body io.Reader
			if c.body != "" {
				body = strings.NewReader(c.body)
			}
			got, err := do(t, client, c.method, "https://gitlab.example.com/", body)
			if c.status == 0 && err == nil || c.status != 0 && !strings.HasPrefix(got, fmt.Sprint(c.status)) {
				t.Errorf("%q, %v; want status %d", got, err, c.status)
			}
			if s.asked != c.asked || len(seen) != c.asked {
				t.Errorf("asked %d times, observed %v; want %d", s.asked, seen, c.asked)
			}
		})
	}
	t.Run("NoneWhenSwitchedOff", func(t *testing.T) {
		t.Parallel()
		s := &script{steps: []step{answers(503)}}
		client := newMaker(t, Options{Retries: -1}).Client()
		client.Transport.(*trips).next = s
		if got, _ := get(t, client, "https://gitlab.example.com/"); s.asked != 1 || got != "503 body" {
			t.Errorf("%q after %d", got, s.asked)
		}
	})
	t.Run("EndOfTheCallerEndsTheWaiting", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		m := newMaker(t, Options{})
		m.wait = func(ctx context.Context, d time.Duration) error { cancel(); return sleep(ctx, time.Hour) }
		s := &script{steps: []step{fails(reset)}}
		client := m.Client()
		client.Timeout = 0 // with one, an hour would never be begun
		client.Transport.(*trips).next = s
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://gitlab.example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := client.Do(req); err == nil {
			t.Errorf("answer %v", resp.StatusCode)
		}
		if s.asked != 1 {
			t.Errorf("asked %d times", s.asked)
		}
	})
	t.Run("WaitThatTheTimeDoesNotAllowIsNotBegun", func(t *testing.T) {
		t.Parallel()
		m := newMaker(t, Options{})
		m.wait = func(context.Context, time.Duration) error { t.Error("waited"); return nil }
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // the least wait is 50 ms
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://gitlab.example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if (&trips{m: m}).pause(req, 0) {
			t.Error("another try would come too late")
		}
	})
	t.Run("BackoffGrowsWithinItsBounds", func(t *testing.T) {
		t.Parallel()
		for try, want := range map[int]time.Duration{0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 4: 1600 * time.Millisecond, 5: 2 * time.Second, 1000: 2 * time.Second} {
			for range 100 {
				if d := backoff(try); d < want/2 || d >= want*3/2 {
					t.Errorf("backoff(%d) = %s", try, d)
				}
			}
		}
	})
}

func TestBrokenConnectionForReal(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			panic(http.ErrAbortHandler) // closes the connection without an answer
		}
		io.WriteString(w, "in")
	})
	if got, err := get(t, newMaker(t, Options{}).Client(server.URL), server.URL); got != "200 in" {
		t.Errorf("%q, %v", got, err)
	}
}
