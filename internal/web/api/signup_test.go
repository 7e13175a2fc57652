package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

func (h *house) json(who, method, path, body string) reply {
	h.t.Helper()
	return h.do(who, method, prefix+path, body, "Content-Type", "application/json")
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.api.Users.FileSignUp = users.FileSignUp{SignUp: gatehouse.SignUp{BlockDisposable: true}, Named: []string{users.SignUpDisposable}}
	got := h.json("super", http.MethodPatch, "/sign_up", `{"allow":["Corp.example"],"block_subaddresses":true}`)
	want := signUp{Allow: []string{"corp.example"}, Deny: []string{}, BlockSubaddresses: true, BlockDisposable: true, FromFile: []string{"block_disposable"}}
	if diff := cmp.Diff(want, decode[signUp](t, got)); diff != "" {
		t.Errorf("set (-want +got):\n%s", diff)
	}
	got = h.json("super", http.MethodPatch, "/sign_up", `{"deny":["evil.example"]}`)
	want.Deny = []string{"evil.example"}
	if diff := cmp.Diff(want, decode[signUp](t, got)); diff != "" {
		t.Errorf("what is left out stays (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, decode[signUp](t, h.json("auditor", http.MethodGet, "/sign_up", ""))); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	tag := h.json("super", http.MethodGet, "/sign_up", "").header.Get("ETag")
	if w := h.send("super", http.MethodPatch, prefix+"/sign_up", `{"deny":["first.example"]}`, tag); w.Code != http.StatusOK {
		t.Errorf("a change of the state that was seen: %d %s", w.Code, w.Body)
	}
	if w := h.send("super", http.MethodPatch, prefix+"/sign_up", `{"deny":["second.example"]}`, tag); w.Code != http.StatusPreconditionFailed {
		t.Errorf("a change of a state that is gone: %d %s", w.Code, w.Body)
	}
	want.Deny = []string{"first.example"}
	if diff := cmp.Diff(want, decode[signUp](t, h.json("auditor", http.MethodGet, "/sign_up", ""))); diff != "" {
		t.Errorf("the first change is lost (-want +got):\n%s", diff)
	}
	isProblem(t, h.json("super", http.MethodPatch, "/sign_up", `{"block_disposable":false}`), http.StatusConflict, "conflict")
	isProblem(t, h.json("super", http.MethodPatch, "/sign_up", `{"allow":["nonsense"]}`), http.StatusBadRequest, "invalid")
	isProblem(t, h.json("super", http.MethodPatch, "/sign_up", `{"allow":"x"}`), http.StatusUnprocessableEntity, "invalid")
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.addUser(gatehouse.User{Username: "ann", Email: "ann@corp.example", EmailVerified: true, State: gatehouse.UserActive})
	c := gatehouse.Connection{Name: "corp", Kind: "gitlab", Label: "Work", Enabled: true}
	h.update(func(tx *store.Tx) error { return tx.SaveConnection(&c) })
	try := func(path, body string) dryRunAnswer {
		t.Helper()
		got := h.json("auditor", http.MethodPost, "/connections/"+path+"/dry_run", body)
		if got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		return decode[dryRunAnswer](t, got)
	}
	body := `{"rules":{"new_people":"create_pending","trusted_domains":["corp.example"]},"people":[
		{"subject":"1","email":"ann@corp.example","email_verification":"verified"},
		{"subject":"2","username":"bob","email":"bob@other.example"}]}`
	for _, by := range []string{"corp", c.ID} {
		got := try(by, body)
		if diff := cmp.Diff(map[string]int{"linked": 1, "pending": 1}, got.Outcomes); diff != "" || got.Changed != 2 {
			t.Errorf("%d changed, outcomes (-want +got):\n%s", got.Changed, diff)
		}
		first := got.People[0]
		if first.UserName != "ann" || first.Rule != "trusted_domains" || first.NowRule != "address_taken" || !strings.Contains(first.Reason, "Work") {
			t.Errorf("the first: %+v", first)
		}
	}
	if got := try("corp", ""); len(got.People) != 0 {
		t.Errorf("nobody has come: %+v", got)
	}
	var stored gatehouse.Connection
	h.update(func(tx *store.Tx) (err error) {
		stored, err = tx.Connection(c.ID)
		return err
	})
	if diff := cmp.Diff(gatehouse.ConnectionRules{}, stored.Rules); diff != "" {
		t.Errorf("the connection changed:\n%s", diff)
	}
	for body, status := range map[string]int{
		`{"from":"nosuch"}`:                       http.StatusNotFound,
		`{"rules":{"new_people":"maybe"}}`:        http.StatusUnprocessableEntity,
		`{"rules":{"trusted_domains":["*"]}}`:     http.StatusBadRequest,
		`{"people":[{"subject":""}]}`:             http.StatusUnprocessableEntity,
		`{"rules":{"allow_single_sign_on":true}}`: http.StatusUnprocessableEntity, // not a name that is taken
	} {
		if got := h.json("super", http.MethodPost, "/connections/corp/dry_run", body); got.status != status {
			t.Errorf("%s: %d %s, want %d", body, got.status, got.body, status)
		}
	}
	if got := h.json("super", http.MethodPost, "/connections/nosuch/dry_run", ""); got.status != http.StatusNotFound {
		t.Errorf("an unknown connection: %d", got.status)
	}
}
