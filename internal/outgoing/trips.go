package outgoing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"gatehouse"
)

// ErrTooLong is in the chain of the error of an answer whose body is longer
// than the client reads. It comes from Do or from reading the body.
var ErrTooLong = errors.New("the answer is too long")

const (
	maxRedirects = 5
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 2 * time.Second
	maxDrain     = 64 << 10 // read of an answer that is thrown away, to keep its connection
)

// waiter waits, or ends early with the context's error.
type waiter func(ctx context.Context, d time.Duration) error

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// trips makes the requests of one client: observed, retried, bounded in size.
type trips struct {
	m        *Maker
	next     http.RoundTripper
	maxBytes int64
}

// RoundTrip makes a request, again if that is safe and promises more. An answer
// that says when to come back (Retry-After) is never tried again here: the
// caller knows better whether to wait.
func (t *trips) RoundTrip(req *http.Request) (*http.Response, error) {
	for try := 0; ; try++ {
		resp, err := t.once(req)
		if try >= t.m.o.Retries || !mayRepeat(req) || !worthIt(req.Context(), resp, err) {
			return t.bound(req, resp, err)
		}
		if !t.pause(req, try) {
			return t.bound(req, resp, err)
		}
		if resp != nil {
			drain(resp.Body)
		}
	}
}

func (t *trips) once(req *http.Request) (*http.Response, error) {
	start := t.m.o.Clock.Now()
	resp, err := t.next.RoundTrip(req)
	if t.m.o.Observe != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
		}
		t.m.o.Observe(req.URL.Host, status, t.m.o.Clock.Now().Sub(start))
	}
	return resp, err
}

// pause waits before the next try, and is false when the time of the request
// would be over by then.
func (t *trips) pause(req *http.Request, try int) bool {
	d := backoff(try)
	if end, ok := req.Context().Deadline(); ok && time.Until(end) <= d {
		return false
	}
	t.m.o.Log.DebugContext(req.Context(), "trying again", "host", req.URL.Host, "try", try+2, "after", d)
	return t.m.wait(req.Context(), d) == nil
}

// backoff is between half and one and a half of 100 ms, 200 ms, 400 ms …
func backoff(try int) time.Duration {
	d := min(firstBackoff<<min(try, 10), maxBackoff)
	return d/2 + rand.N(d)
}

func (t *trips) bound(req *http.Request, resp *http.Response, err error) (*http.Response, error) {
	if err != nil || resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, err
	}
	b := &boundBody{ReadCloser: resp.Body, left: t.maxBytes, err: fmt.Errorf("%w: %s sent more than the %d bytes that are read of it", ErrTooLong, req.URL.Host, t.maxBytes)}
	if resp.ContentLength > t.maxBytes && req.Method != http.MethodHead {
		resp.Body.Close()
		return nil, b.err
	}
	resp.Body = b
	return resp, nil
}

// boundBody is a body that errs once it is longer than it may be.
type boundBody struct {
	io.ReadCloser
	left int64
	err  error
}

func (b *boundBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.err
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more tells an end from an excess
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, b.err
	}
	return n, err
}

func drain(body io.ReadCloser) {
	io.CopyN(io.Discard, body, maxDrain) //nolint:errcheck // thrown away
	body.Close()
}

// mayRepeat says whether making the request twice can change anything.
func mayRepeat(req *http.Request) bool {
	return (req.Method == "" || req.Method == http.MethodGet || req.Method == http.MethodHead) &&
		(req.Body == nil || req.Body == http.NoBody)
}

// worthIt says whether another try may end better.
func worthIt(ctx context.Context, resp *http.Response, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		return broken(err)
	}
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return resp.Header.Get("Retry-After") == ""
	}
	return false
}

// broken says whether the network failed, as opposed to somebody refusing: the
// guard, a certificate, a name that does not exist.
func broken(err error) bool {
	if gatehouse.KindOf(err) != "" {
		return false
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return !dns.IsNotFound
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	var op *net.OpError // a TLS alert is one too, with Op "remote error"
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "read" || op.Op == "write")
}

// checkRedirect lets a GET or HEAD go on within its host, at most from http to
// https. The answer to anything else is the redirect itself: a token endpoint
// that redirects would have us carry secrets elsewhere.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet && first.Method != http.MethodHead && first.Method != "" {
		return http.ErrUseLastResponse
	}
	if len(via) > maxRedirects {
		return gatehouse.Errorf(gatehouse.Upstream, "%s redirects us in circles, so there is no answer. Check the address in the settings.", first.URL.Host)
	}
	from := via[len(via)-1].URL
	if !sameHost(from, req.URL) {
		return gatehouse.Errorf(gatehouse.Upstream,
			"%s redirects us to %s, and Gatehouse does not follow to another host. If that one is meant, put its address into the settings.", hostOf(from), hostOf(req.URL))
	}
	return nil
}

func hostOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

func sameHost(from, to *url.URL) bool {
	a, errA := hostPort(from.String())
	b, errB := hostPort(to.String())
	if errA != nil || errB != nil {
		return false
	}
	if from.Scheme == to.Scheme {
		return a == b
	}
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && hostA == hostB &&
		from.Scheme == "http" && to.Scheme == "https" && portA == "80" && portB == "443"
}

// Redact takes the query, which may hold a secret, out of the address that an
// error of http.Client quotes. What was wrapped around that error is dropped.
// Use it before an error of a request goes to a log or into a Cause.
func Redact(err error) error {
	var ue *url.Error
	if !errors.As(err, &ue) {
		return err
	}
	address := "an address that is no URL"
	if u, perr := url.Parse(ue.URL); perr == nil {
		address = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	}
	return &url.Error{Op: ue.Op, URL: address, Err: Redact(ue.Err)}
}
