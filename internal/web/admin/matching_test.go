package admin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// post sends a form as a page of ours does.
func (w *world) post(as, target string, form url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: "gatehouse_session", Value: w.tokens[as]})
	got := httptest.NewRecorder()
	w.http.ServeHTTP(got, r)
	return got
}

// provedBefore makes the session of a person older than a fresh proof may be.
func (w *world) provedBefore(name string) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		all, err := tx.Sessions(w.users[name].ID)
		if err != nil {
			return err
		}
		all[0].AuthAt = noon.Add(-24 * time.Hour)
		return tx.SaveSession(&all[0])
	})
}

// TestMatchingByHand: connector administrators who proved who they are say whose
// an account is, with a note, and take it back.
func TestMatchingByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const at = "/admin/connectors/gitlab/accounts/3"
	form := url.Values{"user": {"@alice"}, "note": {"her <b>second</b> one"}}
	if got := w.post("auditor", at+"/match", form); got.Code != http.StatusForbidden {
		t.Errorf("an auditor: %d", got.Code)
	}
	got := w.post("keeper", at+"/match", url.Values{"user": {"nobody-here"}})
	if got.Code != http.StatusUnprocessableEntity && got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), "nobody-here") {
		t.Errorf("a user who is not there: %d %s", got.Code, body(got.Body.String()))
	}
	if got := w.post("keeper", at+"/match", form); got.Code != http.StatusSeeOther || !strings.HasPrefix(got.Header().Get("Location"), at) {
		t.Fatalf("by hand: %d %s", got.Code, body(got.Body.String()))
	}
	w.says(at, "her &lt;b&gt;second&lt;/b&gt; one", w.users["alice"].Username)
	if got := w.post("keeper", at+"/match/reset", nil); got.Code != http.StatusSeeOther {
		t.Errorf("reset: %d", got.Code)
	}
	if page := w.page(at); strings.Contains(page, "her &lt;b&gt;") {
		t.Errorf("the match is still there: %s", body(page))
	}
}

// TestMatchingNeedsAFreshProof: whose an account is decides what apps are told.
func TestMatchingNeedsAFreshProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provedBefore("keeper")
	for target, form := range map[string]url.Values{
		"/admin/connectors/gitlab/accounts/3/match": {"user": {"keeper"}},
		"/admin/connectors/gitlab/matching":         {"rules": {`username = "keeper"`}},
	} {
		got := w.post("keeper", target, form)
		if to := got.Header().Get("Location"); got.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in/confirm") {
			t.Errorf("%s: %d to %q", target, got.Code, to)
		}
	}
	w.update(func(tx *store.Tx) error {
		a, err := tx.Account(w.gitlab.ID, "3")
		if a.UserID != "" {
			t.Errorf("the account is %s's", a.UserID)
		}
		rules, errRules := tx.MatchRules(w.gitlab.ID)
		if len(rules) > 0 || errRules != nil {
			t.Errorf("rules %v, %v", rules, errRules)
		}
		return err
	})
}

// TestMatchRulesOnThePage: what is wrong is said beside the rules, and nothing
// that was typed is lost.
func TestMatchRulesOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const at = "/admin/connectors/gitlab/matching"
	got := w.post("keeper", at, url.Values{"rules": {"email = lower(account.username"}})
	if page := got.Body.String(); got.Code != http.StatusUnprocessableEntity || !strings.Contains(page, "email = lower(account.username") {
		t.Errorf("broken rules: %d %s", got.Code, body(page))
	}
	if got := w.post("keeper", at, url.Values{"rules": {"username = account.username"}}); got.Code != http.StatusSeeOther {
		t.Fatalf("rules: %d %s", got.Code, body(got.Body.String()))
	}
	w.says(at, "username = account.username")
	if got := w.post("keeper", at+"/reset", nil); got.Code != http.StatusSeeOther {
		t.Errorf("reset: %d", got.Code)
	}
	w.update(func(tx *store.Tx) error {
		a, err := tx.Account(w.gitlab.ID, "1")
		if a.UserID != "" || a.Match == gatehouse.MatchIdentity {
			t.Errorf("the match stayed: %s by %s", a.UserID, a.Match)
		}
		return err
	})
}
