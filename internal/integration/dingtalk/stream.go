package dingtalk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"

	"gatehouse"
	"gatehouse/internal/outgoing"
)

// stream hears of changes by DingTalk's Stream: a connection that we open, so
// that DingTalk need not reach us. Source: open-dingtalk/developerpedia,
// "Stream protocol".
type stream struct {
	source *Source
	pulse  time.Duration // how often to see whether the other side is there
}

const (
	streamPulse  = 45 * time.Second
	streamAnswer = 15 * time.Second // for one write, and for the answer to a pulse
	longestFrame = 1 << 20
)

// frame is one message of a stream; its data is JSON in a text.
type frame struct {
	SpecVersion string            `json:"specVersion,omitempty"`
	Type        string            `json:"type"`
	Headers     map[string]string `json:"headers"`
	Data        string            `json:"data"`
}

// reply answers a frame.
type reply struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Headers map[string]string `json:"headers"`
	Data    string            `json:"data"`
}

// Listen keeps one connection open, and opens the next one when DingTalk says
// that it will close this one. It ends with an error when a connection breaks.
func (f *stream) Listen(ctx context.Context, deliver func(context.Context, gatehouse.Notice) error) error {
	for {
		if err := f.once(ctx, deliver); err != nil {
			return err
		}
	}
}

// once listens to one connection; nil means that another is to be opened.
func (f *stream) once(ctx context.Context, deliver func(context.Context, gatehouse.Notice) error) error {
	address, err := f.register(ctx)
	if err != nil {
		return words(err)
	}
	conn, answer, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: f.source.client.env.HTTP})
	if answer != nil && answer.Body != nil {
		_ = answer.Body.Close()
	}
	if err != nil {
		return unreachable(err)
	}
	defer conn.CloseNow() //nolint:errcheck // it is over
	conn.SetReadLimit(longestFrame)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go f.feelPulse(ctx, cancel, conn)
	for {
		more, err := f.next(ctx, conn, deliver)
		switch cause := context.Cause(ctx); {
		case err != nil && cause != nil && !errors.Is(cause, context.Canceled):
			return broken(cause)
		case err != nil:
			return broken(err)
		case !more:
			_ = conn.Close(websocket.StatusNormalClosure, "")
			return nil
		}
	}
}

func broken(err error) error {
	var own *gatehouse.Error
	if errors.As(err, &own) {
		return own
	}
	return gatehouse.Errorf(gatehouse.Unavailable, "The connection to DingTalk's Stream broke off. It is opened again.").Because(err)
}

// register asks where to connect to, with a ticket that is good once.
func (f *stream) register(ctx context.Context) (string, error) {
	var answer struct {
		Endpoint string `json:"endpoint"`
		Ticket   string `json:"ticket"`
	}
	s := f.source
	err := s.client.post(ctx, s.settings.api+"/v1.0/gateway/connections/open", map[string]any{
		"clientId": s.settings.key, "clientSecret": s.settings.secret, "ua": "gatehouse",
		"subscriptions": []map[string]string{{"type": "EVENT", "topic": "*"}, {"type": "SYSTEM", "topic": "disconnect"}},
	}, &answer)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(answer.Endpoint)
	secure := err == nil && u.Scheme == "wss"
	plain := err == nil && u.Scheme == "ws" && strings.HasPrefix(s.settings.api, "http://")
	if (!secure && !plain) || u.Host == "" || answer.Ticket == "" {
		return "", unusable(errors.New("no address to connect to in the answer"))
	}
	q := u.Query()
	q.Set("ticket", answer.Ticket)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// feelPulse ends the connection when the other side does not answer any more.
func (f *stream) feelPulse(ctx context.Context, cancel context.CancelCauseFunc, conn *websocket.Conn) {
	for {
		if sleep(ctx, f.pulse) != nil {
			return
		}
		beat, done := context.WithTimeout(ctx, streamAnswer)
		err := conn.Ping(beat)
		done()
		if err != nil {
			cancel(fmt.Errorf("no answer to a ping: %w", err))
			return
		}
	}
}

// next reads and answers one frame. more is false when DingTalk will close the
// connection.
func (f *stream) next(ctx context.Context, conn *websocket.Conn, deliver func(context.Context, gatehouse.Notice) error) (more bool, err error) {
	_, data, err := conn.Read(ctx)
	if err != nil {
		return false, err
	}
	var in frame
	if err := json.Unmarshal(data, &in); err != nil {
		f.source.client.env.Log.Warn("DingTalk's Stream sent what is no frame", "length", len(data))
		return true, nil
	}
	switch {
	case in.Type == "SYSTEM" && in.Headers["topic"] == "disconnect":
		return false, nil
	case in.Type == "SYSTEM" && in.Headers["topic"] == "ping":
		return true, answerFrame(ctx, conn, in, http.StatusOK, "OK", in.Data)
	case in.Type != "EVENT":
		return true, answerFrame(ctx, conn, in, http.StatusNotFound, "not found", "{}")
	}
	if err := f.event(ctx, in, deliver); err != nil {
		if ctx.Err() != nil {
			return false, err
		}
		f.source.client.env.Log.Warn("an event of DingTalk was not taken; it comes again", "error", err)
		return true, answerFrame(ctx, conn, in, http.StatusInternalServerError, "LATER", `{"status":"LATER","message":"later"}`)
	}
	return true, answerFrame(ctx, conn, in, http.StatusOK, "OK", `{"status":"SUCCESS","message":"ok"}`)
}

// event delivers what an event is about. An event that cannot be read is
// acknowledged all the same: it would only come again.
func (f *stream) event(ctx context.Context, in frame, deliver func(context.Context, gatehouse.Notice) error) error {
	e, err := readEvent([]byte(in.Data))
	if err != nil {
		f.source.client.env.Log.Warn("an event of DingTalk cannot be read", "event", in.Headers["eventType"], "error", outgoing.Redact(err))
		return nil
	}
	for name, to := range map[string]*string{"eventType": &e.Kind, "eventId": &e.ID, "eventCorpId": &e.Company} {
		if v := in.Headers[name]; v != "" {
			*to = v
		}
	}
	for _, n := range e.notices(f.source.settings.company, []byte(in.Data)) {
		if err := deliver(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func answerFrame(ctx context.Context, conn *websocket.Conn, in frame, code int, message, data string) error {
	body, err := json.Marshal(reply{
		Code: code, Message: message, Data: data,
		Headers: map[string]string{"messageId": in.Headers["messageId"], "contentType": "application/json"},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, streamAnswer)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, body)
}
