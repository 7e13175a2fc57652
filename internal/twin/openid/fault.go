package openid

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
	"time"
)

// Faults is what goes wrong. The zero value is a healthy provider.
type Faults struct {
	// Flaws is what the provider says wrongly.
	Flaws []Flaw
	// Latency delays every answer.
	Latency time.Duration
	// List is how answers fail on the way. It is looked through in order; the
	// first one that matches and is not used up happens.
	List []Fault
}

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

// SetFaults replaces all faults, and counts Times and After from the start.
func (t *Twin) SetFaults(f Faults) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.setFaults(f)
}

func (t *Twin) setFaults(f Faults) {
	t.faults = Faults{Flaws: slices.Clone(f.Flaws), Latency: f.Latency, List: slices.Clone(f.List)}
	t.matched = make([]int, len(f.List))
}

// SetFlaws is SetFaults with flaws alone.
func (t *Twin) SetFlaws(flaws ...Flaw) { t.SetFaults(Faults{Flaws: flaws}) }

// Redirected sends callers elsewhere, with method and body, to where the true
// answer is.
func Redirected(path string) Fault {
	return Fault{Prefix: path, Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"/elsewhere" + path}}}
}

// WebPage answers with a page instead of data, and says that all is well.
func WebPage(path string) Fault {
	return Fault{
		Prefix: path, Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body: "<!DOCTYPE html>\n<html><head><title>Sign in to the Wi-Fi</title></head><body><h1>Welcome</h1></body></html>\n",
	}
}

// EmptyObject answers with {}.
func EmptyObject(path string) Fault { return jsonFault(path, http.StatusOK, `{}`) }

// ErrorObject says an error in JSON, and by its status that all is well.
func ErrorObject(path string) Fault {
	return jsonFault(path, http.StatusOK, `{"error":"temporarily_unavailable","error_description":"<b>Come back later</b>"}`)
}

// Broken answers with status 500 and a page.
func Broken(path string) Fault {
	f := WebPage(path)
	f.Status, f.Body = http.StatusInternalServerError, "<h1>Internal Server Error</h1>"
	return f
}

// Duplicated answers truly and says the most important members once more, with
// what an attacker would like them to be.
func Duplicated(path string) Fault {
	return Fault{Prefix: path, Duplicate: map[string]any{
		"issuer": otherIssuer, "jwks_uri": otherIssuer + pathKeys, "keys": []any{}, "sub": "somebody-else", "email_verified": true,
		"id_token": "this is not a token", "access_token": "somebody-elses",
	}}
}

func jsonFault(path string, status int, body string) Fault {
	return Fault{Prefix: path, Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// faultPlaces are the addresses that the hub itself calls.
func faultPlaces() []string {
	return []string{pathDiscovery, pathKeys, pathToken, pathUserinfo, pathPlainToken, pathPlainUserinfo}
}

// failures are the switches of the home page.
func failures(path string) map[string]Fault {
	return map[string]Fault{
		"slow": {Prefix: path, Delay: 20 * time.Second}, "drip": {Prefix: path, Drip: time.Second}, "hang": {Prefix: path, Hang: true},
		"huge": {Prefix: path, Huge: 1 << 30}, "page": WebPage(path), "truncate": {Prefix: path, Truncate: true},
		"reset": {Prefix: path, Reset: true}, "redirect": Redirected(path), "500": Broken(path), "empty": EmptyObject(path),
		"error": ErrorObject(path), "duplicate": Duplicated(path),
	}
}

func failureNames() []string { return slices.Sorted(maps.Keys(failures(""))) }

// describe names a fault as the home page's switches do.
func (f *Fault) describe() string {
	for name, known := range failures(f.Prefix) {
		if fmt.Sprint(known) == fmt.Sprint(*f) {
			return f.Prefix + " " + name
		}
	}
	return f.Prefix + " …"
}

func (f *Fault) matches(r *http.Request) bool {
	return (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(r.URL.Path, f.Prefix)
}

// nextFault picks what happens to a request and counts it.
func (t *Twin) nextFault(r *http.Request) (*Fault, time.Duration) {
	for i := range t.faults.List {
		f := &t.faults.List[i]
		if !f.matches(r) || (f.Times > 0 && t.matched[i] >= f.After+f.Times) {
			continue
		}
		t.matched[i]++
		if t.matched[i] > f.After {
			return f, t.faults.Latency
		}
	}
	return nil, t.faults.Latency
}

// pause waits, and says whether the caller is still there.
func (t *Twin) pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.done:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (t *Twin) serveFault(w http.ResponseWriter, r *http.Request, f Fault) {
	if !t.pause(r, f.Delay) {
		return
	}
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-t.done:
		}
		panic(http.ErrAbortHandler)
	}
	if f.Reset {
		reset(w)
	}
	a := answer{status: f.Status, header: maps.Clone(f.Header), body: []byte(f.Body)}
	if f.Status == 0 && f.Body == "" {
		a = t.record(r)
		maps.Copy(a.header, f.Header)
	} else if f.Status == 0 {
		a.status = http.StatusOK
	}
	a.body = duplicated(a.body, f.Duplicate)
	if f.Huge == 0 && f.Drip == 0 && !f.Truncate {
		a.write(w)
		return
	}
	maps.Copy(w.Header(), a.header)
	w.Header().Del("Content-Length")
	if f.Truncate {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if f.Truncate {
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush() // so that the half really leaves
		panic(http.ErrAbortHandler)
	}
	t.pour(w, r, a.body, f)
}

// pour sends an answer that is huge or drips, until the caller has enough.
func (t *Twin) pour(w http.ResponseWriter, r *http.Request, body []byte, f Fault) {
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
		if _, err := w.Write(chunk[:min(left, int64(len(chunk)))]); err != nil || r.Context().Err() != nil || t.closed() {
			panic(http.ErrAbortHandler)
		}
	}
	if f.Drip == 0 {
		_, _ = w.Write(body)
		return
	}
	for i := range body {
		_, err := w.Write(body[i : i+1])
		if err != nil || http.NewResponseController(w).Flush() != nil || !t.pause(r, f.Drip) || t.closed() {
			panic(http.ErrAbortHandler)
		}
	}
}

func (t *Twin) closed() bool {
	select {
	case <-t.done:
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

// record is the answer that the request would have had.
func (t *Twin) record(r *http.Request) answer {
	rec := recorder{answer{status: http.StatusOK, header: http.Header{}}}
	t.mux.ServeHTTP(&rec, r)
	return rec.answer
}

type recorder struct{ answer }

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(p []byte) (int, error) {
	r.body = append(r.body, p...)
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
