package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/internal/config"
	openidtwin "gatehouse/internal/twin/openid"
)

// throughCompany signs a person in through the OpenID twin.
func (v *visitor) throughCompany(r *running, username string) *visitor {
	v.Helper()
	v.open(r.hub + "/sign-in?auto_sign_in=false").submit(map[string]string{"action": "/sign-in/openid_connect"}).sees("Company sign-in (stand-in)")
	v.submit(map[string]string{"sub": openidtwin.DemoSub(username)})
	if strings.HasPrefix(v.at.String(), r.openid) {
		v.submit(map[string]string{"consent": "agree"})
	}
	if v.at.Path != "/user" {
		v.Fatalf("%s is at %s:\n%s", username, v.at, excerptOf(v.text))
	}
	return v
}

func (v *visitor) signedIn(r *running) bool {
	v.Helper()
	return v.open(r.hub+"/user").at.Path == "/user"
}

func TestProviderEndsItsSessions(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, database func(*dev, *config.Config)) {
		var twin *openidtwin.Twin
		r := startDev(t, t.TempDir(), database, func(d *dev, _ *config.Config) { twin = d.openid })
		here, there, other := newVisitor(t).throughCompany(r, "nora"), newVisitor(t).throughCompany(r, "nora"), newVisitor(t).throughCompany(r, "zhao.yun")
		send := func(token string) (*http.Response, error) {
			return http.PostForm(r.hub+"/backchannel-logout/openid_connect", url.Values{"logout_token": {token}})
		}
		// What is wrong ends nothing.
		twin.SetFlaws(openidtwin.AlgNone)
		forged, err := twin.LogoutToken(openidtwin.DemoClientID, openidtwin.DemoSub("nora"), "")
		if err != nil {
			t.Fatal(err)
		}
		twin.SetFlaws()
		for _, token := range []string{forged, ""} {
			answer, err := send(token)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusBadRequest || answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Content-Type") != "application/json" {
				t.Errorf("a forged token is answered %d %v", answer.StatusCode, answer.Header)
			}
		}
		if !here.signedIn(r) || !there.signedIn(r) {
			t.Fatal("a forged token ended a session")
		}
		// The provider's own button ends all of one person's, and no other's.
		newVisitor(t).open(r.openid + "/").sees("Nora Lindqvist").submit(map[string]string{"action": "/sign-out", "sub": openidtwin.DemoSub("nora")})
		if here.signedIn(r) || there.signedIn(r) || !other.signedIn(r) {
			t.Error("the provider signed nora out, and sessions are not as they should be")
		}
		// A token that was obeyed counts no more.
		token, err := twin.LogoutToken(openidtwin.DemoClientID, openidtwin.DemoSub("nora"), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{http.StatusOK, http.StatusBadRequest} {
			answer, err := send(token)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("answered %d, want %d", answer.StatusCode, want)
			}
		}
		if strings.Contains(r.log.String(), token) {
			t.Error("the log has the logout token")
		}
	})
}

// TestSignOutEndsTheProvidersSession is RP-Initiated Logout: the next sign-in
// there asks who it is.
func TestSignOutEndsTheProvidersSession(t *testing.T) {
	t.Parallel()
	r := startDev(t, t.TempDir())
	v := newVisitor(t).throughCompany(r, "nora")
	newVisitor(t).open(r.openid + "/").sees("Nora Lindqvist")
	v.open(r.hub + "/sign-out").submit(map[string]string{"action": "/sign-out"}).sees("You are signed out.")
	if v.at.Path != "/sign-in" || !strings.HasPrefix(v.at.String(), r.hub) {
		t.Errorf("the sign-out ends at %s", v.at)
	}
	if seen := text(newVisitor(t).open(r.openid + "/").doc); strings.Contains(seen, "Nora Lindqvist") {
		t.Error("the provider's session lives on")
	}
}
