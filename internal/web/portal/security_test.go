package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/passkeytest"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
)

const good = "correct horse battery staple"

// newSecurityWorld is a world in which people prove themselves here, too. Alice
// administers.
func newSecurityWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	clock := gatehouse.Clock(func() time.Time { return w.now })
	w.portal.Local = &credentials.Credentials{Store: w.store, Clock: clock, URL: "https://id.example.com"}
	w.portal.Local.Hasher.Cost.Memory, w.portal.Local.Hasher.Cost.Passes = 64, 1
	w.portal.Places = places{}
	mux := http.NewServeMux()
	w.portal.Mount(mux)
	w.http = w.portal.UI.Middleware(mux)
	w.update(func(tx *store.Tx) error {
		u, err := tx.User(w.users["alice"].ID)
		if err != nil {
			return err
		}
		u.Role = gatehouse.RoleSuperAdministrator
		w.users["alice"] = u
		return tx.SaveUser(&u)
	})
	return w
}

// places knows one address.
type places struct{}

func (places) Place(address, language string) string {
	if address == "203.0.113.9" {
		return map[string]string{"en": "Shanghai, <China>", "zh-CN": "中国 上海"}[language]
	}
	return ""
}

// with sends a request with the cookie of a browser of its own as well.
func (w *world) with(as, method, target string, form url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "gatehouse_browser", Value: strings.Repeat("A", 43)})
	return w.send(as, r)
}

func (w *world) has(name string) (has gatehouse.LocalWays) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		has, err = tx.LocalWays(w.users[name].ID)
		return err
	})
	return has
}

func TestSecurityPage(t *testing.T) {
	t.Parallel()
	w := newSecurityWorld(t)
	got := w.do("alice", "GET", "/user/security").Body.String()
	if strings.Contains(got, "<China>") {
		t.Error("H12: what the file of places says is markup")
	}
	got = strings.ReplaceAll(got, "><", ">\n<")
	got = ids.ReplaceAllString(hues.ReplaceAllString(asset.ReplaceAllString(got, "/assets/$1.HASH."), "hue"), "ID")
	isGolden(t, filepath.Join("testdata", "security_admin.html"), got)
	for _, part := range []string{"Shanghai", "7 days without use", "30 days in any case", "/user/security/password", "/user/security/passkeys/new"} {
		if !strings.Contains(got, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	if got := w.do("bob", "GET", "/user/security").Body.String(); strings.Contains(got, "/user/security/password") || !strings.Contains(got, "/user/security/passkeys/new") {
		t.Error("H8: somebody of a provider is offered a password, or no passkey")
	}
	if got := w.do("alice", "GET", "/user/security?first=true").Body.String(); !strings.Contains(got, "Make sure that you can come back") {
		t.Error("the first administrator is not told what to do")
	}
}

// TestS12SecurityNeedsAFreshProof: of everything that changes how somebody
// proves who they are.
func TestS12SecurityNeedsAFreshProof(t *testing.T) {
	t.Parallel()
	w := newSecurityWorld(t)
	w.now = noon.Add(session.FreshFor)
	for _, target := range []string{
		"GET /user/security/password", "POST /user/security/password", "POST /user/security/password/remove",
		"POST /user/security/authenticator/begin", "GET /user/security/authenticator", "POST /user/security/authenticator", "POST /user/security/authenticator/remove",
		"POST /user/security/recovery-codes", "GET /user/security/passkeys/new", "POST /user/security/passkeys", "POST /user/security/passkeys/begin",
		"POST /user/security/passkeys/x/remove",
	} {
		method, path, _ := strings.Cut(target, " ")
		r := w.do("alice", method, path)
		if r.Code != http.StatusSeeOther || !strings.HasPrefix(r.Header().Get("Location"), "/sign-in/confirm?return_to=%2Fuser%2Fsecurity") {
			t.Errorf("%s: %d to %q", target, r.Code, r.Header().Get("Location"))
		}
		if r := w.do("", method, path); r.Code != http.StatusUnauthorized && r.Code != http.StatusSeeOther {
			t.Errorf("G1: %s by nobody: %d", target, r.Code)
		}
	}
	if w.has("alice") != (gatehouse.LocalWays{}) {
		t.Error("something was changed")
	}
}

// TestS11SetPassword: the present one is asked for, and other sessions end if
// wanted.
func TestS11SetPassword(t *testing.T) {
	t.Parallel()
	w := newSecurityWorld(t)
	r := w.with("alice", "POST", "/user/security/password", url.Values{"password": {"password1"}, "end_others": {"yes"}})
	if r.Code != http.StatusBadRequest || !strings.Contains(r.Body.String(), "Many people have this password") || strings.Contains(r.Body.String(), "password1") || len(w.alive("alice")) != 2 {
		t.Errorf("a bad one: %d", r.Code)
	}
	r = w.with("alice", "POST", "/user/security/password", url.Values{"password": {good}})
	if r.Header().Get("Location") != "/user/security?done=password-set" || !w.has("alice").Password || len(w.alive("alice")) != 2 {
		t.Fatalf("%d to %q", r.Code, r.Header().Get("Location"))
	}
	if page := w.do("alice", "GET", "/user/security/password").Body.String(); !strings.Contains(page, `name="old_password"`) || !strings.Contains(page, "Change the password") {
		t.Error("the present one is not asked for")
	}
	for _, old := range []string{"", "wrong"} {
		r = w.with("alice", "POST", "/user/security/password", url.Values{"password": {"another good one"}, "old_password": {old}})
		if r.Code != http.StatusBadRequest || !strings.Contains(r.Body.String(), "This is not your present password.") {
			t.Errorf("with %q as the present one: %d", old, r.Code)
		}
	}
	r = w.with("alice", "POST", "/user/security/password", url.Values{"password": {"another good one"}, "old_password": {good}, "end_others": {"yes"}})
	if r.Code != http.StatusSeeOther || len(w.alive("alice")) != 1 || len(w.alive("bob")) != 2 {
		t.Errorf("%d, %d sessions", r.Code, len(w.alive("alice")))
	}
	r = w.with("bob", "POST", "/user/security/password", url.Values{"password": {good}})
	if r.Code != http.StatusForbidden || w.has("bob").Password {
		t.Errorf("H8: bob has a password: %d", r.Code)
	}
	if r := w.with("bob", "GET", "/user/security/password", nil); r.Code != http.StatusForbidden {
		t.Errorf("H8: bob sees the page: %d", r.Code)
	}
	if r := w.with("alice", "POST", "/user/security/password/remove", nil); r.Header().Get("Location") != "/user/security?done=password-removed" || w.has("alice").Password {
		t.Errorf("%d to %q", r.Code, r.Header().Get("Location"))
	}
}

// TestTheLastWayInStays, whatever is pressed.
func TestTheLastWayInStays(t *testing.T) {
	t.Parallel()
	w := newSecurityWorld(t)
	w.with("alice", "POST", "/user/security/password", url.Values{"password": {good}})
	w.update(func(tx *store.Tx) error {
		all, err := tx.Identities(w.users["alice"].ID)
		if err != nil {
			return err
		}
		return tx.DeleteIdentity(all[0].ID)
	})
	r := w.with("alice", "POST", "/user/security/password/remove", nil)
	if r.Code != http.StatusConflict || !strings.Contains(r.Body.String(), "last way in") || !w.has("alice").Password {
		t.Errorf("%d: %s", r.Code, r.Body)
	}
}

var key = regexp.MustCompile(`<code class="copy" tabindex="0">([A-Z2-7 ]+)</code>`)

func TestAuthenticator(t *testing.T) {
	t.Parallel()
	w := newSecurityWorld(t)
	if r := w.with("bob", "GET", "/user/security/authenticator", nil); r.Header().Get("Location") != "/user/security" {
		t.Errorf("nothing is being set up: %d", r.Code)
	}
	if r := w.with("bob", "POST", "/user/security/authenticator/begin", nil); r.Header().Get("Location") != "/user/security/authenticator" {
		t.Fatalf("%d to %q", r.Code, r.Header().Get("Location"))
	}
	page := w.with("bob", "GET", "/user/security/authenticator", nil)
	found := key.FindStringSubmatch(page.Body.String())
	if found == nil {
		t.Fatalf("no key:\n%s", page.Body)
	}
	if again := w.with("bob", "GET", "/user/security/authenticator", nil); !strings.Contains(again.Body.String(), found[1]) {
		t.Error("loading the page again changes the key")
	}
	if r := w.with("bob", "POST", "/user/security/authenticator", url.Values{"code": {"000000"}}); r.Code != http.StatusBadRequest || !strings.Contains(r.Body.String(), "The code is wrong") {
		t.Errorf("a wrong code: %d", r.Code)
	}
	code, err := totp.GenerateCode(strings.ReplaceAll(found[1], " ", ""), w.now)
	if err != nil {
		t.Fatal(err)
	}
	r := w.with("bob", "POST", "/user/security/authenticator", url.Values{"code": {code}})
	to := r.Header().Get("Location")
	if !strings.HasPrefix(to, "/user/security/recovery-codes?shown=") || !w.has("bob").Authenticator {
		t.Fatalf("%d to %q", r.Code, to)
	}
	shown := w.with("bob", "GET", to, nil).Body.String()
	if n := strings.Count(shown, "<li>"); n != 10 || !strings.Contains(shown, "never again") {
		t.Errorf("%d codes are shown", n)
	}
	if r := w.with("alice", "GET", to, nil); r.Code != http.StatusGone {
		t.Errorf("G2: alice sees bob's codes: %d", r.Code)
	}
	if r := w.do("bob", "GET", to); r.Code != http.StatusGone {
		t.Errorf("A13: another browser sees them: %d", r.Code)
	}
	token, _ := url.QueryUnescape(strings.TrimPrefix(to, "/user/security/recovery-codes?shown="))
	for _, back := range []string{"//evil.example", "/admin"} {
		r = w.with("bob", "POST", "/user/security/recovery-codes/kept", url.Values{"shown": {token}, "return_to": {back}})
		if want := map[string]string{"/admin": "/admin"}[back]; r.Header().Get("Location") != want && want != "" || strings.Contains(r.Header().Get("Location"), "evil") {
			t.Errorf("H11: goes to %q", r.Header().Get("Location"))
		}
	}
	if r := w.with("bob", "GET", to, nil); r.Code != http.StatusGone {
		t.Errorf("they are shown again: %d", r.Code)
	}
	before := w.has("bob")
	r = w.with("bob", "POST", "/user/security/recovery-codes", nil)
	if !strings.HasPrefix(r.Header().Get("Location"), "/user/security/recovery-codes?shown=") || w.has("bob") != before {
		t.Errorf("new ones: %d to %q", r.Code, r.Header().Get("Location"))
	}
	if page := w.do("bob", "GET", "/user/security").Body.String(); !strings.Contains(page, "10 codes are left") {
		t.Error("the page does not say how many are left")
	}
	if r := w.with("bob", "POST", "/user/security/authenticator/remove", nil); r.Header().Get("Location") != "/user/security?done=authenticator-removed" || w.has("bob").Authenticator {
		t.Errorf("%d to %q", r.Code, r.Header().Get("Location"))
	}
	if r := w.with("bob", "POST", "/user/security/recovery-codes", nil); r.Code != http.StatusConflict {
		t.Errorf("codes without an app: %d", r.Code)
	}
}

func TestPasskeys(t *testing.T) {
	t.Parallel()
	w := newSecurityWorld(t)
	if page := w.with("bob", "GET", "/user/security/passkeys/new", nil); !strings.Contains(page.Body.String(), "<noscript>") || !strings.Contains(page.Header().Get("Content-Security-Policy"), "script-src 'self'") {
		t.Errorf("%d: %s", page.Code, page.Body)
	}
	asked := w.with("bob", "POST", "/user/security/passkeys/begin", nil)
	d := &passkeytest.Device{Origin: "https://id.example.com", Host: "id.example.com"}
	made, err := d.Create(asked.Body.Bytes())
	if err != nil {
		t.Fatalf("%v: %s", err, asked.Body)
	}
	if r := w.with("alice", "POST", "/user/security/passkeys", url.Values{"name": {"mine"}, "credential": {made}}); r.Code != http.StatusGone || w.has("alice").Passkeys != 0 {
		t.Errorf("G2: alice takes bob's: %d", r.Code)
	}
	if r := w.with("bob", "POST", "/user/security/passkeys", url.Values{"credential": {"{}"}}); r.Code != http.StatusBadRequest || !strings.Contains(r.Body.String(), "cannot be used") {
		t.Errorf("nonsense: %d", r.Code)
	}
	asked = w.with("bob", "POST", "/user/security/passkeys/begin", nil)
	if made, err = d.Create(asked.Body.Bytes()); err != nil {
		t.Fatal(err)
	}
	if r := w.with("bob", "POST", "/user/security/passkeys", url.Values{"name": {"<My phone>"}, "credential": {made}}); r.Header().Get("Location") != "/user/security?done=passkey-added" {
		t.Fatalf("%d: %s", r.Code, r.Body)
	}
	page := w.do("bob", "GET", "/user/security").Body.String()
	id := regexp.MustCompile(`/user/security/passkeys/([0-9a-f-]+)/remove`).FindStringSubmatch(page)
	if id == nil || !strings.Contains(page, "&lt;My phone&gt;") || !strings.Contains(page, "never") {
		t.Fatalf("the page:\n%s", page)
	}
	for _, what := range []string{"rename", "remove"} {
		if r := w.with("alice", "POST", "/user/security/passkeys/"+id[1]+"/"+what, url.Values{"name": {"x"}}); r.Code != http.StatusNotFound {
			t.Errorf("G2: alice may %s it: %d", what, r.Code)
		}
	}
	if r := w.with("bob", "POST", "/user/security/passkeys/"+id[1]+"/rename", url.Values{"name": {"Blue one"}}); r.Header().Get("Location") != "/user/security?done=passkey-renamed" {
		t.Errorf("%d", r.Code)
	}
	if page := w.do("bob", "GET", "/user/security").Body.String(); !strings.Contains(page, "Blue one") {
		t.Error("it has its old name")
	}
	if r := w.with("bob", "POST", "/user/security/passkeys/"+id[1]+"/remove", nil); r.Header().Get("Location") != "/user/security?done=passkey-removed" || w.has("bob").Passkeys != 0 {
		t.Errorf("%d", r.Code)
	}
	w.portal.Local.URL = "http://127.0.0.1:8080"
	if page := w.do("bob", "GET", "/user/security").Body.String(); !strings.Contains(page, "here it is an IP address") || strings.Contains(page, "passkeys/new") {
		t.Error("at an IP address, passkeys are offered")
	}
}

// TestPausesAreTold to whose account was guessed at.
func TestPausesAreTold(t *testing.T) {
	t.Parallel()
	w := newSecurityWorld(t)
	for range 5 {
		_, _ = w.portal.Local.Password(t.Context(), credentials.Try{Name: "alice", Password: "x", Address: "192.0.2.7"})
	}
	if page := w.do("alice", "GET", "/user/security").Body.String(); !strings.Contains(page, "Somebody tried to get into your account") {
		t.Error("nothing is said")
	}
	if page := w.do("bob", "GET", "/user/security").Body.String(); strings.Contains(page, "Somebody tried") {
		t.Error("bob is told")
	}
}
