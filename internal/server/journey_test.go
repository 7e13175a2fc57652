package server

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/store/storetest"
	dingtalktwin "gatehouse/internal/twin/dingtalk"
	openidtwin "gatehouse/internal/twin/openid"
)

// throughDingTalk signs a person in to the demo app through DingTalk, up to the
// page that the demo shows in the end.
func (v *visitor) throughDingTalk(r *running, userID string) *visitor {
	v.Helper()
	v.open(r.demo).submit(map[string]string{"action": "/sign-in"}).sees("Demo app", "DingTalk", "GitLab")
	v.submit(map[string]string{"action": "/sign-in/dingtalk"}).sees("DingTalk (stand-in)")
	v.submit(map[string]string{"union_id": dingtalktwin.DemoUnionID(userID)})
	if strings.HasPrefix(v.at.String(), r.dingtalk) {
		v.submit(map[string]string{"union_id": dingtalktwin.DemoUnionID(userID), "consent": "agree"})
	}
	return v
}

// allow lets the demo app have what it asks for, if that is asked.
func (v *visitor) allow(r *running) *visitor {
	v.Helper()
	if strings.HasPrefix(v.at.String(), r.hub+"/oauth/") {
		v.sees("Demo app").submit(map[string]string{"action": "/oauth/authorize/consent", "decision": "allow"})
	}
	return v
}

func (v *visitor) claims(element string) map[string]any {
	v.Helper()
	claims := map[string]any{}
	if err := json.Unmarshal([]byte(v.element(element)), &claims); err != nil {
		v.Fatal(err)
	}
	return claims
}

// onEachDatabase runs a journey on SQLite, as dev does, and on PostgreSQL.
// database is for startDev and tryDev.
func onEachDatabase(t *testing.T, journey func(t *testing.T, database func(*dev, *config.Config))) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		journey(t, func(*dev, *config.Config) {})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		address := storetest.Postgres(t)
		journey(t, func(_ *dev, c *config.Config) { c.Database = address })
	})
}

func TestJourneyThroughDingTalk(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, journeyThroughDingTalk)
}

func journeyThroughDingTalk(t *testing.T, database func(*dev, *config.Config)) {
	r := startDev(t, t.TempDir(), database)
	v := newVisitor(t).throughDingTalk(r, "lina").allow(r)
	v.sees("Hello, 李娜")
	claims := v.claims("claims")
	if claims["email"] != "li.na@example.com" || claims["name"] != "李娜" || claims["iss"] != r.hub || claims["sub"] != "1000000002" {
		t.Errorf("claims of the ID token: %v", claims)
	}
	if u := v.claims("gitlab"); u["id"] != float64(gatehouse.FirstUserNumber+1) || u["state"] != "active" || u["username"] != claims["preferred_username"] {
		t.Errorf("/api/v4/user: %v", u)
	}
	t.Run("TheSecondTimeAsksNothing", func(t *testing.T) {
		v.open(r.demo).submit(map[string]string{"action": "/sign-out"})
		v.submit(map[string]string{"action": "/sign-in"}).sees("Hello, 李娜")
	})
	t.Run("OwnPage", func(t *testing.T) {
		v.open(r.hub+"/user").sees("李娜", "li.na@example.com", "DingTalk")
		v.open(r.hub + "/user/applications").sees("Demo app")
	})
	t.Run("NobodyElseSeesTheDashboard", func(t *testing.T) {
		v.open(r.hub + "/admin")
		if v.status != 403 {
			t.Errorf("status %d", v.status)
		}
	})
	t.Run("ACallbackThatNobodyBeganSignsNobodyIn", func(t *testing.T) {
		stranger := newVisitor(t).open(r.hub + "/users/auth/dingtalk/callback?code=x&state=nobody-gave-this").sees("Reference")
		if stranger.status/100 != 4 {
			t.Errorf("status %d", stranger.status)
		}
		if stranger.open(r.hub + "/user"); stranger.at.Path != "/sign-in" {
			t.Errorf("the stranger is at %s", stranger.at)
		}
	})
	t.Run("SecretsAreNotInTheLog", func(t *testing.T) {
		for _, secret := range []string{dingtalktwin.DemoAppSecret, devGitLabSecret, devGitLabToken, devDemoSecret} {
			if strings.Contains(r.log.String(), secret) {
				t.Errorf("the log has %s", secret)
			}
		}
		jar := v.client.Jar.Cookies(mustParse(t, r.hub))
		for _, c := range jar {
			if strings.HasPrefix(c.Name, "gatehouse_") && len(c.Value) > 20 && strings.Contains(r.log.String(), c.Value) {
				t.Errorf("the log has the cookie %s", c.Name)
			}
		}
	})
}

func TestJourneyOfAnOutsider(t *testing.T) {
	t.Parallel()
	r := startDev(t, t.TempDir())
	v := newVisitor(t).throughDingTalk(r, "outsider")
	v.sees("employees")
	if v.status != 403 {
		t.Errorf("status %d", v.status)
	}
	v.open(r.hub + "/user")
	if v.at.Path != "/sign-in" {
		t.Errorf("the outsider is at %s", v.at)
	}
	t.Run("TryingAgainServesTheSameApp", func(t *testing.T) {
		v := newVisitor(t).throughDingTalk(r, "outsider").follow("Try again").sees("Demo app")
		v.submit(map[string]string{"action": "/sign-in/dingtalk"}).submit(map[string]string{"union_id": dingtalktwin.DemoUnionID("bob")})
		v.submit(map[string]string{"union_id": dingtalktwin.DemoUnionID("bob"), "consent": "agree"})
		v.allow(r).sees("Hello, Bob")
	})
}

func TestJourneyThroughOpenIDConnect(t *testing.T) {
	t.Parallel()
	r := startDev(t, t.TempDir())
	v := newVisitor(t).open(r.demo).submit(map[string]string{"action": "/sign-in"}).sees("Company sign-in")
	v.submit(map[string]string{"action": "/sign-in/openid_connect"}).sees("Company sign-in (stand-in)")
	sub := openidtwin.DemoSub("zhao.yun")
	v.submit(map[string]string{"sub": sub})
	if strings.HasPrefix(v.at.String(), r.openid) {
		v.submit(map[string]string{"sub": sub, "consent": "agree"})
	}
	v.allow(r).sees("Hello, ")
}

// throughGitLab is throughDingTalk by GitLab.
func (v *visitor) throughGitLab(r *running, userID string) *visitor {
	v.Helper()
	v.open(r.demo).submit(map[string]string{"action": "/sign-in"})
	v.submit(map[string]string{"action": "/sign-in/gitlab"}).sees("GitLab (stand-in)")
	v.submit(map[string]string{"user_id": userID})
	for range 3 { // GitLab's own consent page, the first time
		if !strings.HasPrefix(v.at.String(), r.gitlab) {
			break
		}
		v.submit(map[string]string{"action": "/oauth/authorize"})
	}
	return v
}

func TestJourneyThroughGitLabAndTheDashboard(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, journeyThroughGitLabAndTheDashboard)
}

func journeyThroughGitLabAndTheDashboard(t *testing.T, database func(*dev, *config.Config)) {
	dir := t.TempDir()
	r := startDev(t, dir, database)
	admin := newVisitor(t).open(r.dashboard)
	if admin.at.Path != "/admin" || admin.status != 200 {
		t.Fatalf("the dashboard link led to %s (%d)", admin.at, admin.status)
	}
	newVisitor(t).open(r.dashboard).sees("used") // once only

	v := newVisitor(t).throughGitLab(r, "2").allow(r)
	v.sees("Hello, ")
	name := v.claims("claims")["name"].(string)

	t.Run("PeopleAndWhyTheyCameToBe", func(t *testing.T) {
		admin.open(r.hub+"/admin/users").sees(name, "Development administrator")
		admin.follow(name).sees("GitLab", "allow_single_sign_on")
	})
	t.Run("TheConnectorBecomesConnected", func(t *testing.T) {
		deadline := time.Now().Add(2 * time.Minute)
		for admin.open(r.hub + "/admin/connectors"); !strings.Contains(text(admin.doc), "Connected"); admin.open(r.hub + "/admin/connectors") {
			if time.Now().After(deadline) {
				t.Fatalf("not connected: %s\n%s", excerptOf(text(admin.doc)), r.log)
			}
		}
		admin.follow("GitLab").sees("Connected")
	})
	t.Run("WhoCanReachAProjectAndWhy", func(t *testing.T) {
		admin.open(r.hub+"/admin/connectors/gitlab/resources").sees("eng/web/shop", "eng/platform/gateway")
		admin.open(r.hub + "/admin/connectors/gitlab/resources?search=shop").follow("eng/web/shop").sees("Shop 商城")
		if admin.at.Path != "/admin/connectors/gitlab/resources/project/6" {
			t.Errorf("the project is at %s", admin.at)
		}
		// All four ways of being a member meet in this project.
		admin.sees("Direct member", "Inherited from the group eng", "Through the group design, which is invited with at most Developer",
			"Through the group design, which is invited to eng/web with at most Reporter")
	})
	t.Run("EverythingIsStillThereAfterARestart", func(t *testing.T) {
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		addr := strings.TrimPrefix(r.hub, "http://")
		again, err := tryDev(t, addr, dir, database)
		if err != nil {
			t.Fatal(err)
		}
		v.open(again.hub + "/user").sees(name)
		v.open(again.demo).submit(map[string]string{"action": "/sign-in"}).sees("Hello, " + name)
		admin.open(again.hub+"/admin/connectors").sees("GitLab", "Connected")
	})
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
