package clients

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestRegistrationTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tokens := func() (all []gatehouse.RegistrationToken) {
		w.update(func(tx *store.Tx) (err error) {
			all, err = tx.RegistrationTokens()
			return err
		})
		return all
	}
	for as, want := range map[string]int{"": 303, "ann": 403, "auditor": 200, "root": 200} {
		if r := w.do(as, http.MethodGet, registrationPath, nil); r.Code != want {
			t.Errorf("%q: %d, want %d", as, r.Code, want)
		}
	}
	form := url.Values{"name": {"team wiki"}, "uses": {"3"}, "days": {"2"}}
	for _, as := range []string{"ann", "auditor", "keeper"} {
		if r := w.do(as, http.MethodPost, registrationPath, form); r.Code != http.StatusForbidden {
			t.Errorf("G1 %q: %d", as, r.Code)
		}
	}
	for field, value := range map[string]string{"uses": "many", "days": "0", "name": ""} {
		wrong := url.Values{"name": {"team wiki"}, "uses": {"3"}, "days": {"2"}}
		wrong.Set(field, value)
		if r := w.do("root", http.MethodPost, registrationPath, wrong); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), `class="field-problem"`) {
			t.Errorf("%s %q: %d %s", field, value, r.Code, r.Body)
		}
	}
	r := w.do("root", http.MethodPost, registrationPath, form)
	secret := regexp.MustCompile(`ghrt-[0-9a-f]{64}`).FindString(r.Body.String())
	all := tokens()
	if r.Code != http.StatusOK || secret == "" || len(all) != 1 || all[0].Left != 3 || all[0].CreatedBy != "root" {
		t.Fatalf("made: %d %+v", r.Code, all)
	}
	if page := w.do("auditor", http.MethodGet, registrationPath, nil).Body.String(); strings.Contains(page, secret) || !strings.Contains(page, "team wiki") || strings.Contains(page, "/end\"") {
		t.Error("G7: the token is shown again, or somebody may end it who may not")
	}
	if r := w.do("auditor", http.MethodPost, registrationPath+"/"+all[0].ID+"/end", nil); r.Code != http.StatusForbidden {
		t.Errorf("G1: %d", r.Code)
	}
	if r := w.do("root", http.MethodPost, registrationPath+"/"+all[0].ID+"/end", nil); r.Header().Get("Location") != registrationPath+"?done=ended" || len(tokens()) != 0 {
		t.Errorf("end: %d", r.Code)
	}
	if page := w.do("root", http.MethodGet, "/admin/clients", nil).Body.String(); !strings.Contains(page, registrationPath) {
		t.Error("nothing leads there")
	}
}
