package dingtalk

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Faults is what goes wrong. The zero value is a healthy DingTalk.
type Faults struct {
	// Latency delays every answer.
	Latency time.Duration
	// List is looked through in order; the first one that matches and is not
	// used up happens.
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

	// Hang answers nothing until the caller gives up or the twin is closed.
	Hang bool
	// Reset breaks the connection without an answer.
	Reset bool
	// Status, Header and Body are the answer. Without Status and Body the true
	// answer is given (so that it can be truncated).
	Status int
	Header http.Header
	Body   string
	// Truncate announces the whole answer, sends half of it and breaks off.
	Truncate bool
}

// SetFaults replaces all faults, and counts Times and After from the start.
func (t *Twin) SetFaults(f Faults) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = Faults{Latency: f.Latency, List: slices.Clone(f.List)}
	t.matched = make([]int, len(f.List))
}

// Throttled is error 90018 of the old API: this app calls this API too often.
func Throttled(path string) Fault {
	return gatewayFault(path, "90018", "应用调用该接口的频率过高，请求被暂时限制了，建议降低调用频率, apiPath("+apiName(path)+")")
}

// Crowded is error 90002 of the old API: all apps together call it too often,
// until that moment.
func Crowded(path string, from, until time.Time) Fault {
	const layout = "2006-01-02 15:04:05"
	return gatewayFault(path, "90002", fmt.Sprintf(
		"当前所有钉钉应用调用该接口次数过多，超出了该接口承受的最大qps，请求被暂时限制了，建议错开整点时刻调用该接口, apiPath(%s), 从 %s 到 %s 请求总次数超过 1200 次, 限制将在 %s 结束.",
		apiName(path), from.Format(layout), until.Format(layout), until.Add(time.Second).Format(layout)))
}

// QPSLimited is the new API's refusal of an app that calls too often.
func QPSLimited(path string) Fault { return answerFault(path, apiQPSLimited()) }

func apiQPSLimited() answer {
	return apiForbidden("QpsLimitForAppkeyAndApi", "您的服务器调用钉钉开放平台的当前接口的请求频率超过了每秒限制，请降低调用频率")
}

// BlockedPage is what an address gets that sent too many requests: a web page.
func BlockedPage() Fault {
	return Fault{
		Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body: "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>405</title></head><body><h1>很抱歉，由于您访问的URL有可能对网站造成安全威胁，您的访问被阻断。</h1></body></html>\n",
	}
}

// BlockedWait is the other form of BlockedPage.
func BlockedWait() Fault {
	return Fault{
		Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json;charset=utf-8"}},
		Body: `{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"9f0c6d1e2b7a4c55"}`,
	}
}

// Busy is errcode -1 of the old API: try again, at most three times.
func Busy(path string) Fault { return answerFault(path, topError(-1, "系统繁忙")) }

func gatewayFault(path, code, message string) Fault {
	return answerFault(path, gatewayError(code, message, ""))
}

func answerFault(path string, a answer) Fault {
	return Fault{Prefix: path, Status: a.status, Header: a.header, Body: string(a.body)}
}

// apiName is what the old gateway calls a path.
func apiName(path string) string {
	return "dingtalk.oapi." + strings.ReplaceAll(strings.TrimPrefix(path, "/topapi/"), "/", ".")
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
	a := answer{status: f.Status, header: f.Header, body: []byte(f.Body)}
	if f.Status == 0 && f.Body == "" {
		a = t.record(r)
		maps.Copy(a.header, f.Header)
	} else if f.Status == 0 {
		a.status = http.StatusOK
	}
	if !f.Truncate {
		a.write(w)
		return
	}
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(w).Flush() // so that the half really leaves
	panic(http.ErrAbortHandler)
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

// window counts calls of one app to one API within one second.
type window struct{ second, calls int64 }

// tooFast counts a call and says whether the app exceeds its own limit.
func (t *Twin) tooFast(app *App, path string, now time.Time) bool {
	if app.QPS <= 0 {
		return false
	}
	key := app.Key + " " + path
	w := t.windows[key]
	if w.second != now.Unix() {
		w = window{second: now.Unix()}
	}
	w.calls++
	t.windows[key] = w
	return w.calls > int64(app.QPS)
}
