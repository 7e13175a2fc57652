package portal

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

var clientSecrets = regexp.MustCompile(`gths_[0-9a-f]{64}`)

func application(changes ...string) url.Values {
	form := url.Values{
		"name": {"Board"}, "redirect_uris": {"https://board.example/cb\r\nhttps://board.example/cb2"}, "scopes": {"openid", "read_user"},
		"confidential": {"true"}, "require_pkce": {"true"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

// clientsOf are the applications of somebody.
func (w *world) clientsOf(name string) (all []gatehouse.Client) {
	w.t.Helper()
	if err := w.store.View(w.t.Context(), func(tx *store.Tx) (err error) {
		all, err = tx.ClientsOfUser(w.users[name].ID)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return all
}

func seenNow(c gatehouse.Client) url.Values {
	return url.Values{"seen": {strconv.FormatInt(c.UpdatedAt.UnixMilli(), 10)}}
}

func TestOwnApplications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.post("alice", "/user/applications/own", application("trusted", "true", "owner", "bob", "id", "chosen"))
	page := r.Body.String()
	secret := clientSecrets.FindString(page)
	all := w.clientsOf("alice")
	if r.Code != http.StatusOK || secret == "" || len(all) != 1 || r.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %q %d\n%s", r.Code, secret, len(all), page)
	}
	c := all[0]
	if c.Trusted || c.ID == "chosen" || len(c.ID) != 64 || c.Public() || len(c.RedirectURIs) != 2 || !c.RequirePKCE || strings.Join(c.Scopes, " ") != "openid read_user" {
		t.Errorf("G3: made %+v", c)
	}
	list := w.do("alice", "GET", "/user/applications").Body.String()
	if !strings.Contains(list, "/user/applications/own/"+c.ID) || strings.Contains(list, secret) {
		t.Error("the list lacks the application, or shows its secret")
	}
	own := "/user/applications/own/" + c.ID
	if page := w.do("alice", "GET", own).Body.String(); strings.Contains(page, secret) || !strings.Contains(page, c.ID) || !strings.Contains(page, "https://id.example.com") {
		t.Error("its page")
	}
	for _, path := range []string{own, own + "/edit", own + "/remove"} {
		if r := w.do("bob", "GET", path); r.Code != http.StatusNotFound {
			t.Errorf("G2: somebody else reads %s: %d", path, r.Code)
		}
	}
	for _, what := range []string{"edit", "remove", "secret"} {
		if r := w.post("bob", own+"/"+what, seenNow(c)); r.Code != http.StatusNotFound {
			t.Errorf("G2: somebody else posts %s: %d", what, r.Code)
		}
	}
	form := application("name", "Board 2", "redirect_uris", "https://board.example/new", "seen", seenNow(c).Get("seen"))
	if r := w.post("alice", own+"/edit", form); r.Header().Get("Location") != own+"?done=saved" {
		t.Fatalf("edit: %d %s", r.Code, r.Body)
	}
	c = w.clientsOf("alice")[0]
	if c.Name != "Board 2" || len(c.RedirectURIs) != 1 {
		t.Errorf("edited: %+v", c)
	}
	renewed := w.post("alice", own+"/secret", seenNow(c)).Body.String()
	if s := clientSecrets.FindString(renewed); s == "" || s == secret {
		t.Errorf("renewed: %q", s)
	}
	if r := w.post("alice", own+"/remove", seenNow(w.clientsOf("alice")[0])); r.Header().Get("Location") != "/user/applications?done=removed" {
		t.Errorf("remove: %d", r.Code)
	}
	if n := len(w.clientsOf("alice")); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// TestWrongApplicationsLoseNothing: what was entered stays in the form.
func TestWrongApplicationsLoseNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tt := range map[string]struct{ field, value, says string }{
		"A3Redirect": {"redirect_uris", "javascript:alert(1)", "javascript"},
		"Http":       {"redirect_uris", "http://board.example/cb", "must begin with https"},
		"NoName":     {"name", "", "needs a name"},
		"Markup":     {"redirect_uris", "https://x/<script>", "&lt;script&gt;"},
		"PKCE":       {"require_pkce", "", ""},
		"NoScope":    {"scopes", "sudo", "at least one"},
	} {
		form := application(tt.field, tt.value)
		if name == "PKCE" {
			form.Set("confidential", "")
			tt.says = "PKCE alone"
		}
		r := w.post("alice", "/user/applications/own", form)
		body := r.Body.String()
		if r.Code != http.StatusUnprocessableEntity || !strings.Contains(body, tt.says) || strings.Contains(body, "<script>alert") || !strings.Contains(body, `role="alert"`) {
			t.Errorf("%s: %d\n%s", name, r.Code, body)
		}
		if tt.field != "name" && !strings.Contains(body, `value="Board"`) {
			t.Errorf("%s: the name is lost", name)
		}
	}
	if n := len(w.clientsOf("alice")); n != 0 {
		t.Errorf("%d were made", n)
	}
}

// TestS12ApplicationsNeedAFreshProof: who signed in long ago proves it again.
func TestS12ApplicationsNeedAFreshProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.sessions["alice"][1]
	s.AuthAt = noon.Add(-time.Hour)
	if err := w.store.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveSession(&s) }); err != nil {
		t.Fatal(err)
	}
	for path, r := range map[string]http.Header{
		"GET new": w.do("alice", "GET", "/user/applications/own/new").Header(), "POST": w.post("alice", "/user/applications/own", application()).Header(),
	} {
		if !strings.HasPrefix(r.Get("Location"), "/sign-in/confirm?") {
			t.Errorf("%s: to %q", path, r.Get("Location"))
		}
	}
	if n := len(w.clientsOf("alice")); n != 0 {
		t.Errorf("%d were made", n)
	}
}

func TestApplicationsOfAnApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.users["alice"]
	alice.Email, alice.EmailVerified = "alice@example.com", true
	err := w.store.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.SaveUser(&alice); err != nil {
			return err
		}
		return tx.SaveConnector(&gatehouse.Connector{Key: "gitlab", Name: "Main GitLab", Kind: "gitlab", Owners: []string{"alice@example.com"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if page := w.do("alice", "GET", "/user/applications/own/new").Body.String(); !strings.Contains(page, "Main GitLab") {
		t.Error("an owner cannot choose the app")
	}
	if r := w.post("bob", "/user/applications/own", application("app", "gitlab")); r.Code != http.StatusForbidden {
		t.Errorf("G2: who is no owner: %d", r.Code)
	}
	if r := w.post("alice", "/user/applications/own", application("app", "gitlab")); r.Code != http.StatusOK {
		t.Fatalf("%d %s", r.Code, r.Body)
	}
	if n := len(w.clientsOf("alice")); n != 0 {
		t.Errorf("it is her own")
	}
	page := w.do("alice", "GET", "/user/applications").Body.String()
	if !strings.Contains(page, "of an app") || !strings.Contains(page, "Board") {
		t.Error("the owner does not see it")
	}
	w.portal.NoOwnApplications = true
	if r := w.do("alice", "GET", "/user/applications/own/new"); r.Code != http.StatusForbidden {
		t.Errorf("switched off: %d", r.Code)
	}
	if r := w.post("alice", "/user/applications/own", application()); r.Code != http.StatusForbidden {
		t.Errorf("switched off: %d", r.Code)
	}
}

// TestA12OwnersOfAnAppAddNothingToWhatIsTrusted: nobody is asked about a trusted
// application, so whoever owns its app could otherwise have codes and tokens of
// everybody without their knowing.
func TestA12OwnersOfAnAppAddNothingToWhatIsTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.users["alice"]
	alice.Email, alice.EmailVerified = "alice@example.com", true
	trusted := gatehouse.Client{
		ID: "board", Name: "Board", Enabled: true, Trusted: true, SecretHash: gatehouse.Digest("x"), ConnectorKey: "gitlab",
		RedirectURIs: []string{"https://board.example/cb", "https://board.example/old"}, Scopes: []string{"openid", "email"}, RequirePKCE: true, Managed: gatehouse.ManagedByDashboard,
	}
	err := w.store.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.SaveUser(&alice); err != nil {
			return err
		}
		if err := tx.SaveConnector(&gatehouse.Connector{Key: "gitlab", Name: "Main GitLab", Kind: "gitlab", Owners: []string{"alice@example.com"}}); err != nil {
			return err
		}
		return tx.SaveClient(&trusted)
	})
	if err != nil {
		t.Fatal(err)
	}
	form := func(redirects string, scopes ...string) url.Values {
		return url.Values{
			"name": {"Board"}, "redirect_uris": {redirects}, "scopes": scopes, "require_pkce": {"true"}, "seen": seenNow(trusted)["seen"],
		}
	}
	for name, f := range map[string]url.Values{
		"Scopes":  form("https://board.example/cb", "openid", "email", "api"),
		"Address": form("https://board.example/cb\nhttps://evil.example/cb", "openid", "email"),
	} {
		if r := w.post("alice", "/user/applications/own/board/edit", f); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), "only an administrator can add") {
			t.Errorf("%s: %d\n%s", name, r.Code, r.Body)
		}
	}
	if r := w.post("alice", "/user/applications/own/board/edit", form("https://board.example/cb", "openid")); r.Code != http.StatusSeeOther {
		t.Errorf("less is not more: %d\n%s", r.Code, r.Body)
	}
}
