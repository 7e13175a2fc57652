package gitlab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
)

// How much of anything is put up with.
const (
	streams    = 6        // requests under way at once
	maxAnswer  = 48 << 20 // bytes; 100 projects with 100 members each are some 3 MB
	mostTries  = 4        // of one request that breaks
	mostWaits  = 20       // of one request for limits
	firstPause = 250 * time.Millisecond
)

// api speaks REST and GraphQL with one token. The official client
// (gitlab.com/gitlab-org/api/client-go) is not used here: its rows cannot tell a
// key that is absent from one that is false, which is the only sign of an
// administrator's token without Admin Mode (is_admin); it decodes some 150
// fields a project of which we need ten, and fails as a whole when GitLab
// changes the type of any; and a truncated body is an error to it that we have
// to retry ourselves anyway.
type api struct {
	base  *url.URL
	token string
	http  *http.Client
	pace  *pacer
	log   *slog.Logger
	slots chan struct{} // as many as streams
	made  *atomic.Int64 // requests, counted
}

func newAPI(base *url.URL, token string, env integration.Env) *api {
	return &api{
		base: base, token: token, http: env.HTTP, log: env.Log,
		pace:  &pacer{clock: env.Clock, sleep: sleep},
		slots: make(chan struct{}, streams),
		made:  &atomic.Int64{},
	}
}

// counted is the same api with a count of its own.
func (a *api) counted() *api {
	c := *a
	c.made = &atomic.Int64{}
	return &c
}

// get asks the REST API and decodes the answer into v.
func (a *api) get(ctx context.Context, class, path string, q url.Values, v any) (http.Header, error) {
	address := a.base.String() + "/api/v4" + path
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	return a.do(ctx, class, v, func() (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	})
}

// root asks an address outside of the API.
func (a *api) root(ctx context.Context, path string, v any) error {
	_, err := a.do(ctx, classOther, v, func() (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, a.base.String()+path, nil)
	})
	return err
}

// post sends a GraphQL query. A query changes nothing, so it may be retried.
func (a *api) post(ctx context.Context, body []byte, v any) error {
	_, err := a.do(ctx, classGraphQL, v, func() (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base.String()+"/api/graphql", bytes.NewReader(body))
		if err == nil {
			req.Header.Set("Content-Type", "application/json")
		}
		return req, err
	})
	return err
}

// do makes a request until it has a whole answer, a refusal that stays, or no
// more tries.
func (a *api) do(ctx context.Context, class string, v any, build func() (*http.Request, error)) (http.Header, error) {
	tries, waits := 0, 0
	for {
		header, err := a.once(ctx, class, v, build)
		if err == nil || ctx.Err() != nil {
			return header, errors.Join(err, ctx.Err())
		}
		var no *refusal
		if errors.As(err, &no) && no.status == http.StatusTooManyRequests {
			waits++
			if _, ok := a.pace.refused(class, no.header, waits); !ok || waits > mostWaits {
				return nil, err
			}
			continue
		}
		cost := broken(err)
		if tries += cost; cost == 0 || tries >= mostTries {
			return nil, err
		}
		a.log.Debug("GitLab request tried again", "class", class, "try", tries, "error", err)
		if err := a.pace.sleep(ctx, pause(tries)); err != nil {
			return nil, err
		}
	}
}

// pause grows with each try and is never quite the same, so that streams that
// broke together do not come back together.
func pause(try int) time.Duration {
	d := firstPause << (try - 1)
	return d/2 + rand.N(d)
}

// once makes one request within the limits.
func (a *api) once(ctx context.Context, class string, v any, build func() (*http.Request, error)) (http.Header, error) {
	if err := a.pace.wait(ctx, class); err != nil {
		return nil, err
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	req, err := build()
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "Gatehouse")
	a.made.Add(1)
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, &fault{err}
	}
	defer func() { _ = resp.Body.Close() }()
	a.pace.learn(resp.Header)
	return resp.Header, read(resp, v)
}

// read decodes a whole answer. A body that ends early, or is no JSON though it
// begins like it, was cut on the way and is a fault.
func read(resp *http.Response, v any) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return &fault{err}
	}
	if len(body) > maxAnswer {
		return &refusal{status: resp.StatusCode, tooLong: true}
	}
	if resp.StatusCode != http.StatusOK {
		return refusalOf(resp, body)
	}
	err = json.Unmarshal(body, v)
	if err == nil {
		return nil
	}
	start := bytes.TrimLeft(body, " \t\r\n")
	var syntax *json.SyntaxError
	switch {
	case len(start) > 0 && start[0] != '{' && start[0] != '[':
		return &refusal{status: resp.StatusCode, foreign: true}
	case errors.As(err, &syntax):
		return &fault{io.ErrUnexpectedEOF}
	}
	return fmt.Errorf("%w: %w", errShape, err)
}

// errShape is an answer that is JSON, but not what GitLab documents.
var errShape = errors.New("an answer of an unexpected shape")

// fault is a request that broke: nothing was said, or not to the end.
type fault struct{ cause error }

// Error is the cause without the address, which is the same for all.
func (f *fault) Error() string {
	var u *url.Error
	if errors.As(f.cause, &u) {
		return u.Err.Error()
	}
	return f.cause.Error()
}

// Unwrap gives the cause.
func (f *fault) Unwrap() error { return f.cause }

// refusal is an answer that is not what was asked for.
type refusal struct {
	status  int
	header  http.Header
	message string // GitLab's own words, for the log
	scope   string // the scopes of which one is needed, when that was the reason
	foreign bool   // it is no JSON, so it does not come from GitLab's API
	tooLong bool
}

// Error says what was answered.
func (r *refusal) Error() string {
	text := "answered " + strconv.Itoa(r.status)
	switch {
	case r.foreign:
		text += " with something that is no JSON"
	case r.tooLong:
		text += " with more than " + strconv.Itoa(maxAnswer>>20) + " MiB"
	case r.message != "":
		text += ": " + r.message
	}
	return text
}

func refusalOf(resp *http.Response, body []byte) *refusal {
	r := &refusal{status: resp.StatusCode, header: resp.Header}
	var text struct {
		Message          any    `json:"message"`
		Error            string `json:"error"`
		ErrorDescription string `json:"error_description"`
		Scope            string `json:"scope"`
	}
	if json.Unmarshal(body, &text) != nil {
		r.foreign = resp.StatusCode != http.StatusTooManyRequests
		return r
	}
	r.message = text.Error
	if text.Message != nil {
		r.message = fmt.Sprint(text.Message)
	}
	if len(r.message) > 200 {
		r.message = r.message[:200]
	}
	r.message = strings.ToValidUTF8(r.message, "")
	if text.Error == "insufficient_scope" {
		r.scope = text.Scope
	}
	return r
}

// broken says what a failed request costs of the tries: 0, it stays failed; 2, it
// was also slow.
func broken(err error) int {
	var known *gatehouse.Error
	if errors.As(err, &known) { // the guard of outgoing requests refused it
		if known.Kind == gatehouse.Unavailable {
			return 1
		}
		return 0
	}
	var f *fault
	if errors.As(err, &f) {
		var slow interface{ Timeout() bool }
		if errors.As(f.cause, &slow) && slow.Timeout() {
			return 2
		}
		return 1
	}
	var no *refusal
	if errors.As(err, &no) && (no.status >= 500 || no.status == http.StatusRequestTimeout) {
		return 1
	}
	return 0
}

// is says whether the error is a refusal with one of the statuses.
func is(err error, statuses ...int) bool {
	var no *refusal
	if !errors.As(err, &no) {
		return false
	}
	for _, s := range statuses {
		if no.status == s {
			return true
		}
	}
	return false
}
