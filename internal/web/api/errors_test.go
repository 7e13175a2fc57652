package api

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"pgregory.net/rapid"

	"gatehouse"
	"gatehouse/internal/seal"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func isProblem(t *testing.T, got reply, status int, code string) problem {
	t.Helper()
	p := decode[problem](t, got)
	if got.status != status || p.Status != status || p.Code != code {
		t.Errorf("%d %s, want %d %s", got.status, got.body, status, code)
	}
	if ct := got.header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type %q", ct)
	}
	if got.header.Get("Cache-Control") != "no-store" || p.Title == "" || p.Detail == "" || p.Reference == "" || p.Type != "about:blank" {
		t.Errorf("an incomplete problem: %s %v", got.body, got.header)
	}
	return p
}

func TestWhatIsRefusedIsNeverRepeated(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	const secret = "hunter2-hunter2"
	for _, target := range []string{
		"/users?limit=" + secret, "/users?state=" + secret, "/users?role=" + secret, "/users?" + secret + "=" + secret,
		"/users?search=" + secret + strings.Repeat("x", 200), "/users/" + secret + strings.Repeat("x", 64), "/connectors/gitlab/accounts?orphaned=" + secret,
		"/connectors/gitlab/resources?kind=" + secret, "/events?after=" + secret + strings.Repeat("x", 17000),
	} {
		got := h.get(target)
		p := isProblem(t, got, http.StatusUnprocessableEntity, "invalid")
		if len(p.Errors) == 0 || p.Errors[0].Message == "" || p.Errors[0].Location == "" {
			t.Errorf("%s: says nothing of what is wrong: %s", target[:20], got.body)
		}
		if strings.Contains(got.body, "hunter2") {
			t.Errorf("%s is repeated: %s", target[:20], got.body)
		}
	}
	p := decode[problem](t, h.get("/users?stat=active"))
	if want := "unknown query parameter; this address knows: after, limit, role, search, state"; len(p.Errors) != 1 || p.Errors[0].Message != want {
		t.Errorf("errors: %+v", p.Errors)
	}
	p = decode[problem](t, h.get("/users?limit=201"))
	if want := (wrongInput{"query.limit", "expected number <= 200"}); len(p.Errors) != 1 || p.Errors[0] != want {
		t.Errorf("errors: %+v", p.Errors)
	}
}

func TestQueriesThatCanBeReadInTwoWaysAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, query := range []string{"orphaned", "state=active&state=blocked", "search=%zz", "a;b=c", "search=a&role&state=active"} {
		isProblem(t, h.get("/users?"+query), http.StatusBadRequest, "invalid")
	}
	for _, query := range []string{"", "state=", "search=%25_", "state=active&", "search=%E5%BC%A0"} {
		if got := h.get("/users?" + query); got.status != http.StatusOK {
			t.Errorf("%q: %d %s", query, got.status, got.body)
		}
	}
}

func TestUnknownIdsAreNotFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	h.fillTwin(&f)
	for _, a := range addresses(described()) {
		for _, part := range []string{"{user}", "{connector}", "{account}", "{resource}", "{pull}", "{decision}", "{identity}", "{merge}", "{other}", "{finding}"} {
			if !strings.Contains(a.path, part) || strings.Contains(a.path, "/provider_tokens/") { // TestProviderTokens
				continue
			}
			for _, id := range []string{"0191a2b3-0000-7000-8000-000000000000", "1", "-", "no%2Fsuch", "%27%20or%201=1--"} {
				target := f.at(strings.Replace(a.path, part, id, 1))
				isProblem(t, h.do("super", a.method, target, f.body(a), "Content-Type", "application/json"), http.StatusNotFound, "not_found")
			}
			target := f.at(strings.Replace(a.path, part, "%00", 1))
			if got := h.do("super", a.method, target, f.body(a), "Content-Type", "application/json"); got.status != http.StatusNotFound && got.status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", target, got.status, got.body)
			}
		}
	}
}

func TestAddressesThatAreNotThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, target := range []string{"/", "/nothing", "/users/1/2/3/4", "/openapi.yaml", "/docs", "/schemas/User"} {
		isProblem(t, h.get(target), http.StatusNotFound, "not_found")
	}
	got := h.do("super", http.MethodDelete, prefix+"/decisions", "")
	isProblem(t, got, http.StatusMethodNotAllowed, "method_not_allowed")
	if allow := got.header.Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("Allow %q", allow)
	}
	got = h.get("/connectors/gitlab/sync")
	isProblem(t, got, http.StatusMethodNotAllowed, "method_not_allowed")
	if allow := got.header.Get("Allow"); allow != "POST" {
		t.Errorf("Allow %q", allow)
	}
}

func TestErrorsOfTheRulesBecomeProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err    error
		status int
		code   string
		retry  bool
	}{
		"Conflict":    {gatehouse.Errorf(gatehouse.Conflict, "Not now."), http.StatusConflict, "conflict", false},
		"Limited":     {gatehouse.Errorf(gatehouse.Limited, "Slowly."), http.StatusTooManyRequests, "limited", true},
		"Unavailable": {gatehouse.Errorf(gatehouse.Unavailable, "Later."), http.StatusServiceUnavailable, "unavailable", true},
		"Ours":        {errors.New("dial 10.0.0.1: password=geheim"), http.StatusInternalServerError, "internal", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.fill()
			h.syncer.err = test.err
			got := h.do("super", http.MethodPost, prefix+"/connectors/gitlab/sync", "")
			isProblem(t, got, test.status, test.code)
			if strings.Contains(got.body, "geheim") || strings.Contains(got.body, "10.0.0.1") {
				t.Errorf("the cause is shown: %s", got.body)
			}
			if (got.header.Get("Retry-After") != "") != test.retry {
				t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
			}
		})
	}
}

func TestADatabaseThatIsGoneSaysTryAgain(t *testing.T) {
	t.Parallel()
	box, err := seal.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{Seal: box})
	if err != nil {
		t.Fatal(err)
	}
	h := newHouseOn(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got := h.get("/users")
	isProblem(t, got, http.StatusServiceUnavailable, "unavailable")
	if got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestBadInputNeverIsAFaultOfOurs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	all := addresses(described())
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\x00", "\xff", "%", "_", `\`, "'", "W10", "bnVsbA", "project-", "-5", "null", "1e9"}))
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SampledFrom(all).Draw(t, "address")
		q := url.Values{}
		for _, p := range a.op.Parameters {
			if p.In == "query" && rapid.Bool().Draw(t, "with "+p.Name) {
				q.Set(p.Name, text.Draw(t, p.Name))
			}
		}
		target := a.path
		for _, part := range []string{"{connector}", "{user}", "{account}", "{resource}", "{pull}", "{decision}"} {
			if strings.Contains(target, part) && rapid.Bool().Draw(t, "strange "+part) {
				target = strings.Replace(target, part, url.PathEscape("x"+text.Draw(t, part)), 1)
			}
		}
		got := h.do("super", a.method, f.at(target)+"?"+q.Encode(), "")
		if got.status >= http.StatusInternalServerError {
			t.Errorf("%s %s?%s: %d %s", a.method, target, q.Encode(), got.status, got.body)
		}
	})
}

func TestProblemsOfHumaLoseWhatTheyRepeat(t *testing.T) {
	t.Parallel()
	op := &huma.Operation{Parameters: []*huma.Param{{Name: "limit", In: "query"}, {Name: "user", In: "path"}}}
	for name, test := range map[string]struct {
		in   huma.ErrorDetail
		want wrongInput
	}{
		"ValueStaysAway": {
			huma.ErrorDetail{Message: "invalid integer", Location: "query.limit", Value: "geheim"},
			wrongInput{"query.limit", "invalid integer"},
		},
		"ValueInsideTheMessage": {
			huma.ErrorDetail{Message: "expected an address: geheim has no @", Location: "body.email", Value: "geheim"},
			wrongInput{"body.email", "not a value that is understood"},
		},
		"ChoicesAreOurs": {
			huma.ErrorDetail{Message: `expected value to be one of "active, left"`, Location: "query.state", Value: "act"},
			wrongInput{"query.state", `expected value to be one of "active, left"`},
		},
		"NameOfAnUnknownParameter": {
			huma.ErrorDetail{Message: "unknown query parameter", Location: "query.geheim", Value: ""},
			wrongInput{"query", "unknown query parameter; this address knows: limit"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := wrong(op, &test.in); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}
