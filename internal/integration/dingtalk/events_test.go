package dingtalk

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	twin "gatehouse/internal/twin/dingtalk"
)

const (
	someToken = "123456"
	someKey   = "1234567890123456789012345678901234567890123"
)

// The values are those of DingTalk's own documentation of the encryption
// (open.dingtalk.com, "HTTP push of events").
func TestEnvelopeOfTheDocumentation(t *testing.T) {
	t.Parallel()
	e, err := newEnvelope(callbackSecrets{someToken, someKey})
	if err != nil {
		t.Fatal(err)
	}
	const encrypted = "YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA=="
	if got := e.sign("1614767836", "A7Co0cJLMzIDtMMI", encrypted); got != "9a95a004dd16f5c307e849b994173f76aa26e5eb" {
		t.Errorf("signature %s", got)
	}
	message, owner, err := e.open(encrypted)
	if err != nil || string(message) != "success" || owner != "dingsnotzck6pm5veliw" {
		t.Errorf("%q of %q, %v", message, owner, err)
	}
	for length := range 70 { // every padding there is
		text := strings.Repeat("x", length)
		sealed, err := e.seal([saltBytes]byte{1}, []byte(text), "owner")
		if err != nil {
			t.Fatal(err)
		}
		message, owner, err := e.open(sealed)
		if err != nil || string(message) != text || owner != "owner" {
			t.Errorf("%d: %q of %q, %v", length, message, owner, err)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	e, err := newEnvelope(callbackSecrets{someToken, someKey})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA==")
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, encrypted string) {
		message, owner, err := e.open(encrypted)
		if err == nil && len(message)+len(owner) > len(encrypted) {
			t.Errorf("%d bytes came out of %d", len(message)+len(owner), len(encrypted))
		}
	})
}

func TestEventsAreNotices(t *testing.T) {
	t.Parallel()
	account := func(id, subject, event string) gatehouse.Notice {
		return gatehouse.Notice{ID: id + "/" + subject, Kind: gatehouse.NoticeAccount, Subject: subject, Event: event}
	}
	many := `"` + strings.Repeat(`x","`, mostSubjects) + `x"`
	for name, c := range map[string]struct {
		body string
		want []gatehouse.Notice
	}{
		"WithCapitals":     {`{"CorpId":"dingA","EventType":"user_leave_org","UserId":["0134"],"OptStaffId":"0113","eventId":"e1","TimeStamp":"1645077203219"}`, []gatehouse.Notice{account("e1", "0134", "user_leave_org")}},
		"WithoutCapitals":  {`{"EventType":"user_add_org","EventTime":1663143335567,"CorpId":"dingA","BizId":"b","eventId":"e2","timeStamp":"1685501863357","userId":["a","b","a",""]}`, []gatehouse.Notice{account("e2", "a", "user_add_org"), account("e2", "b", "user_add_org")}},
		"Departments":      {`{"eventId":"e3","CorpId":"dingA","EventType":"org_dept_create","DeptId":[600582447,"7",-1,"x"]}`, []gatehouse.Notice{{ID: "e3/department/600582447", Kind: gatehouse.NoticeResource, Subject: "department/600582447", Event: "org_dept_create"}, {ID: "e3/department/7", Kind: gatehouse.NoticeResource, Subject: "department/7", Event: "org_dept_create"}}},
		"AnotherCompany":   {`{"eventId":"e4","CorpId":"dingB","EventType":"user_leave_org","userId":["a"]}`, nil},
		"TheCompanyItself": {`{"eventId":"e5","CorpId":"dingA","EventType":"org_change"}`, []gatehouse.Notice{{ID: "e5", Kind: gatehouse.NoticeAll, Event: "org_change"}}},
		"NotAboutPeople":   {`{"eventId":"e6","CorpId":"dingA","EventType":"label_conf_add"}`, nil},
		"TheAddressIsTold": {`{"EventType":"check_url"}`, nil},
		"TooMany":          {`{"eventId":"e7","EventType":"user_modify_org","userId":[` + many + `]}`, []gatehouse.Notice{{ID: "e7", Kind: gatehouse.NoticeAll, Event: "user_modify_org"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := readEvent([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, e.notices("dingA", []byte(c.body))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("WithoutAnIDOneIsMade", func(t *testing.T) {
		t.Parallel()
		one := event{Kind: "user_leave_org", People: []flexible{"a"}}
		first, again, other := one.notices("", []byte("1")), one.notices("", []byte("1")), one.notices("", []byte("2"))
		if first[0].ID != again[0].ID || first[0].ID == other[0].ID || first[0].ID == "/a" {
			t.Errorf("%q, %q, %q", first[0].ID, again[0].ID, other[0].ID)
		}
	})
}

// listener opens a connector that takes callbacks.
func (o *office) listener() integration.Receiver {
	o.Helper()
	c := o.connector(map[string]string{"mode": "callback"})
	c.Secrets = map[string]string{"callback_token": someToken, "callback_aes_key": someKey}
	got, err := Kind().OpenConnector(c, integration.Env{HTTP: http.DefaultClient, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		o.Fatal(err)
	}
	return got.Receiver
}

// DingTalk's stand-in saves the address, and sends what happens to it.
func TestCallbacksOfDingTalk(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	r := o.listener()
	heard := make(chan gatehouse.Notice, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		answer, notices, err := r.Receive(req.Context(), integration.Delivery{Header: req.Header, Query: req.URL.Query(), Body: body})
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for _, n := range notices {
			heard <- n
		}
		w.Header().Set("Content-Type", answer.ContentType)
		_, _ = w.Write(answer.Body)
	}))
	defer srv.Close()
	wrong := twin.Callback{URL: srv.URL, Token: "another", Key: someKey}
	if err := o.twin.Subscribe(t.Context(), twin.DemoAppKey, wrong); err == nil {
		t.Error("an address with another token was saved")
	}
	o.must(o.twin.Subscribe(t.Context(), twin.DemoAppKey, twin.Callback{URL: srv.URL, Token: someToken, Key: someKey}))
	o.must(o.twin.RemoveUser(twin.DemoCorpID, "bob", ""))
	n := <-heard
	if n.Kind != gatehouse.NoticeAccount || n.Subject != "bob" || n.Event != "user_leave_org" || !strings.HasSuffix(n.ID, "/bob") {
		t.Errorf("%+v", n)
	}
	o.must(o.twin.AddDepartment(twin.DemoCorpID, twin.Department{ID: 77, Name: "New"}))
	if n := <-heard; n.Kind != gatehouse.NoticeResource || n.Subject != "department/77" {
		t.Errorf("%+v", n)
	}
}

func TestCallbacksOfStrangersAreRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	r := o.listener()
	e, err := newEnvelope(callbackSecrets{someToken, someKey})
	o.must(err)
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	seal := func(owner, message string) string {
		sealed, err := e.seal([saltBytes]byte{7}, []byte(message), owner)
		o.must(err)
		return sealed
	}
	good := seal(twin.DemoAppKey, `{"EventType":"user_leave_org","userId":["a"],"eventId":"e"}`)
	otherKey, err := newEnvelope(callbackSecrets{someToken, strings.Repeat("a", 43)})
	o.must(err)
	elsewhere, err := otherKey.seal([saltBytes]byte{}, []byte(`{}`), twin.DemoAppKey)
	o.must(err)
	old := strconv.FormatInt(time.Now().Add(-time.Hour).UnixMilli(), 10)
	for name, c := range map[string]struct {
		encrypted, timestamp, signature string // signature "": the right one
		body                            string // "": the encrypted one
		kind                            gatehouse.ErrorKind
	}{
		"Right":            {encrypted: good, timestamp: now},
		"InSeconds":        {encrypted: good, timestamp: strconv.FormatInt(time.Now().Unix(), 10)},
		"WrongSignature":   {encrypted: good, timestamp: now, signature: strings.Repeat("0", 40), kind: gatehouse.Unauthorized},
		"NoSignature":      {encrypted: good, timestamp: now, signature: "-", kind: gatehouse.Unauthorized},
		"PlayedAgainLater": {encrypted: good, timestamp: old, kind: gatehouse.Expired},
		"NoTime":           {encrypted: good, timestamp: "", kind: gatehouse.Expired},
		"OfAnotherApp":     {encrypted: seal("dingother", `{}`), timestamp: now, kind: gatehouse.Unauthorized},
		"OfAnotherKey":     {encrypted: elsewhere, timestamp: now, kind: gatehouse.Unauthorized},
		"NotBase64":        {encrypted: "***", timestamp: now, kind: gatehouse.Unauthorized},
		"NotWholeBlocks":   {encrypted: "AAAA", timestamp: now, kind: gatehouse.Unauthorized},
		"NotJSONInside":    {encrypted: seal(twin.DemoAppKey, `<xml>`), timestamp: now, kind: gatehouse.Invalid},
		"NotJSON":          {body: "hello", timestamp: now, kind: gatehouse.Invalid},
		"Empty":            {body: "{}", timestamp: now, kind: gatehouse.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.signature == "" {
				c.signature = e.sign(c.timestamp, "n", c.encrypted)
			}
			if c.body == "" {
				c.body = `{"encrypt":"` + c.encrypted + `"}`
			}
			q := url.Values{"timestamp": {c.timestamp}, "nonce": {"n"}, "signature": {c.signature}}
			answer, notices, err := r.Receive(t.Context(), integration.Delivery{Query: q, Body: []byte(c.body)})
			if gatehouse.KindOf(err) != c.kind {
				t.Fatalf("%v, want %q", err, c.kind)
			}
			if c.kind != "" && (len(notices) > 0 || answer.Body != nil) {
				t.Errorf("%+v and %+v all the same", notices, answer)
			}
			if c.kind == "" && len(notices) != 1 {
				t.Errorf("notices %+v", notices)
			}
		})
	}
}

// ear is a Stream with what it delivered.
type ear struct {
	heard chan gatehouse.Notice
	ended chan error
	known map[string]bool // ids of what next gave

	mu     sync.Mutex
	refuse int // deliveries to fail
}

// listen opens the Stream of an office and waits until it is connected.
func (o *office) listen() *ear {
	o.Helper()
	e := &ear{heard: make(chan gatehouse.Notice, 100), ended: make(chan error, 1), known: map[string]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	f := &stream{source: o.source, pulse: 20 * time.Millisecond}
	go func() {
		e.ended <- f.Listen(ctx, func(_ context.Context, n gatehouse.Notice) error {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.refuse > 0 {
				e.refuse--
				return errors.New("the database is away")
			}
			e.heard <- n
			return nil
		})
		close(e.ended)
	}()
	o.Cleanup(func() { cancel(); <-e.ended })
	o.connected(1)
	return e
}

func (o *office) connected(n int) {
	o.Helper()
	ctx, cancel := context.WithTimeout(o.Context(), 20*time.Second)
	defer cancel()
	o.must(o.twin.WaitStreams(ctx, twin.DemoAppKey, n))
}

func (o *office) taken() {
	o.Helper()
	ctx, cancel := context.WithTimeout(o.Context(), 20*time.Second)
	defer cancel()
	o.must(o.twin.WaitTaken(ctx, twin.DemoAppKey))
}

// next is the next notice that was not heard before: what was on its way when a
// connection was lost comes again, under its id.
func (e *ear) next() gatehouse.Notice {
	for n := range e.heard {
		if !e.known[n.ID] {
			e.known[n.ID] = true
			return n
		}
	}
	return gatehouse.Notice{}
}

func TestStreamHears(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	e := o.listen()
	o.must(o.twin.MoveUser(twin.DemoCorpID, "bob", twin.DemoSales))
	if n := e.next(); n.Subject != "bob" || n.Event != "user_modify_org" || n.Kind != gatehouse.NoticeAccount {
		t.Errorf("%+v", n)
	}
	o.must(o.twin.AddDepartment(twin.DemoCorpID, twin.Department{ID: 77, Name: "New"}))
	o.must(o.twin.RemoveDepartment(twin.DemoCorpID, 77))
	for _, event := range []string{"org_dept_create", "org_dept_remove"} {
		if n := e.next(); n.Subject != "department/77" || n.Event != event || n.Kind != gatehouse.NoticeResource {
			t.Errorf("%+v", n)
		}
	}
	o.taken()
}

// unknown counts what lies there and is not what next gave already.
func (e *ear) unknown() (n int) {
	for {
		select {
		case got := <-e.heard:
			if !e.known[got.ID] {
				n++
			}
		default:
			return n
		}
	}
}

// What could not be kept is not acknowledged, and comes again under the same id.
func TestStreamAcknowledgesOnlyWhatIsKept(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	e := o.listen()
	e.mu.Lock()
	e.refuse = 2
	e.mu.Unlock()
	o.must(o.twin.RemoveUser(twin.DemoCorpID, "bob", ""))
	if n := e.next(); n.Subject != "bob" {
		t.Errorf("%+v", n)
	}
	o.taken()
	e.mu.Lock()
	defer e.mu.Unlock()
	if more := e.unknown(); e.refuse != 0 || more != 0 {
		t.Errorf("refusals left %d, heard %d more", e.refuse, more)
	}
}

func TestStreamOpensAnotherConnectionWhenToldTo(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	e := o.listen()
	o.must(o.twin.EndStreams(twin.DemoAppKey, "upgrade"))
	for o.twin.Requests()["/v1.0/gateway/connections/open"] < 2 {
		o.connected(0)
		o.connected(1)
	}
	o.must(o.twin.RemoveUser(twin.DemoCorpID, "bob", ""))
	if n := e.next(); n.Subject != "bob" {
		t.Errorf("%+v", n)
	}
}

func TestStreamSaysThatItBrokeOff(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	e := o.listen()
	o.twin.DropStreams(twin.DemoAppKey)
	if err := <-e.ended; gatehouse.KindOf(err) != gatehouse.Unavailable {
		t.Errorf("%v", err)
	}
	// What happens meanwhile waits for the next one who listens.
	o.connected(0)
	o.must(o.twin.RemoveUser(twin.DemoCorpID, "bob", ""))
	e = o.listen()
	if n := e.next(); n.Subject != "bob" {
		t.Errorf("%+v", n)
	}
}

func TestStreamIsNotOpenedAnywhere(t *testing.T) {
	t.Parallel()
	const open = "/v1.0/gateway/connections/open"
	for name, c := range map[string]struct {
		answer twin.Fault
		kind   gatehouse.ErrorKind
	}{
		"NoTicket":     {twin.Fault{Body: `{"endpoint":"wss://wss-open-connection.dingtalk.com/connect"}`}, gatehouse.Upstream},
		"NoSocket":     {twin.Fault{Body: `{"endpoint":"https://x.example/","ticket":"t"}`}, gatehouse.Upstream},
		"XML":          {twin.Fault{Body: `<r/>`}, gatehouse.Upstream},
		"OldTicket":    {twin.Fault{Body: `{"endpoint":"ws://HOST/connect","ticket":"t"}`}, gatehouse.Unavailable},
		"WrongSecret":  {twin.Fault{Status: 400, Body: `{"code":"invalidClientIdOrSecret","message":"x"}`}, gatehouse.Unauthorized},
		"NotReachable": {twin.Fault{Reset: true}, gatehouse.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, nil)
			c.answer.Prefix, c.answer.Body = open, strings.ReplaceAll(c.answer.Body, "ws://HOST", "ws"+strings.TrimPrefix(o.url, "http"))
			o.twin.SetFaults(twin.Faults{List: []twin.Fault{c.answer}})
			err := (&stream{source: o.source, pulse: time.Minute}).Listen(t.Context(), nil)
			if gatehouse.KindOf(err) != c.kind {
				t.Errorf("%v, want %s", err, c.kind)
			}
		})
	}
}
