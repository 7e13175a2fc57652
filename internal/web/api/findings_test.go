package api

import (
	"net/http"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// TestFindings: they are listed by what is asked for, kept quiet for a reason and
// a time, and open again when that is taken back.
func TestFindings(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	at := prefix + "/connectors/gitlab/findings"
	list := func(query string) []finding { return want[Page[finding]](h, "/connectors/gitlab/findings"+query).Items }
	if all := list("?kind=orphaned&state=open&search=carol"); len(all) != 1 || all[0].ID != f.finding || all[0].Why != "The account @carol is matched to nobody." || all[0].Advice == "" {
		t.Errorf("findings %+v", all)
	}
	if others := list("?kind=left"); len(others) != 0 {
		t.Errorf("of another kind: %+v", others)
	}
	until := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	got := h.do("connector", http.MethodPost, at+"/"+f.finding+"/acknowledge", `{"reason":"known","until":"`+until+`"}`)
	if shown := decode[finding](t, got); got.status != http.StatusOK || shown.State != "answered" || shown.Reason != "known" || shown.AnsweredBy == "" {
		t.Errorf("acknowledged: %d %s", got.status, got.body)
	}
	if open := list("?state=open"); len(open) != 0 {
		t.Errorf("still open: %+v", open)
	}
	got = h.do("connector", http.MethodPost, at+"/"+f.finding+"/acknowledge", `{"reason":"known","until":"2001-01-01T00:00:00Z"}`)
	if got.status != http.StatusBadRequest {
		t.Errorf("until a time that has passed: %d %s", got.status, got.body)
	}
	if got := h.do("connector", http.MethodPost, at+"/"+f.finding+"/reopen", ""); got.status != http.StatusOK || decode[finding](t, got).State != "open" {
		t.Errorf("reopened: %d %s", got.status, got.body)
	}
	h.update(func(tx *store.Tx) error {
		return tx.SaveConnector(&gatehouse.Connector{Key: "other", Name: "Other", Kind: "gitlab", Managed: gatehouse.ManagedByDashboard})
	})
	if got := h.do("super", http.MethodGet, prefix+"/connectors/other/findings/"+f.finding, ""); got.status != http.StatusNotFound {
		t.Errorf("under another connector: %d", got.status)
	}
}
