// Package wire breaks the stand-in's answers on their way: late, huge, cut off,
// not at all, or said twice.
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is one thing that goes wrong with the requests it matches. Of what it
// does, Hang wins over Reset, Reset over the rest.
type Fault struct {
	// Method and Prefix (of the path) say which requests; "" is any.
	Method, Prefix string
	// After lets that many matching requests through first.
	After int
	// Times is how often it happens; 0 is always.
	Times int

	// Delay is waited for before anything else.
	Delay time.Duration
	// Hang answers nothing until the caller gives up or the twin is closed.
	Hang bool
	// Reset breaks the connection without an answer.
	Reset bool
	// Status, Header and Body are the answer. Without Status and Body the true
	// answer is given, for the fields below to spoil.
	Status int
	Header http.Header
	Body   string
	// Duplicate adds to a JSON object the members that are given here once more,
	// at its end, so that two readers may see two different things.
	Duplicate map[string]any
	// Huge puts that many bytes into a JSON object, which stays valid, or before
	// anything else. They are sent as they are made, without a length.
	Huge int64
	// Drip sends the answer a byte at a time, with this pause after each.
	Drip time.Duration
	// Truncate announces the whole answer, sends half of it and breaks off.
	Truncate bool
}

func (f *Fault) matches(r *http.Request) bool {
	return (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(r.URL.Path, f.Prefix)
}

// Breaker breaks the answers of a handler. Its zero value breaks none.
type Breaker struct {
	// Done ends what waits, when it is closed.
	Done <-chan struct{}

	mu      sync.Mutex // guards everything below
	latency time.Duration
	list    []Fault
	matched []int
}

// Set replaces what goes wrong, and counts Times and After from the start.
// latency delays every answer. The first fault of the list that matches and is
// not used up happens.
func (b *Breaker) Set(latency time.Duration, list []Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.latency, b.list, b.matched = latency, slices.Clone(list), make([]int, len(list))
}

// Serve lets next answer, and breaks the answer if a fault wants it.
func (b *Breaker) Serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	fault, latency := b.next(r)
	switch {
	case !b.pause(r, latency):
	case fault == nil:
		next.ServeHTTP(w, r)
	default:
		b.serve(w, r, next, *fault)
	}
}

// next picks what happens to a request and counts it.
func (b *Breaker) next(r *http.Request) (*Fault, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.list {
		f := &b.list[i]
		if !f.matches(r) || (f.Times > 0 && b.matched[i] >= f.After+f.Times) {
			continue
		}
		b.matched[i]++
		if b.matched[i] > f.After {
			return f, b.latency
		}
	}
	return nil, b.latency
}

// pause waits, and says whether the caller is still there.
func (b *Breaker) pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-b.Done:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (b *Breaker) serve(w http.ResponseWriter, r *http.Request, next http.Handler, f Fault) {
	if !b.pause(r, f.Delay) {
		return
	}
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-b.Done:
		}
		panic(http.ErrAbortHandler)
	}
	if f.Reset {
		reset(w)
	}
	a := f.answer(r, next)
	maps.Copy(w.Header(), a.header)
	w.Header().Del("Content-Length")
	if f.Huge == 0 && f.Drip == 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	switch {
	case f.Truncate:
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush() // so that the half really leaves
		panic(http.ErrAbortHandler)
	case f.Huge > 0 || f.Drip > 0:
		b.pour(w, r, a.body, f)
	default:
		_, _ = w.Write(a.body)
	}
}

// answer is what the fault says, or what next would have said.
func (f *Fault) answer(r *http.Request, next http.Handler) answer {
	a := answer{status: f.Status, header: http.Header{}, body: []byte(f.Body)}
	switch {
	case f.Status == 0 && f.Body == "":
		next.ServeHTTP(&a, r)
	case f.Status == 0:
		a.status = http.StatusOK
	}
	maps.Copy(a.header, f.Header)
	a.body = duplicated(a.body, f.Duplicate)
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a
}

// pour sends an answer that is huge or drips, until the caller has enough.
func (b *Breaker) pour(w http.ResponseWriter, r *http.Request, body []byte, f Fault) {
	rest, isObject := bytes.CutPrefix(body, []byte("{"))
	if f.Huge > 0 && isObject {
		_, _ = w.Write([]byte(`{"filler":"`))
		body = slices.Concat([]byte(`",`), rest)
		if bytes.HasPrefix(rest, []byte("}")) {
			body = []byte(`"}`)
		}
	}
	chunk := bytes.Repeat([]byte("x"), 1<<15)
	for left := f.Huge; left > 0; left -= int64(len(chunk)) {
		if _, err := w.Write(chunk[:min(left, int64(len(chunk)))]); err != nil || r.Context().Err() != nil || b.closed() {
			panic(http.ErrAbortHandler)
		}
	}
	if f.Drip == 0 {
		_, _ = w.Write(body)
		return
	}
	for i := range body {
		_, err := w.Write(body[i : i+1])
		if err != nil || http.NewResponseController(w).Flush() != nil || !b.pause(r, f.Drip) || b.closed() {
			panic(http.ErrAbortHandler)
		}
	}
}

func (b *Breaker) closed() bool {
	select {
	case <-b.Done:
		return true
	default:
		return false
	}
}

// duplicated says members of a JSON object again.
func duplicated(body []byte, again map[string]any) []byte {
	var members map[string]json.RawMessage
	if len(again) == 0 || json.Unmarshal(body, &members) != nil {
		return body
	}
	body = bytes.TrimSuffix(bytes.TrimSpace(body), []byte("}"))
	for _, name := range slices.Sorted(maps.Keys(again)) {
		if _, there := members[name]; !there {
			continue
		}
		value, _ := json.Marshal(again[name])
		body = fmt.Appendf(slices.Clip(body), ",%q:%s", name, value)
	}
	return append(slices.Clip(body), '}')
}

// answer keeps what a handler says.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// Header is what the handler sets.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader keeps the status.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write keeps the body.
func (a *answer) Write(p []byte) (int, error) {
	a.body = append(a.body, p...)
	return len(p), nil
}

// reset ends the connection so that the peer sees "connection reset by peer",
// where the server lets it; else without an answer.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
	panic(http.ErrAbortHandler)
}
