package dingtalk

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const somewhereKey = "1234567890123456789012345678901234567890123"

// dial opens a Stream as an app does, and reads past what the gateway says first.
func (b *bench) dial(ctx context.Context) *websocket.Conn {
	b.t.Helper()
	body := `{"clientId":"` + DemoAppKey + `","clientSecret":"` + DemoAppSecret + `","subscriptions":[{"type":"EVENT","topic":"*"}]}`
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/v1.0/gateway/connections/open", strings.NewReader(body))
	b.must(err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	opened := b.do(r)
	endpoint, _ := opened.json["endpoint"].(string)
	ticket, _ := opened.json["ticket"].(string)
	conn, _, err := websocket.Dial(ctx, endpoint+"?ticket="+ticket, nil)
	b.must(err)
	b.t.Cleanup(func() { _ = conn.CloseNow() })
	if _, answer, err := websocket.Dial(ctx, endpoint+"?ticket="+ticket, nil); err == nil || answer == nil || answer.StatusCode != http.StatusUnauthorized {
		b.t.Errorf("a ticket was good twice: %v", err)
	}
	for _, topic := range []string{"connected", "ping"} {
		if f := b.frame(ctx, conn); f.Type != "SYSTEM" || f.Headers["topic"] != topic {
			b.t.Errorf("%+v, want %s", f, topic)
		}
	}
	return conn
}

type streamFrame struct {
	Type    string            `json:"type"`
	Headers map[string]string `json:"headers"`
	Data    string            `json:"data"`
}

func (b *bench) frame(ctx context.Context, conn *websocket.Conn) streamFrame {
	b.t.Helper()
	_, data, err := conn.Read(ctx)
	b.must(err)
	var f streamFrame
	b.must(json.Unmarshal(data, &f))
	return f
}

func (b *bench) reply(ctx context.Context, conn *websocket.Conn, f streamFrame, body string) {
	b.t.Helper()
	b.must(conn.Write(ctx, websocket.MessageText, []byte(strings.ReplaceAll(body, "ID", f.Headers["messageId"]))))
}

func TestStream_PushesUntilAcknowledged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.redeliver = 10 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn := b.dial(ctx)
	b.must(b.RemoveUser(DemoCorpID, "bob", ""))
	first := b.frame(ctx, conn)
	if first.Headers["eventType"] != "user_leave_org" || first.Headers["eventCorpId"] != DemoCorpID || !strings.Contains(first.Data, `"userId":["bob"]`) {
		t.Errorf("%+v", first)
	}
	b.reply(ctx, conn, first, `{"code":500,"headers":{"messageId":"ID"},"message":"LATER","data":"{\"status\":\"LATER\"}"}`)
	again := b.frame(ctx, conn)
	if again.Headers["messageId"] != first.Headers["messageId"] || again.Headers["eventId"] != first.Headers["eventId"] {
		t.Errorf("%+v is not what came before", again)
	}
	b.reply(ctx, conn, again, `{"code":200,"headers":{"messageId":"ID"},"message":"OK","data":"{\"status\":\"SUCCESS\",\"message\":\"ok\"}"}`)
	b.must(b.WaitTaken(ctx, DemoAppKey))
	b.must(b.EndStreams(DemoAppKey, "upgrade"))
	for {
		f := b.frame(ctx, conn)
		if f.Type == "SYSTEM" && f.Headers["topic"] == "disconnect" && f.Data == `{"reason":"upgrade"}` {
			break
		}
		if f.Type == "SYSTEM" {
			t.Fatalf("%+v", f)
		}
	}
	b.DropStreams(DemoAppKey)
	b.must(b.WaitStreams(ctx, DemoAppKey, 0))
}

func TestStream_AnswersInXMLUnlessAskedForJSON(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.post("/v1.0/gateway/connections/open", map[string]any{
		"clientId": DemoAppKey, "clientSecret": DemoAppSecret, "subscriptions": []map[string]string{{"type": "EVENT", "topic": "*"}},
	})
	if !strings.HasPrefix(r.text, "<") {
		t.Errorf("%s", r.text)
	}
	if r := b.post("/v1.0/gateway/connections/open", map[string]string{"clientId": DemoAppKey, "clientSecret": "wrong"}); r.status != http.StatusBadRequest {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// What an address does not answer as it must is sent again, then kept in a list.
func TestCallback_ThatIsNotTaken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.again = []time.Duration{time.Millisecond, time.Millisecond}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	bodies := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
		_, _ = io.WriteString(w, `{"msg_signature":"x"}`)
	}))
	defer srv.Close()
	at := Callback{URL: srv.URL, Token: "123456", Key: somewhereKey}
	if err := b.Subscribe(ctx, DemoAppKey, at); err == nil {
		t.Error("an address that does not answer was saved")
	}
	b.must(b.UpdateApp(DemoAppKey, func(a *App) { a.Callback = at }))
	b.must(b.RemoveUser(DemoCorpID, "bob", ""))
	b.must(b.WaitFailed(ctx, DemoAppKey, 1))
	if n := len(bodies); n != 1+3 { // check_url, and the event three times
		t.Errorf("sent %d times", n)
	}
	r := b.get("/call_back/get_call_back_failed_result?access_token=" + b.appToken())
	if !strings.Contains(r.text, `"call_back_tag":"user_leave_org"`) || !strings.Contains(r.text, `"bob"`) {
		t.Errorf("%s", r.text)
	}
	if r := b.get("/call_back/get_call_back_failed_result?access_token=" + b.appToken()); !strings.Contains(r.text, `"failed_list":[]`) {
		t.Errorf("told twice: %s", r.text)
	}
}

// The values are those of DingTalk's own documentation.
func TestCallback_Encryption(t *testing.T) {
	t.Parallel()
	c, err := newCrypt(Callback{Token: "123456", Key: somewhereKey})
	if err != nil {
		t.Fatal(err)
	}
	const encrypted = "YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA=="
	if got := c.signature("1614767836", "A7Co0cJLMzIDtMMI", encrypted); got != "9a95a004dd16f5c307e849b994173f76aa26e5eb" {
		t.Errorf("signature %s", got)
	}
	if word, err := c.decrypt(encrypted, "dingsnotzck6pm5veliw"); err != nil || word != "success" {
		t.Errorf("%q, %v", word, err)
	}
	if _, err := c.decrypt(encrypted, "dinganother"); err == nil {
		t.Error("another app's answer was taken")
	}
}
