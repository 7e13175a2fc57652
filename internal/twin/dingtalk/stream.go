package dingtalk

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
)

const (
	ticketLife     = 90 * time.Second
	redeliver      = time.Minute
	disconnectTime = 10 * time.Second
)

// ticket lets one Stream connection in.
type ticket struct {
	app     string
	expires time.Time
}

// push is an event on its way to an app by Stream.
type push struct {
	event   event
	message string
	due     time.Time // when it may be sent again; zero: now
	times   int
}

// link is one open Stream connection.
type link struct {
	app  string
	conn *websocket.Conn
	end  context.CancelFunc
}

// streamRoutes are the paths of Stream that are answered like any other.
func (t *Twin) streamRoutes() []route {
	return []route{{"POST /v1.0/gateway/connections/open", t.openStream}}
}

// openStream gives a ticket for a connection.
func (t *Twin) openStream(c *call) answer {
	app := t.credentials(c.field("clientId"), c.field("clientSecret"))
	if app == nil {
		return badClient()
	}
	subscriptions, _ := c.json["subscriptions"].([]any)
	if len(subscriptions) == 0 {
		return apiMissing("subscriptions")
	}
	value := newUUID()
	t.tickets[value] = ticket{app.Key, c.now.Add(ticketLife)}
	endpoint := "ws" + strings.TrimPrefix(t.url, "http") + "/connect"
	if !strings.Contains(c.Header.Get("Accept"), "json") {
		return answer{
			status: http.StatusOK, header: http.Header{"Content-Type": {"application/xml;charset=utf-8"}},
			body: []byte("<OpenConnectionResponse><endpoint>" + endpoint + "</endpoint><ticket>" + value + "</ticket></OpenConnectionResponse>"),
		}
	}
	return apiOK(map[string]string{"endpoint": endpoint, "ticket": value})
}

// connect is the WebSocket itself. It does not run under the lock.
func (t *Twin) connect(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	value := r.URL.Query().Get("ticket")
	known, ok := t.tickets[value]
	delete(t.tickets, value)
	ok = ok && t.clock().Before(known.expires)
	t.mu.Unlock()
	if !ok {
		http.Error(w, "ticket is invalid", http.StatusUnauthorized)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has answered
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l := &link{app: known.app, conn: conn, end: cancel}
	t.mu.Lock()
	t.streamed[l.app] = true
	t.links = append(t.links, l)
	t.tell()
	t.mu.Unlock()
	go t.pushAll(ctx, l)
	t.hear(ctx, l)
	cancel()
	_ = conn.CloseNow()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.links = slices.DeleteFunc(t.links, func(other *link) bool { return other == l })
	t.tell()
}

// pushAll sends what is due, until the connection ends.
func (t *Twin) pushAll(ctx context.Context, l *link) {
	defer l.end()
	system := func(topic, data string) bool { return l.write(ctx, "SYSTEM", topic, secret(), nil, data) == nil }
	if !system("connected", `{"connected":true}`) || !system("ping", `{"opaque":"`+secret()+`"}`) {
		return
	}
	for {
		p, wait, news := t.dueFor(l.app)
		if p == nil {
			timer := time.NewTimer(wait)
			select {
			case <-news:
			case <-timer.C:
			case <-ctx.Done():
			case <-t.done:
				l.end()
			}
			timer.Stop()
			if ctx.Err() != nil {
				return
			}
			continue
		}
		if l.write(ctx, "EVENT", "*", p.message, &p.event, p.event.streamData()) != nil {
			return
		}
	}
}

// dueFor takes the next event that is to be sent to an app, or says how long to
// wait and what wakes before that.
func (t *Twin) dueFor(app string) (*push, time.Duration, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, wait := time.Now(), time.Minute
	for _, p := range t.outbox[app] {
		if p.due.After(now) {
			wait = min(wait, p.due.Sub(now))
			continue
		}
		p.due = now.Add(t.redeliver)
		p.times++
		out := *p
		return &out, 0, nil
	}
	return nil, wait, t.news
}

func (l *link) write(ctx context.Context, kind, topic, message string, e *event, data string) error {
	headers := map[string]string{
		"topic": topic, "messageId": message, "contentType": "application/json", "time": strconv.FormatInt(time.Now().UnixMilli(), 10),
	}
	if e != nil {
		headers["eventType"], headers["eventId"], headers["eventCorpId"] = e.Kind, e.ID, e.CorpID
		headers["eventBornTime"] = strconv.FormatInt(e.At.UnixMilli(), 10)
		headers["eventUnifiedAppId"] = derive(32, "unified", l.app)
	}
	body, err := json.Marshal(map[string]any{"specVersion": "1.0", "type": kind, "headers": headers, "data": data})
	if err != nil {
		return err
	}
	return l.conn.Write(ctx, websocket.MessageText, body)
}

// hear reads the answers of an app until the connection ends.
func (t *Twin) hear(ctx context.Context, l *link) {
	for {
		_, data, err := l.conn.Read(ctx)
		if err != nil {
			return
		}
		var a struct {
			Code    int               `json:"code"`
			Headers map[string]string `json:"headers"`
			Data    string            `json:"data"`
		}
		if json.Unmarshal(data, &a) != nil {
			continue
		}
		var d struct {
			Status string `json:"status"`
		}
		_ = json.Unmarshal([]byte(a.Data), &d)
		if a.Code == http.StatusOK && d.Status == "SUCCESS" {
			t.taken(l.app, a.Headers["messageId"])
		}
	}
}

// taken forgets an event that was acknowledged.
func (t *Twin) taken(app, message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outbox[app] = slices.DeleteFunc(t.outbox[app], func(p *push) bool { return p.message == message })
	t.tell()
}

// linksOf are the open connections of an app.
func (t *Twin) linksOf(app string) []*link {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []*link
	for _, l := range t.links {
		if l.app == app {
			all = append(all, l)
		}
	}
	return all
}

// DropStreams breaks all Stream connections of an app, without a word.
func (t *Twin) DropStreams(app string) {
	for _, l := range t.linksOf(app) {
		_ = l.conn.CloseNow()
	}
}

// EndStreams tells an app that its Stream connections are about to be closed, and
// closes those that are left ten seconds later.
func (t *Twin) EndStreams(app, reason string) error {
	data, err := json.Marshal(map[string]string{"reason": reason})
	if err != nil {
		return err
	}
	for _, l := range t.linksOf(app) {
		if err := l.write(context.Background(), "SYSTEM", "disconnect", secret(), nil, string(data)); err != nil {
			return err
		}
		time.AfterFunc(disconnectTime, func() { _ = l.conn.CloseNow() })
	}
	return nil
}

// WaitStreams returns when an app has that many Stream connections open.
func (t *Twin) WaitStreams(ctx context.Context, app string, n int) error {
	return t.await(ctx, func() bool {
		open := 0
		for _, l := range t.links {
			if l.app == app {
				open++
			}
		}
		return open == n
	})
}

// WaitTaken returns when an app has acknowledged every event that Stream had for
// it.
func (t *Twin) WaitTaken(ctx context.Context, app string) error {
	return t.await(ctx, func() bool { return len(t.outbox[app]) == 0 })
}

// WaitFailed returns when that many events could not be delivered by callback.
func (t *Twin) WaitFailed(ctx context.Context, app string, n int) error {
	return t.await(ctx, func() bool { return len(t.failed[app]) >= n })
}

// await returns when something is so, which is looked at under the lock.
func (t *Twin) await(ctx context.Context, so func() bool) error {
	for {
		t.mu.Lock()
		is, news := so(), t.news
		t.mu.Unlock()
		if is {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
