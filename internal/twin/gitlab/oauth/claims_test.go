package oauth_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/twin/gitlab/world"
)

const (
	carol = `"name":"Carol Ndiaye","nickname":"carol","preferred_username":"carol",`
	self  = `"profile":"https://gitlab.example/carol","picture":"https://www.gravatar.com/avatar/AVATAR?s=80\u0026d=identicon"`
)

// without makes hashes in a text easy to compare.
func without(text string) string {
	for _, c := range []struct{ before, after, mark string }{{`"sub_legacy":"`, `"`, "LEGACY"}, {"/avatar/", "?", "AVATAR"}} {
		head, rest, ok := strings.Cut(text, c.before)
		if _, tail, found := strings.Cut(rest, c.after); ok && found {
			text = head + c.before + c.mark + c.after + tail
		}
	}
	return text
}

func TestUserinfo(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.token("plain", 9, "openid")
	b.token("mail", 9, "openid", "email")
	b.token("api", 9, "api", "read_user")
	b.token("newcomer", 17, "openid")
	b.token("public", 3, "openid")
	b.World.AddToken(world.Token{Kind: world.OAuthToken, Value: "revoked", UserID: 9, Scopes: []string{"openid"}, Revoked: true, ExpiresAt: now.Add(1e12)})
	if err := b.World.SetState(17, world.Active); err != nil {
		t.Fatal(err)
	}
	const groups = `,"groups":["eng/platform/sre","finance","finance/payroll"],"https://gitlab.org/claims/groups/owner":["finance"]}`
	for token, want := range map[string]string{
		"plain":    `{"sub":"9","sub_legacy":"LEGACY",` + carol + self + groups,
		"mail":     `{"sub":"9","sub_legacy":"LEGACY",` + carol + `"email":"carol@example.com","email_verified":true,` + self + groups,
		"newcomer": `{"sub":"17","sub_legacy":"LEGACY","name":"徐洁","nickname":"xu.jie","preferred_username":"xu.jie",` + strings.ReplaceAll(self, "carol", "xu.jie") + `,"groups":[]}`,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w := b.send(method, "/oauth/userinfo", nil, bearer(token))
			if diff := cmp.Diff(want, without(w.Body.String())); diff != "" || w.Code != http.StatusOK {
				t.Errorf("%s %s: %d (-want +got):\n%s", method, token, w.Code, diff)
			}
		}
	}
	if w := b.send(http.MethodGet, "/oauth/userinfo", nil, bearer("public")); !strings.Contains(w.Body.String(), `"email":"alice@example.com","email_verified":true,`) {
		t.Errorf("without the scope email the public address is shown: %s", w.Body)
	}
	for name, c := range map[string]struct {
		status    int
		challenge string
	}{
		"":        {401, `Bearer realm="Doorkeeper", error="invalid_token", error_description="The access token is invalid"`},
		"x":       {401, `Bearer realm="Doorkeeper", error="invalid_token", error_description="The access token is invalid"`},
		"revoked": {401, `Bearer realm="Doorkeeper", error="invalid_token", error_description="The access token was revoked"`},
		"api":     {403, ""},
	} {
		w := b.send(http.MethodGet, "/oauth/userinfo", nil, bearer(name))
		h := w.Header()
		if w.Code != c.status || w.Body.Len() != 0 || h.Get("WWW-Authenticate") != c.challenge || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
			t.Errorf("token %q: %d %q %v", name, w.Code, w.Body, h)
		}
	}
}

func TestIDToken(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	if err := b.World.EditUser(9, func(u *world.User) { u.CurrentSignInAt = now.Add(-1e12) }); err != nil {
		t.Fatal(err)
	}
	b.code("c", func(c *world.Code) { c.UserID, c.Scopes, c.Nonce = 9, []string{"openid", "email"}, "n1" })
	p := b.pair(app("grant_type", "authorization_code", "code", "c", "redirect_uri", callback))
	b.code("d", func(c *world.Code) { c.UserID, c.Scopes = 10, []string{"openid"} })
	if err := b.World.RemoveMember(world.InGroup(13), 10); err != nil {
		t.Fatal(err)
	}
	lonely := b.pair(app("grant_type", "authorization_code", "code", "d", "redirect_uri", callback))
	refreshed := b.pair(app("grant_type", "refresh_token", "refresh_token", p.Refresh))
	const common = `{"iss":"https://gitlab.example","sub":"9","aud":"app","exp":1772355720,"iat":1772355600,`
	const rest = `"auth_time":1772354600,"sub_legacy":"LEGACY",` + carol + `"email":"carol@example.com","email_verified":true,` + self + `,"groups_direct":["eng/platform/sre","finance"]}`
	if diff := cmp.Diff(common+`"nonce":"n1",`+rest, without(part(t, p.IDToken, 1))); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(common+rest, without(part(t, refreshed.IDToken, 1))); diff != "" {
		t.Errorf("after a refresh (-want +got):\n%s", diff)
	}
	if got := part(t, lonely.IDToken, 1); !strings.HasSuffix(got, `,"groups_direct":[]}`) || strings.Contains(got, `"email`) {
		t.Errorf("without groups and public address: %s", got)
	}
	if got := part(t, p.IDToken, 0); !strings.Contains(got, `"alg":"RS256"`) || !strings.Contains(got, `"typ":"JWT"`) || !strings.Contains(got, `"kid":"`) {
		t.Errorf("header %s", got)
	}
}

// part reads one part of a signed token.
func part(t *testing.T, token string, i int) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
