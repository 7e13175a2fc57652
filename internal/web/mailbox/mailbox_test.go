package mailbox

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/jobs"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/web/ui"
)

// serve is a mailbox with one mail.
func serve(t *testing.T) http.Handler {
	t.Helper()
	s := storetest.Open(t)
	m := &mail.Mailer{Store: s, URL: "http://127.0.0.1:8080", Mailbox: true}
	done := make(chan string, 8)
	r := &jobs.Runner{Store: s, Observe: func(_, outcome string, _ time.Duration) { done <- outcome }}
	m.Register(r)
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		return mail.Send(tx, mail.Message{
			To: "a@example.com", Subject: gatehouse.Note{Text: "<b>%s</b>", Args: []any{"Subject"}},
			Body: []gatehouse.Note{{Text: "<script>alert(1)</script>"}}, Link: "http://127.0.0.1:8080/user/verify?token=x", Button: gatehouse.Note{Text: "Go"},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	if got := <-done; got != "done" {
		t.Fatalf("the mail was %s", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	u := &ui.UI{}
	(&Mailbox{UI: u, Mail: m, Host: "127.0.0.1:8080"}).Mount(mux)
	return u.Middleware(mux)
}

func get(h http.Handler, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	h := serve(t)
	list := get(h, "127.0.0.1:8080", Path)
	link := regexp.MustCompile(Path + `/[0-9a-f-]{36}`).FindString(list.Body.String())
	if list.Code != http.StatusOK || link == "" || !strings.Contains(list.Body.String(), "a@example.com") {
		t.Fatalf("%d\n%s", list.Code, list.Body)
	}
	one := get(h, "127.0.0.1:8080", link)
	if !strings.Contains(one.Body.String(), "/user/verify?token=x") || strings.Contains(one.Body.String(), "<script") {
		t.Errorf("%d\n%s", one.Code, one.Body)
	}
	html := get(h, "127.0.0.1:8080", link+"/html")
	if p := html.Header().Get("Content-Security-Policy"); !strings.Contains(p, "sandbox") || strings.Contains(p, "script-src") || strings.Contains(html.Body.String(), "<script") {
		t.Errorf("%s\n%s", p, html.Body)
	}
	if r := get(h, "127.0.0.1:8080", Path+"/nothing"); r.Code != http.StatusNotFound {
		t.Errorf("an unknown mail: %d", r.Code)
	}
}

// TestOnlyUnderItsOwnName: a site whose name was made to lead to this machine
// cannot have a browser read the links.
func TestOnlyUnderItsOwnName(t *testing.T) {
	t.Parallel()
	h := serve(t)
	for _, path := range []string{Path, Path + "/x", Path + "/x/html"} {
		if r := get(h, "evil.example:8080", path); r.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.Code)
		}
	}
}
