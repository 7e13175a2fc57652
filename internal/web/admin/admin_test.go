package admin

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
)

// pages are all addresses that can be read.
func (w *world) pages() []string {
	return []string{
		"/admin", "/admin/users", "/admin/users/" + w.users["alice"].ID, "/admin/users/" + w.users["waiting"].ID,
		"/admin/connections", "/admin/connections/gitlab", "/admin/clients", "/admin/clients/demo", "/admin/connectors",
		"/admin/connectors/gitlab", "/admin/connectors/" + w.gitlab.ID, "/admin/connectors/other",
		"/admin/connectors/gitlab/accounts", "/admin/connectors/gitlab/accounts/1",
		"/admin/connectors/gitlab/resources", "/admin/connectors/gitlab/resources/project/7", "/admin/connectors/gitlab/resources/group/1",
		"/admin/decisions", "/admin/decisions/" + w.decision.ID, "/admin/decisions/" + w.stray.ID, "/admin/audit",
	}
}

func TestG1WhoMayRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for as, want := range map[string]int{
		"": http.StatusSeeOther, "alice": http.StatusForbidden, "waiting": http.StatusSeeOther,
		"auditor": http.StatusOK, "keeper": http.StatusOK, "root": http.StatusOK,
	} {
		for _, path := range w.pages() {
			r := w.do(as, http.MethodGet, path)
			if r.Code != want {
				t.Errorf("%q GET %s: %d, want %d", as, path, r.Code, want)
			}
			if to := r.Header().Get("Location"); want == http.StatusSeeOther && !strings.HasPrefix(to, "/sign-in?return_to=") {
				t.Errorf("%q GET %s leads to %q", as, path, to)
			}
		}
	}
}

func TestG1WhoMayChange(t *testing.T) {
	t.Parallel()
	super, connectors := []string{"root"}, []string{"root", "keeper"}
	w := newWorld(t)
	waiting := "/admin/users/" + w.users["waiting"].ID
	for _, c := range []struct {
		path string
		by   []string
	}{
		{waiting + "/approve", super},
		{waiting + "/block", super},
		{waiting + "/unblock", super},
		{waiting + "/sessions/end", super},
		{"/admin/connectors/gitlab/sync", connectors},
		{"/admin/connectors/other/pulls/" + w.held.ID + "/release", connectors},
	} {
		for as, refused := range map[string]int{"": 401, "alice": 403, "auditor": 403, "keeper": 403} {
			if slices.Contains(c.by, as) {
				continue
			}
			if r := w.do(as, http.MethodPost, c.path); r.Code != refused {
				t.Errorf("%q POST %s: %d, want %d", as, c.path, r.Code, refused)
			}
		}
		if got := w.user("waiting").State; c.path == waiting+"/approve" && got != gatehouse.UserPending {
			t.Errorf("somebody who may not changed the user: %s", got)
		}
		if r := w.do("waiting", http.MethodPost, c.path); c.path == waiting+"/approve" && r.Code != 401 {
			t.Errorf("who waits approves himself: %d", r.Code)
		}
		for _, as := range c.by {
			if r := w.do(as, http.MethodPost, c.path); r.Code != http.StatusSeeOther {
				t.Errorf("%q POST %s: %d\n%s", as, c.path, r.Code, body(r.Body.String()))
			}
			if r := w.do(as, http.MethodGet, c.path); r.Code < 400 {
				t.Errorf("%q GET %s: %d", as, c.path, r.Code)
			}
		}
	}
}

func TestPagesShowNoSecretsAndNoMarkup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range w.pages() {
		got := strings.ReplaceAll(w.page(path), `<script src="/assets/`, "") // our own
		for _, forbidden := range []string{"s3cr3t", "<script", "<i>", " style=", w.tokens["alice"]} {
			if strings.Contains(got, forbidden) {
				t.Errorf("%s contains %q", path, forbidden)
			}
		}
	}
}

func TestG2WhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{
		"/admin/users/" + w.gitlab.ID, "/admin/users/x", "/admin/connections/x", "/admin/connectors/x", "/admin/connectors/x/accounts",
		"/admin/connectors/gitlab/accounts/99", "/admin/connectors/other/accounts/1", "/admin/connectors/other/resources/project/7",
		"/admin/connectors/gitlab/resources/", "/admin/connectors/gitlab/resources/project/8", "/admin/decisions/x",
	} {
		if r := w.do("root", http.MethodGet, path); r.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, r.Code)
		}
	}
	for _, path := range []string{
		"/admin/users/x/block", "/admin/users/x/sessions/end", "/admin/connectors/x/sync",
		"/admin/connectors/gitlab/pulls/" + w.held.ID + "/release", "/admin/connectors/other/pulls/x/release",
	} {
		if r := w.do("root", http.MethodPost, path); r.Code != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, r.Code)
		}
	}
	if len(w.sync.released) != 0 {
		t.Errorf("released %v", w.sync.released)
	}
}

func TestG11OddQueriesAreNoFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := strings.Repeat("%e7%8e%8b", 100)
	for _, path := range w.pages() {
		for _, q := range []string{"?after=garbage", "?q=%00", "?q=%25_%5c", "?q=" + long, "?state=x&type=x&kind=x", "?q=%ff", "?done=x"} {
			if r := w.do("root", http.MethodGet, path+q); r.Code >= 500 {
				t.Errorf("GET %s%s: %d", path, q, r.Code)
			}
		}
	}
}

func TestUserPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := "/admin/users/" + w.users["alice"].ID
	w.says(alice,
		"Nobody here had this GitLab account, and a new account may be made by signing in with it.", // why it came to be
		"allow_single_sign_on", "Alice at GitLab", "o-42", "by the connected identity", "Firefox", "203.0.113.9", "K7QX2M9P",
		`action="`+alice+`/block"`)
	w.says("/admin/users/"+w.users["root"].ID, "It was made by hand, or by a one-time link.", "Super Administrator")
	if got := w.do("auditor", http.MethodGet, alice).Body.String(); strings.Contains(got, "/block\"") {
		t.Error("the auditor sees a button that is not theirs")
	}
	if got := w.do("root", http.MethodGet, alice, "Accept-Language", "zh-CN").Body.String(); !strings.Contains(got, "此账号的由来") || !strings.Contains(got, "允许通过它登录来创建新账号") {
		t.Errorf("not in Chinese:\n%s", body(got))
	}
}

func TestChangingPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	press := func(name, what, done string) {
		t.Helper()
		path := "/admin/users/" + w.users[name].ID
		r := w.do("root", http.MethodPost, path+"/"+what)
		if to := r.Header().Get("Location"); r.Code != http.StatusSeeOther || to != path+"?done="+done {
			t.Errorf("%s %s: %d to %q", what, name, r.Code, to)
		}
		if got := w.page(path + "?done=" + done); !strings.Contains(got, `role="status"`) {
			t.Errorf("%s: nothing is said about it", what)
		}
	}
	press("waiting", "approve", "approved")
	press("alice", "block", "blocked")
	if got := w.user("waiting").State; got != gatehouse.UserActive {
		t.Errorf("approved: %s", got)
	}
	if got := w.user("alice").State; got != gatehouse.UserBlocked {
		t.Errorf("blocked: %s", got)
	}
	if r := w.do("alice", http.MethodGet, "/admin"); r.Code != http.StatusSeeOther {
		t.Errorf("T13: the blocked user's session lives: %d", r.Code)
	}
	press("alice", "unblock", "unblocked")
	press("auditor", "sessions/end", "sessions-ended")
	if r := w.do("auditor", http.MethodGet, "/admin"); r.Code != http.StatusSeeOther {
		t.Errorf("the session lives: %d", r.Code)
	}
	press("root", "sessions/end", "sessions-ended") // all but the one it is done with
	if r := w.do("root", http.MethodPost, "/admin/users/"+w.users["root"].ID+"/block"); r.Code != http.StatusForbidden {
		t.Errorf("blocking oneself: %d", r.Code)
	}
	w.says("/admin/audit?q=user.blocked", "user.blocked", "root")
}

func TestUsersList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for query, want := range map[string][]string{
		"?q=ALI":              {"alice"},
		"?state=pending":      {"waiting"},
		"?state=blocked":      nil,
		"?q=%25":              nil,
		"?q=root&state=left":  nil,
		"?q=nobody&done=what": nil,
	} {
		got := body(w.page("/admin/users" + query))
		for name := range w.users {
			if shown := strings.Contains(got, "@"+name+"<"); shown != slices.Contains(want, name) {
				t.Errorf("%s: %s shown: %v", query, name, shown)
			}
		}
	}
}

func TestListsGoOnByPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.update(func(tx *store.Tx) error {
		for range desk.PageSize + 5 {
			if err := tx.Record(gatehouse.Event{Actor: gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "pull"}, Action: "test.many", Target: "test/1"}); err != nil {
				return err
			}
		}
		return nil
	})
	first := w.page("/admin/audit?q=test.&lang=xx")
	ok := strings.Contains(first, `rel="next"`)
	if !ok || strings.Count(first, "test.many") != desk.PageSize {
		t.Fatalf("%d rows, next %v", strings.Count(first, "test.many"), ok)
	}
	_, href, _ := strings.Cut(first, `<a class="button" href="`)
	href, _, _ = strings.Cut(href, `"`)
	second := w.page(strings.ReplaceAll(href, "&amp;", "&"))
	if n := strings.Count(second, "test.many"); n != 5 || strings.Contains(second, `rel="next"`) || !strings.Contains(second, "First page") {
		t.Errorf("second page has %d rows:\n%s", n, body(second))
	}
}

func TestConnectionPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says("/admin/connections/gitlab", "https://id.example.com/users/auth/gitlab/callback", "the-app-id", "set, kept sealed", "allow_single_sign_on")
	w.says("/admin/clients/demo", "https://demo.example/cb?a=b&amp;c", "authorization_code", "Confidential client")
}

func TestDecisionIsFoundByItsReference(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says("/admin/decisions?q=R3FVSED0", "/admin/decisions/"+w.stray.ID)
	w.says("/admin/decisions?q=nothing", "No decision found")
	w.says("/admin/decisions/"+w.decision.ID, "Name there", "Alice &lt;script&gt;", "The identity was known")
	w.says("/admin/decisions/"+w.stray.ID, "This sign-in was finished already", "nobody")
}

func TestConnectorPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says("/admin/connectors/gitlab", "Connected", "Pending invitations of people without an account, left out: 3.", "3.0 s", `action="/admin/connectors/gitlab/sync"`)
	w.says("/admin/connectors/other", "9 of 10 accounts would vanish", `action="/admin/connectors/other/pulls/`+w.held.ID+`/release"`)
	if got := w.page("/admin/connectors/gitlab"); strings.Contains(got, `http-equiv="refresh"`) {
		t.Error("a page at rest asks again by itself")
	}
	if r := w.do("keeper", http.MethodPost, "/admin/connectors/gitlab/sync"); r.Header().Get("Location") != "/admin/connectors/gitlab?done=sync" {
		t.Errorf("to %q", r.Header().Get("Location"))
	}
	w.do("root", http.MethodPost, "/admin/connectors/other/pulls/"+w.held.ID+"/release")
	if diff := cmp.Diff(&syncer{synced: []string{"keeper " + w.gitlab.ID}, released: []string{"root " + w.held.ID}}, w.sync, cmp.AllowUnexported(syncer{})); diff != "" {
		t.Error(diff)
	}
	w.says("/admin/connectors/gitlab", `<noscript><meta http-equiv="refresh" content="2"></noscript>`, "Syncing", "Waiting to begin")
	w.update(func(tx *store.Tx) error {
		return tx.SavePull(&gatehouse.Pull{ConnectorID: w.gitlab.ID, State: gatehouse.PullRunning, StartedAt: noon, Progress: gatehouse.Progress{Accounts: 2, Step: "accounts"}})
	})
	w.says("/admin/connectors/gitlab", "Reading accounts", `<progress value="2" max="10"`)
}

func TestWhatAPullSaysIsInThePagesLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.update(func(tx *store.Tx) error {
		return tx.SetConnectorStatus(w.gitlab.ID, gatehouse.ConnectorFailed,
			gatehouse.Errorf(gatehouse.Upstream, "%s refused what a GitLab usually answers (%d). Its version may be too old or too new.", "<b>git", 418).Note())
	})
	for target, texts := range map[string][]string{
		"/admin":                              {"&lt;b&gt;git 拒绝了 GitLab 通常会回答的请求（418）"},
		"/admin/connectors/gitlab":            {"已略过尚无账号者的待接受邀请：3 个。", "&lt;b&gt;git 拒绝了 GitLab 通常会回答的请求（418）"},
		"/admin/connectors/other":             {"10 个账号中有 9 个将会消失"},
		"/admin/connectors/gitlab/accounts":   {`<span title="active"><span class="badge tone-good">正常</span>`, `<span title="blocked"><span class="badge tone-warn">已禁用</span>`},
		"/admin/connectors/gitlab/accounts/2": {`<span title="blocked"><span class="badge tone-warn">已禁用</span>`},
		"/admin/users/" + w.users["alice"].ID: {`<span title="active"><span class="badge tone-good">正常</span>`},
	} {
		got := w.do("root", http.MethodGet, target, "Accept-Language", "zh-CN").Body.String()
		for _, text := range texts {
			if !strings.Contains(got, text) {
				t.Errorf("%s does not say %q:\n%s", target, text, body(got))
			}
		}
	}
}

func TestWhoReachesWhatAndWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says("/admin/connectors/gitlab/resources/project/7",
		"3 accounts, by all paths", "Maintainer", "Inherited from the group eng", "Reporter", "Direct member",
		"Guest", "Through the group guests, which is invited with at most Guest", "until 3 Mar 2026")
	w.says("/admin/connectors/gitlab/resources/project/7?q=carol", "Carol")
	if got := body(w.page("/admin/connectors/gitlab/resources/project/7?q=carol")); strings.Contains(got, "Bob") {
		t.Error("the search does not narrow down")
	}
	w.says("/admin/connectors/gitlab/accounts/1", "1 direct membership", "eng/app", "Inherited from the group eng", "by the connected identity", "&lt;script&gt;alice")
	w.says("/admin/connectors/gitlab/resources/group/1", "eng/app", "1 account, by all paths")
	if got := body(w.page("/admin/connectors/gitlab/accounts?matched=no")); strings.Contains(got, "@alice") || !strings.Contains(got, "@bob") {
		t.Errorf("orphaned accounts:\n%s", got)
	}
}
