package entry

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/passkeytest"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

const good = "correct horse battery staple"

// localWorld is a world in which people sign in without a provider, too.
func localWorld(t *testing.T, connections ...gatehouse.Connection) *world {
	t.Helper()
	w := newWorld(t, connections...)
	w.sign.Local = &credentials.Credentials{Store: w.store, URL: "https://id.example.com"}
	w.sign.Local.Hasher.Cost.Memory, w.sign.Local.Hasher.Cost.Passes = 64, 1
	return w
}

// person makes somebody with a password.
func (w *world) person(name string, role gatehouse.AdminRole) gatehouse.User {
	w.t.Helper()
	hash, err := w.sign.Local.NewPassword(w.t.Context(), gatehouse.User{Username: name}, good)
	if err != nil {
		w.t.Fatal(err)
	}
	var u gatehouse.User
	w.update(func(tx *store.Tx) error {
		by := gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "a test"}
		if u, err = w.sign.Users.Make(tx, by, users.New{Username: name, Role: role}); err != nil {
			return err
		}
		return w.sign.Local.SetPassword(tx, by, u.ID, hash, true)
	})
	return u
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// TestLocalForm: plain fields below the ways of providers, once somebody can
// use them, and first where there is no other way.
func TestLocalForm(t *testing.T) {
	t.Parallel()
	w := localWorld(t, one())
	if p := w.browser().get("/sign-in"); strings.Contains(p.body, `name="password"`) || strings.Contains(p.header.Get("Content-Security-Policy"), "script-src") {
		t.Error("it is offered while nobody can use it")
	}
	w.person("olga", "")
	p := w.browser().get("/sign-in?return_to=/user/security")
	for _, part := range []string{`<form method="post" action="/sign-in"`, `name="username"`, `name="password" type="password"`, `name="return_to" value="/user/security"`, `data-begin="/sign-in/passkey/begin"`} {
		if !strings.Contains(p.body, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	if strings.Index(p.body, `action="/sign-in/one"`) > strings.Index(p.body, `action="/sign-in"`) {
		t.Error("it is not below")
	}
	if policy := p.header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy: %s", policy)
	}
	alone := localWorld(t)
	alone.person("olga", "")
	p = alone.browser().get("/sign-in")
	if first := regexp.MustCompile(`<form[^>]*>`).FindString(p.body); !strings.Contains(first, `action="/sign-in"`) || strings.Contains(p.body, "There is no way in yet") {
		t.Errorf("the first form is %s", first)
	}
}

func TestSignInByPassword(t *testing.T) {
	t.Parallel()
	w := localWorld(t, one())
	w.person("olga", "")
	b := w.browser()
	b.get("/sign-in")
	p := b.post("/sign-in", form("username", `olga"><b>`, "password", "wrong", "return_to", "/user/security"))
	for _, part := range []string{"The username or the password is wrong.", `value="olga&#34;&gt;&lt;b&gt;"`, `name="return_to" value="/user/security"`} {
		if !strings.Contains(p.body, part) {
			t.Errorf("the page lacks %s:\n%s", part, p.body)
		}
	}
	if p.status != http.StatusBadRequest || strings.Contains(p.body, "wrong\"") || b.signedIn() {
		t.Errorf("status %d", p.status)
	}
	p = b.post("/sign-in", form("username", "olga", "password", good, "return_to", "/user/security"))
	if p.status != http.StatusSeeOther || p.location != "/user/security" || !b.signedIn() {
		t.Errorf("%d to %q: %s", p.status, p.location, p.body)
	}
	for _, to := range []string{"https://evil.example", "//evil.example", "/\\evil.example"} {
		if p := w.browser().post("/sign-in", form("username", "olga", "password", good, "return_to", to)); p.location != "/user" {
			t.Errorf("H11: return_to %s leads to %s", to, p.location)
		}
	}
	c := w.browser()
	c.request("handle", gatehouse.Demand{})
	if p := c.post("/sign-in", form("username", "olga", "password", good, "request", "handle")); p.location != "/oauth/authorize?request=handle" {
		t.Errorf("the request goes on at %s", p.location)
	}
	for range 6 {
		p = c.post("/sign-in", form("username", "nobody", "password", "x"))
	}
	if p.status != http.StatusTooManyRequests || !strings.Contains(p.body, "too many wrong tries") || !strings.Contains(p.body, `name="password"`) {
		t.Errorf("after many: %d", p.status)
	}
}

func TestG11OddForms(t *testing.T) {
	t.Parallel()
	w := localWorld(t)
	w.person("olga", "")
	for _, to := range []string{"/sign-in", "/sign-in/code", "/sign-in/enroll", "/sign-in/passkey", "/sign-in/passkey/begin", "/sign-in/confirm", "/sign-in/confirm/passkey", "/sign-in/confirm/passkey/begin", "/sign-in/confirm/with/one"} {
		for _, body := range []string{"", "%zz", "username=%00&password=%00", "attempt=%ff&code=%ff", "credential=%7B", "username=" + strings.Repeat("x", 70_000), form("attempt", strings.Repeat("x", 5000), "code", strings.Repeat("9", 5000))} {
			if p := w.browser().post(to, body); p.status >= 500 || p.status == http.StatusOK && to != "/sign-in/passkey/begin" {
				t.Errorf("POST %s with %.20q: %d", to, body, p.status)
			}
		}
	}
	for _, to := range []string{"/sign-in/code", "/sign-in/enroll", "/sign-in/code?attempt=%00", "/sign-in/enroll?attempt=" + strings.Repeat("x", 3000)} {
		if p := w.browser().get(to); p.status != http.StatusGone {
			t.Errorf("GET %s: %d", to, p.status)
		}
	}
}

var key = regexp.MustCompile(`<code class="copy" tabindex="0">([A-Z2-7 ]+)</code>`)

func code(t *testing.T, secret string) string {
	t.Helper()
	c, err := totp.GenerateCode(strings.ReplaceAll(secret, " ", ""), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestS7EnrollPage is an administrator's first sign-in.
func TestS7EnrollPage(t *testing.T) {
	t.Parallel()
	w := localWorld(t)
	w.person("olga", gatehouse.RoleSuperAdministrator)
	b := w.browser()
	p := b.post("/sign-in", form("username", "olga", "password", good, "return_to", "/admin"))
	if p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/sign-in/enroll?attempt=") || b.signedIn() {
		t.Fatalf("%d to %q", p.status, p.location)
	}
	page := b.get(p.location)
	found := key.FindStringSubmatch(page.body)
	if page.status != http.StatusOK || found == nil || !strings.Contains(page.body, `<svg class="qr" role="img"`) {
		t.Fatalf("%d, no key or no QR code:\n%s", page.status, page.body)
	}
	if !strings.Contains(page.header.Get("Cache-Control"), "no-store") {
		t.Error("G7: the secret may be kept by the browser")
	}
	attempt := p.location[strings.Index(p.location, "=")+1:]
	wrong := b.post("/sign-in/enroll", form("attempt", attempt, "code", "000000"))
	if wrong.status != http.StatusBadRequest || !strings.Contains(wrong.body, "The code is wrong") || !strings.Contains(wrong.body, found[1]) {
		t.Errorf("a wrong code: %d", wrong.status)
	}
	if p := w.browser().get(p.location); p.status != http.StatusGone {
		t.Errorf("A13: another browser sees the secret: %d", p.status)
	}
	right := b.post("/sign-in/enroll", form("attempt", attempt, "code", code(t, found[1])))
	if right.status != http.StatusSeeOther || !strings.HasPrefix(right.location, "/user/security/recovery-codes?") || !b.signedIn() {
		t.Errorf("%d to %q", right.status, right.location)
	}
	c := w.browser()
	p = c.post("/sign-in", form("username", "olga", "password", good))
	if page := c.get(p.location); page.status != http.StatusOK || !strings.Contains(page.body, `name="code"`) || strings.Contains(page.body, found[1]) {
		t.Errorf("the next time: %d", page.status)
	}
	attempt = p.location[strings.Index(p.location, "=")+1:]
	if again := c.post("/sign-in/code", form("attempt", attempt, "code", "12345")); again.status != http.StatusBadRequest || !strings.Contains(again.body, `aria-invalid="true"`) || c.signedIn() {
		t.Errorf("a wrong code: %d", again.status)
	}
}

// passkey makes a passkey for somebody, with a device of its own.
func (w *world) passkey(b *browser, u gatehouse.User) *passkeytest.Device {
	w.t.Helper()
	b.get("/sign-in")
	r, err := http.NewRequest(http.MethodGet, "/", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "gatehouse_browser", Value: b.cookies["gatehouse_browser"]})
	hash, _ := w.sign.Sessions.BrowserOf(r)
	options, err := w.sign.Local.BeginPasskey(w.t.Context(), u, hash)
	if err != nil {
		w.t.Fatal(err)
	}
	d := &passkeytest.Device{Origin: "https://id.example.com", Host: "id.example.com"}
	made, err := d.Create(asJSON(w.t, options))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.sign.Local.AddPasskey(w.t.Context(), gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID}, u.ID, "", hash, made); err != nil {
		w.t.Fatal(err)
	}
	return d
}

func TestSignInByPasskey(t *testing.T) {
	t.Parallel()
	w := localWorld(t, one())
	u := w.person("olga", gatehouse.RoleSuperAdministrator)
	b := w.browser()
	d := w.passkey(b, u)
	asked := b.post("/sign-in/passkey/begin", "")
	if asked.status != http.StatusOK || asked.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d: %s", asked.status, asked.body)
	}
	given, err := d.Get([]byte(asked.body))
	if err != nil {
		t.Fatal(err)
	}
	if p := w.browser().post("/sign-in/passkey", form("credential", given)); p.status == http.StatusSeeOther {
		t.Error("A13: another browser comes in")
	}
	p := b.post("/sign-in/passkey", form("credential", given, "return_to", "/admin"))
	if p.status != http.StatusSeeOther || p.location != "/admin" || !b.signedIn() {
		t.Errorf("%d to %q: %s", p.status, p.location, p.body)
	}
	e := w.browser()
	p = e.get(e.post("/sign-in", form("username", "olga", "password", good)).location)
	if p.status != http.StatusOK || strings.Contains(p.body, `name="code"`) || !strings.Contains(p.body, `data-begin="/sign-in/passkey/begin"`) || !strings.Contains(p.body, "<noscript>") {
		t.Errorf("S7: after the password, the passkey is not asked for: %d\n%s", p.status, p.body)
	}
	c := w.browser()
	if p := c.post("/sign-in/passkey", form("credential", "{}")); p.status != http.StatusBadRequest || !strings.Contains(p.body, "The answer of the passkey cannot be used.") {
		t.Errorf("nonsense: %d", p.status)
	}
}

// TestS12ConfirmPage offers what the person has, and goes back to what was to be
// done.
func TestS12ConfirmPage(t *testing.T) {
	t.Parallel()
	w := localWorld(t, one())
	if p := w.browser().get("/sign-in/confirm?return_to=/user/security"); p.location != "/sign-in?return_to=%2Fsign-in%2Fconfirm%3Freturn_to%3D%2Fuser%2Fsecurity" {
		t.Errorf("nobody is signed in: %d to %s", p.status, p.location)
	}
	b := w.browser()
	b.signIn("alice")
	p := b.get("/sign-in/confirm?return_to=/user/security")
	if p.status != http.StatusOK || !strings.Contains(p.body, `action="/sign-in/confirm/with/one"`) || strings.Contains(p.body, `name="password"`) || strings.Contains(p.body, "passkey/begin") {
		t.Errorf("one of a provider: %d\n%s", p.status, p.body)
	}
	p = b.post("/sign-in/confirm/with/one", form("return_to", "/user/security"))
	to, err := url.Parse(p.location)
	if err != nil || to.Host != "provider.example" {
		t.Fatalf("%d to %q", p.status, p.location)
	}
	before := b.cookies["gatehouse_session"]
	p = b.get("/users/auth/one/callback?" + url.Values{"code": {"alice"}, "state": {to.Query().Get("state")}}.Encode())
	if p.location != "/user/security" || b.cookies["gatehouse_session"] == before {
		t.Errorf("S1: %d to %q, and the secret is the same", p.status, p.location)
	}

	w.person("olga", "")
	c := w.browser()
	c.post("/sign-in", form("username", "olga", "password", good))
	if p := c.get("/sign-in/confirm?return_to=//evil.example"); !strings.Contains(p.body, `name="password"`) || strings.Contains(p.body, `="//evil`) || strings.Contains(p.body, "with/one") {
		t.Errorf("H11, or the wrong ways:\n%s", p.body)
	}
	if p := c.post("/sign-in/confirm", form("password", "wrong", "return_to", "/user/security")); p.status != http.StatusBadRequest || !strings.Contains(p.body, `value="/user/security"`) {
		t.Errorf("a wrong password: %d", p.status)
	}
	if p := c.post("/sign-in/confirm", form("password", good, "return_to", "/user/security")); p.location != "/user/security" {
		t.Errorf("%d to %q", p.status, p.location)
	}
}

func TestConfirmWithNothing(t *testing.T) {
	t.Parallel()
	w := localWorld(t)
	token, err := w.sign.MakeLink(t.Context(), "claim", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	if p := b.post("/sign-in/claim", form("token", token)); p.location != "/user/security?first=true" {
		t.Fatalf("%d to %q", p.status, p.location)
	}
	if p := b.get("/sign-in/confirm"); !strings.Contains(p.body, "There is nothing to confirm with") {
		t.Errorf("%d: %s", p.status, p.body)
	}
	if p := b.post("/sign-in/confirm/development", form("return_to", "/user/security")); p.status != http.StatusForbidden {
		t.Errorf("a real installation confirms without a proof: %d to %q", p.status, p.location)
	}
	w.sign.Development = true
	if p := b.get("/sign-in/confirm?return_to=/user/security"); !strings.Contains(p.body, `action="/sign-in/confirm/development"`) || strings.Contains(p.body, "There is nothing") {
		t.Errorf("development: %d: %s", p.status, p.body)
	}
	before := b.cookies["gatehouse_session"]
	if p := b.post("/sign-in/confirm/development", form("return_to", "/user/security")); p.location != "/user/security" || b.cookies["gatehouse_session"] == before {
		t.Errorf("development: %d to %q", p.status, p.location)
	}
	if p := w.browser().post("/sign-in/confirm/development", ""); p.status != http.StatusUnauthorized && p.status != http.StatusSeeOther {
		t.Errorf("nobody: %d", p.status)
	}
}
