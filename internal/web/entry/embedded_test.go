package entry

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/integration"
)

// client vouches for the person whom its code names.
type client struct{}

func (client) Page() integration.EmbeddedPage {
	return integration.EmbeddedPage{Agent: "Vendor/", Script: "https://vendor.example/sdk.js", Call: "dingtalk", ClientID: "app-key"}
}

func (client) FinishEmbedded(_ context.Context, code string) (gatehouse.Vouched, error) {
	return provider{}.Finish(context.Background(), gatehouse.Attempt{}, url.Values{"code": {code}})
}

// indoors is a world whose connection "one" has a client of its own.
func indoors(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, one())
	w.sign.Apps.Kinds[0].OpenConnection = func(gatehouse.Connection, integration.Env) (integration.Door, error) {
		return integration.Door{Provider: provider{}, Embedded: client{}}, nil
	}
	return w
}

// as makes a browser say what it is.
func (b *browser) as(agent string) {
	inner := b.w.http
	b.w.http = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("User-Agent", agent)
		inner.ServeHTTP(w, r)
	})
}

var stateField = regexp.MustCompile(`name="state" value="([^"]+)"`)

func TestEmbeddedPage(t *testing.T) {
	t.Parallel()
	t.Run("SignsInInsideTheClient", func(t *testing.T) {
		t.Parallel()
		b := indoors(t).browser()
		b.as("Mozilla/5.0 Vendor/7")
		p := b.get("/sign-in/one/embedded?corpid=corp1&return_to=/user")
		csp := p.header.Get("Content-Security-Policy")
		if p.status != http.StatusOK || !strings.HasSuffix(csp, "script-src 'self' https://vendor.example/sdk.js") || strings.Contains(csp, "unsafe") {
			t.Errorf("%d, %s", p.status, csp)
		}
		for _, want := range []string{`src="https://vendor.example/sdk.js"`, `data-company="corp1"`, `data-client="app-key"`, `data-embedded="dingtalk"`, `<noscript>`} {
			if !strings.Contains(p.body, want) {
				t.Errorf("no %s in\n%s", want, p.body)
			}
		}
		if first := strings.Index(p.body, "<form"); !strings.HasPrefix(p.body[first:], `<form method="post" action="/sign-in/one"`) {
			t.Error("the first form is not the usual way")
		}
		m := stateField.FindStringSubmatch(p.body)
		if m == nil {
			t.Fatalf("no state in\n%s", p.body)
		}
		p = b.post("/sign-in/one/embedded", url.Values{"state": {m[1]}, "code": {"alice"}}.Encode())
		if p.status != http.StatusSeeOther || p.location != "/user" || !b.signedIn() {
			t.Errorf("%d to %q", p.status, p.location)
		}
	})
	t.Run("SaysSoOutsideAndOffersTheUsualWay", func(t *testing.T) {
		t.Parallel()
		b := indoors(t).browser()
		p := b.get("/sign-in/one/embedded?corpid=corp1")
		if p.status != http.StatusOK || strings.Contains(p.body, "<script") || strings.Contains(p.header.Get("Content-Security-Policy"), "script-src") {
			t.Errorf("%d, a script outside of the client:\n%s", p.status, p.body)
		}
		if !strings.Contains(p.body, "inside the The One app") || !strings.Contains(p.body, "the usual way") {
			t.Errorf("says nothing of it:\n%s", p.body)
		}
		p = b.post("/sign-in/one", "usual=true")
		if p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "https://provider.example/") {
			t.Errorf("the usual way: %d to %q", p.status, p.location)
		}
	})
	t.Run("ACodeWithoutOurStateSignsNobodyIn", func(t *testing.T) {
		t.Parallel()
		b := indoors(t).browser()
		for _, form := range []string{"code=mallory", "code=mallory&state=" + strings.Repeat("a", 43), "state=x&code=" + strings.Repeat("a", 9<<10)} {
			if p := b.post("/sign-in/one/embedded", form); p.status < 400 || b.signedIn() {
				t.Errorf("%.40s: %d", form, p.status)
			}
		}
	})
	t.Run("ARefusalHasItsPage", func(t *testing.T) {
		t.Parallel()
		b := indoors(t).browser()
		b.as("Vendor/7")
		m := stateField.FindStringSubmatch(b.get("/sign-in/one/embedded?corpId=corp1").body)
		if m == nil {
			t.Fatal("no state")
		}
		p := b.post("/sign-in/one/embedded", url.Values{"state": {m[1]}, "code": {"stranger"}}.Encode())
		if p.status != http.StatusForbidden || !strings.Contains(p.body, "&lt;b&gt;ACME") || b.signedIn() {
			t.Errorf("%d\n%s", p.status, p.body)
		}
	})
	t.Run("NoSuchWay", func(t *testing.T) {
		t.Parallel()
		b := newWorld(t, one()).browser()
		for _, path := range []string{"/sign-in/one/embedded", "/sign-in/nothing/embedded"} {
			if p := b.get(path); p.status != http.StatusNotFound {
				t.Errorf("%s: %d", path, p.status)
			}
		}
	})
	t.Run("GetTakesNoCode", func(t *testing.T) {
		t.Parallel()
		w := indoors(t)
		b := w.browser()
		b.as("Vendor/7")
		m := stateField.FindStringSubmatch(b.get("/sign-in/one/embedded?corpid=corp1").body)
		if m == nil {
			t.Fatal("no state")
		}
		b.get("/sign-in/one/embedded?code=alice&state=" + m[1])
		if b.signedIn() {
			t.Error("a code in an address signed somebody in")
		}
		r := httptest.NewRequest(http.MethodPut, "/sign-in/one/embedded", nil)
		rec := httptest.NewRecorder()
		w.http.ServeHTTP(rec, r)
		if rec.Code < 400 {
			t.Errorf("PUT: %d", rec.Code)
		}
	})
}
