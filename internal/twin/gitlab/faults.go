package gitlab

import (
	"bytes"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Faults are what goes wrong on purpose.
type Faults struct {
	// Latency is waited before every answer.
	Latency time.Duration
	// Hook is asked about every request; nil from it means no fault.
	Hook func(*http.Request) *Fault
	// Rules are tried in order; the first that matches and is not used up acts.
	Rules []Fault
}

// A Fault is one way for an answer to go wrong. Of Reset, Hang, HTML, Status and
// Truncate the first that is set acts.
type Fault struct {
	Method string // "": any
	Path   string // prefix of the path, "": any
	After  int    // lets so many matching requests pass first
	Times  int    // acts so often; 0: always

	Reset bool // the connection is reset without an answer
	Hang  bool // no answer until the caller or the twin gives up
	// HTML answers with a page, as a proxy does, and Status (502 unless set).
	HTML bool
	// Status answers with it, Header and Body.
	Status int
	Header http.Header
	Body   string
	// Truncate sends so many bytes of the true answer and then cuts the connection.
	Truncate int
}

// SetFaults replaces the faults; the counts of their rules begin anew.
func (t *Twin) SetFaults(f Faults) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults, t.hits = f, make([]int, len(f.Rules))
}

// due finds the fault for a request, and how long to wait.
func (t *Twin) due(r *http.Request) (*Fault, time.Duration) {
	t.mu.Lock()
	hook, latency := t.faults.Hook, t.faults.Latency
	t.mu.Unlock()
	if hook != nil { // outside the lock: it may ask the twin something
		if f := hook(r); f != nil {
			return f, latency
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, f := range t.faults.Rules {
		if f.Method != "" && f.Method != r.Method || !strings.HasPrefix(r.URL.Path, f.Path) {
			continue
		}
		t.hits[i]++
		if n := t.hits[i]; n > f.After && (f.Times == 0 || n <= f.After+f.Times) {
			return &f, t.faults.Latency
		}
	}
	return nil, t.faults.Latency
}

// fault does what is due and tells whether the request is done with.
func (t *Twin) fault(w http.ResponseWriter, r *http.Request) bool {
	f, latency := t.due(r)
	if latency > 0 {
		timer := time.NewTimer(latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return true
		case <-t.closed:
		}
	}
	if f == nil {
		return false
	}
	switch {
	case f.Reset:
		reset(w)
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-t.closed:
		}
		panic(http.ErrAbortHandler)
	case f.HTML:
		w.Header().Set("Content-Type", "text/html")
		f.write(w, http.StatusBadGateway, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")
	case f.Status != 0:
		w.Header().Set("Content-Type", "application/json")
		f.write(w, f.Status, "")
	case f.Truncate > 0:
		t.truncate(w, r, f.Truncate)
	default:
		return false
	}
	return true
}

func (f *Fault) write(w http.ResponseWriter, status int, body string) {
	for k, v := range f.Header {
		w.Header()[http.CanonicalHeaderKey(k)] = slices.Clone(v)
	}
	if f.Status != 0 {
		status = f.Status
	}
	if f.Body != "" {
		body = f.Body
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// reset makes the caller see a connection reset, where the server allows it.
func reset(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

// truncate announces the whole answer and sends its beginning.
func (t *Twin) truncate(w http.ResponseWriter, r *http.Request, n int) {
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	t.serve(rec, r)
	for k, v := range rec.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(rec.body.Len()))
	w.WriteHeader(rec.status)
	_, _ = w.Write(rec.body.Bytes()[:min(n, rec.body.Len())])
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	if n < rec.body.Len() {
		panic(http.ErrAbortHandler)
	}
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
