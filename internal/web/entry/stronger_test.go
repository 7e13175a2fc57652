package entry

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatehouse"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
)

// TestA16StrongerPages: somebody who is signed in by a password alone and comes
// for an app that insists on two proofs is told what they need, is asked for it
// once they have it, and comes back to the app.
func TestA16StrongerPages(t *testing.T) {
	t.Parallel()
	w := localWorld(t, one())
	olga := w.person("olga", "")
	b := w.browser()
	insists := gatehouse.Demand{ACR: []string{gatehouse.ACRTwoFactors}, Essential: true, Stronger: true}
	b.request("handle", insists)
	if p := b.get("/sign-in?request=handle"); p.status != http.StatusOK || !strings.Contains(p.body, `name="password"`) {
		t.Errorf("nobody is signed in, and gets %d %s", p.status, p.location)
	}
	if p := b.get("/sign-in/stronger?request=handle"); p.location != "/sign-in?auto_sign_in=false&request=handle" {
		t.Errorf("nobody is led to %s", p.location)
	}
	needs := signin.NeedsStronger("handle")
	if p := b.post("/sign-in", form("username", "olga", "password", good, "request", "handle")); p.location != needs || !b.signedIn() {
		t.Fatalf("leads to %s", p.location)
	}
	p := b.get("/sign-in?request=handle")
	if p.location != needs {
		t.Errorf("leads to %s", p.location)
	}
	p = b.get(needs)
	for _, part := range []string{"A second proof is needed", "Demo &lt;i&gt; lets in only", `href="/user/security"`, `href="/oauth/authorize?request=handle"`, `href="/sign-in?auto_sign_in=false&amp;request=handle"`} {
		if !strings.Contains(p.body, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	if p.status != http.StatusForbidden {
		t.Errorf("status %d", p.status)
	}
	if p := b.get("/sign-in?request=handle&auto_sign_in=false"); p.status != http.StatusOK {
		t.Errorf("another way in: %d %s", p.status, p.location)
	}
	if p := w.browser().get(needs); p.status != http.StatusSeeOther {
		t.Errorf("another browser gets %d", p.status)
	}

	secret := ""
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: olga.ID}
	w.update(func(tx *store.Tx) error {
		s, err := w.sign.Local.BeginAuthenticator(tx, olga)
		secret = strings.ReplaceAll(s.Key, " ", "")
		return err
	})
	code := func(at time.Time) string {
		c, err := totp.GenerateCode(secret, at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if _, err := w.sign.Local.ConfirmAuthenticator(t.Context(), by, olga.ID, code(time.Now().Add(-30*time.Second))); err != nil {
		t.Fatal(err)
	}
	p = b.get(needs)
	if !strings.HasPrefix(p.location, "/sign-in/code?attempt=") {
		t.Fatalf("goes on at %s", p.location)
	}
	page := b.get(p.location)
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https: http:") {
		t.Errorf("a browser would not follow the answer to the app: %s", policy)
	}
	_, attempt, _ := strings.Cut(p.location, "attempt=")
	if p := b.post("/sign-in/code", form("attempt", attempt, "code", code(time.Now()))); p.location != "/oauth/authorize?request=handle" {
		t.Errorf("%d to %s: %s", p.status, p.location, p.body)
	}
	if p := b.get("/sign-in?request=handle"); p.location != "/oauth/authorize?request=handle" {
		t.Errorf("once more to %s", p.location)
	}
}
