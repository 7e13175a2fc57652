package admin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
)

// TestFindings: whoever reads the dashboard sees them; connector administrators
// answer, with a reason and a date.
func TestFindings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var f gatehouse.Finding
	w.update(func(tx *store.Tx) error {
		_, _, err := tx.SaveFindings(w.gitlab.ID, []gatehouse.Finding{{
			Kind: gatehouse.FindingOwnerless, ResourceID: "group/1", Subject: "eng<b>", Why: gatehouse.Notef("The last owner of %s who can act ends on %s.", "eng<b>", "2026-06-01"),
		}})
		if err != nil {
			return err
		}
		found, err := tx.Findings(store.FindingFilter{}, store.Cursor{})
		f = found.Items[0]
		return err
	})
	const at = "/admin/connectors/gitlab/findings"
	w.says("/admin", "1 open finding", at)
	w.says(at, "eng&lt;b&gt;", "Group without an owner", "Make somebody who works with the group its owner.", "resources/group/1")
	if got := w.page(at + "?kind=left"); !strings.Contains(got, "Nothing found") {
		t.Errorf("of another kind: %s", body(got))
	}
	if got := w.do("alice", http.MethodGet, at); got.Code == http.StatusOK {
		t.Error("somebody without a role reads them")
	}
	answer := func(as, reason, until string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, at+"/"+f.ID, strings.NewReader(url.Values{"reason": {reason}, "until": {until}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.AddCookie(&http.Cookie{Name: "gatehouse_session", Value: w.tokens[as]})
		got := httptest.NewRecorder()
		w.http.ServeHTTP(got, r)
		return got
	}
	until := noon.AddDate(0, 1, 0).Format("2006-01-02")
	if got := answer("auditor", "known", until); got.Code != http.StatusForbidden {
		t.Errorf("an auditor: %d", got.Code)
	}
	for _, wrong := range [][2]string{{"", until}, {"known", "tomorrow"}, {"known", "2001-01-01"}} {
		if got := answer("keeper", wrong[0], wrong[1]); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("%q until %q: %d", wrong[0], wrong[1], got.Code)
		}
	}
	if got := answer("keeper", "known", until); got.Code != http.StatusSeeOther {
		t.Errorf("acknowledged: %d %s", got.Code, got.Body)
	}
	w.says(at, "Nothing found")
	w.says(at+"?state=answered", "eng&lt;b&gt;")
	w.says(at+"/"+f.ID, "known", "Open again")
	if got := w.do("keeper", http.MethodPost, at+"/"+f.ID+"/reopen", "Sec-Fetch-Site", "same-origin"); got.Code != http.StatusSeeOther {
		t.Errorf("reopened: %d", got.Code)
	}
	w.says("/admin", "1 open finding")
}
