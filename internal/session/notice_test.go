package session

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/mail"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// visit asks for a page with a session and the browser's lasting cookie, and
// gives what that cookie is afterwards.
func (w *world) visit(token, device string) string {
	w.t.Helper()
	r := w.with(token)
	if device != "" {
		r.AddCookie(&http.Cookie{Name: w.name(deviceCookie), Value: device})
	}
	rec := httptest.NewRecorder()
	w.Remember(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for range 2 {
			if _, _, err := w.Current(r); err != nil {
				w.t.Errorf("not signed in: %v", err)
			}
		}
	})).ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		if c.Name == w.name(deviceCookie) {
			if !c.HttpOnly || c.MaxAge != deviceAge || c.Secure != w.Secure {
				w.t.Errorf("cookie %v", c)
			}
			device = c.Value
		}
	}
	return device
}

// letters are the mails that wait to be sent.
func (w *world) letters() (all []mail.Message) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		all = nil
		jobs, err := tx.Jobs("mail.send", "waiting", store.Cursor{Limit: 200})
		for _, j := range jobs.Items {
			var args struct{ Mail string }
			var m mail.Message
			if err := json.Unmarshal(j.Args, &args); err != nil {
				return err
			}
			row, err := tx.Mail(args.Mail)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(row.Message, &m); err != nil {
				return err
			}
			all = append(all, m)
		}
		return err
	})
	return all
}

func (w *world) verified() {
	w.update(func(tx *store.Tx) error {
		w.user.Email, w.user.EmailVerified, w.user.Locale = "alice@example.com", true, "zh-CN"
		return tx.SaveUser(&w.user)
	})
}

func TestANewBrowserIsTold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, &Manager{Secure: true, URL: "https://id.example.com"})
		w.verified()
		first, _ := w.begin(Start{Method: "federated", UserAgent: "Mozilla/5.0 (X11; Linux) Firefox/140"})
		device := w.visit(first, "")
		if len(device) != 43 || len(w.letters()) != 0 {
			t.Fatalf("the first browser of all is no news: %v", w.letters())
		}
		again, _ := w.begin(Start{Method: "federated"})
		if got := w.visit(again, device); got != device || len(w.letters()) != 0 {
			t.Errorf("a browser that is known is no news: %v", w.letters())
		}
		at := time.Date(2026, 3, 1, 7, 30, 0, 0, time.UTC) // there, long before
		stolen, made := w.begin(Start{Method: "federated", UserAgent: "Mozilla/5.0 (iPhone) Safari/605", Address: "203.0.113.9", AuthAt: at})
		other := w.visit(stolen, "")
		w.visit(stolen, "")    // also without the cookie: once a session
		w.visit(stolen, other) // and with it
		all := w.letters()
		if len(all) != 1 || all[0].To != "alice@example.com" || all[0].Locale != "zh-CN" || all[0].Link != "https://id.example.com/user/security" {
			t.Fatalf("told: %+v", all)
		}
		said := all[0].Body[0].Sentence()
		for _, want := range []string{"@alice", "203.0.113.9", "Safari", "iPhone", made.CreatedAt.UTC().Format("2006-01-02 15:04:05 UTC")} {
			if !strings.Contains(said, want) {
				t.Errorf("the mail does not say %q: %s", want, said)
			}
		}
		w.update(func(tx *store.Tx) error {
			page, err := tx.Events(store.EventFilter{Action: "session.new_browser"}, store.Cursor{})
			if len(page.Items) != 1 || page.Items[0].Target != "session/"+made.ID {
				t.Errorf("audit log: %+v", page.Items)
			}
			return err
		})
	})
}

// TestTwoRequestsAtOnceAreOneBrowser: a page and what it loads come at the same
// time, and the browser has no cookie yet.
func TestTwoRequestsAtOnceAreOneBrowser(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, &Manager{})
		w.verified()
		first, _ := w.begin(Start{Method: "federated"})
		w.visit(first, "")
		second, _ := w.begin(Start{Method: "federated"})
		got := make([]string, 8)
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() { got[i] = w.visit(second, "") })
		}
		all.Wait()
		cookies := 0
		for _, device := range got {
			if device != "" {
				cookies++
			}
		}
		if cookies != 1 || len(w.letters()) != 1 {
			t.Errorf("%d cookies, %d mails", cookies, len(w.letters()))
		}
	})
}

func TestNobodyIsToldWhoseAddressIsNotVerified(t *testing.T) {
	t.Parallel()
	w, _ := timed(t, &Manager{})
	w.update(func(tx *store.Tx) error {
		w.user.Email = "somebody@example.com"
		return tx.SaveUser(&w.user)
	})
	for range 2 {
		token, _ := w.begin(Start{Method: "federated"})
		w.visit(token, "")
	}
	if all := w.letters(); len(all) != 0 {
		t.Errorf("told: %+v", all)
	}
}
