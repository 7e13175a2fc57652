package signup

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/lists"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// world is this room with a person for each role and one connection.
type world struct {
	t          *testing.T
	store      *store.Store
	rules      *users.Users
	http       http.Handler
	cookies    map[string]string
	connection gatehouse.Connection
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := storetest.Open(t)
	known, err := lists.ReadDisposable(strings.NewReader("trash.example"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: s, rules: &users.Users{Store: s, Disposable: known}, cookies: map[string]string{}}
	sessions, u, mux := &session.Manager{Store: s}, &ui.UI{}, http.NewServeMux()
	(&SignUp{Desk: &desk.Desk{UI: u, Store: s, Sessions: sessions, URL: "https://id.example.com"}, Users: w.rules}).Mount(mux)
	w.http = u.Middleware(mux)
	w.connection = gatehouse.Connection{Name: "gitlab", Kind: "gitlab", Label: "GitLab <i>", Enabled: true, AppSecret: "s3cr3t"}
	w.update(func(tx *store.Tx) error {
		for name, role := range map[string]gatehouse.AdminRole{
			"super": gatehouse.RoleSuperAdministrator, "connector": gatehouse.RoleConnectorAdministrator, "auditor": gatehouse.RoleAuditor, "nobody": "",
		} {
			who := gatehouse.User{Username: name, Name: name, Role: role, State: gatehouse.UserActive}
			if err := tx.SaveUser(&who); err != nil {
				return err
			}
			var err error
			if w.cookies[name], _, err = sessions.Start(tx, session.Start{UserID: who.ID, UserName: name, Method: "federated"}); err != nil {
				return err
			}
		}
		return tx.SaveConnection(&w.connection)
	})
	return w
}

func (w *world) update(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// send sends a form, or asks for a page when it is nil; as "" is anonymous.
func (w *world) send(as, target string, form url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if form != nil {
		r = httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if as != "" {
		r.AddCookie(&http.Cookie{Name: "gatehouse_session", Value: w.cookies[as]})
	}
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	return rec
}

// says wants a page with texts.
func (w *world) says(got *httptest.ResponseRecorder, status int, texts ...string) {
	w.t.Helper()
	if got.Code != status {
		w.t.Fatalf("status %d, want %d:\n%s", got.Code, status, got.Body)
	}
	for _, text := range texts {
		if !strings.Contains(got.Body.String(), text) {
			w.t.Errorf("the page does not say %q:\n%s", text, got.Body)
		}
	}
	if strings.Contains(got.Body.String(), "s3cr3t") || strings.Contains(got.Body.String(), "<i>") {
		w.t.Error("the page has a secret, or markup of somebody")
	}
}

func (w *world) now() (s gatehouse.SignUp) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		s, err = w.rules.SignUp(tx)
		return err
	})
	return s
}

func TestG1WhoMayWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, target := range []string{home, try} {
		for _, reader := range []string{"super", "connector", "auditor"} {
			w.says(w.send(reader, target, nil), 200)
		}
		if got := w.send("nobody", target, nil); got.Code != http.StatusForbidden {
			t.Errorf("nobody at %s: %d", target, got.Code)
		}
		if got := w.send("", target, nil); got.Code != http.StatusSeeOther || !strings.HasPrefix(got.Header().Get("Location"), "/sign-in") {
			t.Errorf("anonymous at %s: %d", target, got.Code)
		}
	}
	seen := users.SignUpTag(w.now())
	for who, status := range map[string]int{"super": 303, "connector": 403, "auditor": 403, "nobody": 403, "": 401} {
		if got := w.send(who, home, url.Values{"seen": {seen}}); got.Code != status {
			t.Errorf("%q saves: %d, want %d", who, got.Code, status)
		}
	}
	if got := w.send("auditor", home, nil); strings.Contains(got.Body.String(), "<textarea") {
		t.Error("an auditor is shown what they may not change as if they could")
	}
}

func TestSave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.send("super", home, url.Values{
		"seen": {users.SignUpTag(w.now())}, "allow": {"Corp.example\r\n*.corp.example, alice@x.example"}, "deny": {""}, "block_disposable": {"true"},
	})
	if got.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	want := gatehouse.SignUp{Allow: []string{"*.corp.example", "alice@x.example", "corp.example"}, BlockDisposable: true}
	if diff := cmp.Diff(want, w.now()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.says(w.send("super", home+"?done=saved", nil), 200, "The rules are saved", "alice@x.example", "1 domains", "GitLab &lt;i&gt;")

	wrong := w.send("super", home, url.Values{"allow": {"fine.example\n<nonsense>"}, "deny": {"kept.example"}})
	w.says(wrong, 400, "neither an address nor a domain", "&lt;nonsense&gt;", "kept.example", `aria-invalid="true"`)
	if diff := cmp.Diff(want, w.now()); diff != "" {
		t.Errorf("a wrong list was kept:\n%s", diff)
	}

	w.rules.FileSignUp = users.FileSignUp{SignUp: gatehouse.SignUp{Deny: []string{"evil.example"}, BlockSubaddresses: true}, Named: []string{users.SignUpDeny, users.SignUpSubaddresses}}
	w.says(w.send("super", home, nil), 200, "sign_up.deny", "evil.example", `disabled`)
	w.send("super", home, url.Values{"seen": {users.SignUpTag(w.now())}, "allow": {"corp.example"}, "deny": {"mine.example"}})
	want = gatehouse.SignUp{Allow: []string{"corp.example"}, Deny: []string{"evil.example"}, BlockSubaddresses: true}
	if diff := cmp.Diff(want, w.now()); diff != "" {
		t.Errorf("what the file names (-want +got):\n%s", diff)
	}
}

// TestOfTwoAdministratorsTheSecondIsTold: they see what the first saved, with
// what they typed themselves, and can save it after all.
func TestOfTwoAdministratorsTheSecondIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen := users.SignUpTag(w.now())
	if got := w.send("super", home, url.Values{"seen": {seen}, "deny": {"first.example"}}); got.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	after := w.now()
	for _, stale := range []url.Values{{"seen": {seen}, "deny": {"second.example"}}, {"deny": {"second.example"}}} {
		again := w.send("super", home, stale)
		w.says(again, http.StatusConflict, "Somebody else was faster", "first.example", "second.example</textarea>", `name="seen" value="`+users.SignUpTag(after)+`"`)
	}
	if diff := cmp.Diff(after, w.now()); diff != "" {
		t.Errorf("what the first saved is lost (-want +got):\n%s", diff)
	}
	w.send("super", home, url.Values{"seen": {users.SignUpTag(after)}, "deny": {"second.example"}})
	if diff := cmp.Diff(gatehouse.SignUp{Deny: []string{"second.example"}}, w.now()); diff != "" {
		t.Errorf("saved again (-want +got):\n%s", diff)
	}
}

func TestDryRunPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.update(func(tx *store.Tx) error {
		ann := gatehouse.User{Username: "ann", Email: "ann@corp.example", EmailVerified: true, State: gatehouse.UserActive}
		if err := tx.SaveUser(&ann); err != nil {
			return err
		}
		for _, p := range []gatehouse.Profile{
			{Name: "Ann <b>", Email: "ann@corp.example", Verified: gatehouse.Verified}, {Name: "Bob", Email: "bob@x.example"},
		} {
			if _, _, err := w.rules.Ensure(tx, w.connection, gatehouse.Vouched{Subject: p.Name, Profile: p}, users.EnsureOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
	w.says(w.send("auditor", try, nil), 200, "Nothing is changed, and nobody notices")
	w.says(w.send("auditor", try+"?connection=gitlab&from=refused", nil), 200, "Tried with 2 people", "For 0 it would", "1 person would not be let in", "address_taken", "allow_single_sign_on")
	w.says(w.send("auditor", try+"?connection=gitlab&from=refused&new_people=create_pending&trusted_domains=corp.example", nil), 200,
		"1 person would be linked to an account", "1 person would wait for approval", "Ann &lt;b&gt;", ">ann<", "For 2 it would", "trusted_domains", "Refused")
	w.says(w.send("auditor", try+"?connection=gitlab&from=identities", nil), 200, "There is nobody to try it with")
	w.says(w.send("auditor", try+"?connection=gitlab&from=refused&trusted_domains=%3Cx%3E", nil), 200, "neither an address nor a domain")
	for _, missing := range []string{"?connection=nosuch&from=refused", "?connection=gitlab&from=nosuch"} {
		if got := w.send("auditor", try+missing, nil); got.Code != http.StatusNotFound {
			t.Errorf("%s: %d", missing, got.Code)
		}
	}
	w.update(func(tx *store.Tx) error {
		page, err := tx.Users(store.UserFilter{Search: "bob"}, store.Cursor{})
		if len(page.Items) != 0 {
			t.Error("a dry run made somebody")
		}
		return err
	})
}
