package server

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	openidtwin "gatehouse/internal/twin/openid"
)

const (
	exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
	bearerGrant   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	accessType    = "urn:ietf:params:oauth:token-type:access_token"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// codeFlow signs a person in through the provider, and uses what the app gets.
func (w *wired) codeFlow(v *visitor) {
	w.Helper()
	query, verifier := w.asking()
	v.open(w.url + "/oauth/authorize?" + query).submit(map[string]string{"action": "/sign-in/openid_connect"})
	v.submit(map[string]string{"sub": openidtwin.DemoSub("qin.shu")})
	for range 2 { // its page to agree, if it asks; ours
		if v.location == "" || !strings.HasPrefix(v.location, logsCallback) {
			if strings.HasPrefix(v.at.String(), w.url) {
				v.submit(map[string]string{"action": "/oauth/authorize/consent", "decision": "allow"})
			} else {
				v.submit(map[string]string{"sub": openidtwin.DemoSub("qin.shu"), "consent": "agree"})
			}
		}
	}
	code := codeOf(v)
	got := w.token(http.StatusOK, "grant_type", "authorization_code", "code", code, "redirect_uri", logsCallback, "code_verifier", verifier)
	access, _ := got["access_token"].(string)
	refresh, _ := got["refresh_token"].(string)
	id, _ := got["id_token"].(string)

	w.call(http.StatusOK, http.MethodGet, "/oauth/userinfo", "", "Authorization", "Bearer "+access)
	w.call(http.StatusOK, http.MethodPost, "/oauth/userinfo", url.Values{"access_token": {access}}.Encode())
	w.call(http.StatusOK, http.MethodGet, "/api/v4/user?access_token="+access, "")
	w.call(http.StatusBadRequest, http.MethodGet, "/oauth/userinfo?access_token="+access, "")
	w.call(http.StatusOK, http.MethodGet, "/oauth/token/info?access_token="+access, "", "Authorization", "Bearer "+access)
	w.call(http.StatusOK, http.MethodPost, "/oauth/introspect", w.own("token", access))
	w.token(http.StatusOK, "grant_type", exchangeGrant, "subject_token", access, "subject_token_type", accessType)
	next, _ := w.token(http.StatusOK, "grant_type", "refresh_token", "refresh_token", refresh)["refresh_token"].(string)
	w.call(http.StatusOK, http.MethodPost, "/oauth/revoke", w.own("token", next))
	w.call(http.StatusOK, http.MethodPost, "/oauth/introspect", w.own("token", refresh))

	// The code and the tokens again, by wrong apps and in wrong places.
	w.token(http.StatusBadRequest, "grant_type", "authorization_code", "code", code, "redirect_uri", logsCallback, "code_verifier", verifier)
	w.token(http.StatusBadRequest, "grant_type", "refresh_token", "refresh_token", refresh)
	w.call(http.StatusUnauthorized, http.MethodGet, "/oauth/userinfo", "", "Authorization", "Bearer "+id)
	v.open(w.url + "/oauth/authorize?" + query + "&prompt=none&id_token_hint=" + id)
	v.open(w.url + "/oauth/logout?" + url.Values{"id_token_hint": {id + "x"}, "state": {"a-state-of-a-sign-out"}}.Encode())
}

func (w *wired) own(pairs ...string) string {
	v := url.Values{"client_id": {"web"}, "client_secret": {logsSecret}}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// otherGrants are the ways to tokens besides, with the person signed in.
func (w *wired) otherGrants(v *visitor) {
	w.Helper()
	w.call(http.StatusOK, http.MethodPost, "/oauth/token", "grant_type=client_credentials&scope=read_api", "Authorization", basicOf("web", logsSecret))
	device := w.call(http.StatusOK, http.MethodPost, "/oauth/authorize_device", w.own("scope", "openid profile"))
	w.token(http.StatusBadRequest, "grant_type", deviceGrant, "device_code", device["device_code"].(string))
	v.open(device["verification_uri_complete"].(string))
	v.submit(map[string]string{"action": "/oauth/device"}).submit(map[string]string{"action": "/oauth/device/confirm", "decision": "allow"}).sees("Your device is connected")

	// Pushed, answered by form_post, and bound to a key.
	query, verifier := w.asking("response_mode", "form_post", "prompt", "consent")
	pushed := w.call(http.StatusCreated, http.MethodPost, "/oauth/par", query+"&client_secret="+logsSecret)
	v.open(w.url + "/oauth/authorize?" + url.Values{"client_id": {"web"}, "request_uri": {pushed["request_uri"].(string)}}.Encode())
	v.submit(map[string]string{"action": "/oauth/authorize/consent", "decision": "allow"})
	form := url.Values{
		"client_id": {"web"}, "client_secret": {logsSecret}, "grant_type": {"authorization_code"}, "code": {v.forms()[0].fields.Get("code")},
		"redirect_uri": {logsCallback}, "code_verifier": {verifier},
	}
	bound := w.call(http.StatusOK, http.MethodPost, "/oauth/token", form.Encode(), "DPoP", w.proof(http.MethodPost, "/oauth/token", ""))["access_token"].(string)
	w.call(http.StatusOK, http.MethodGet, "/oauth/userinfo", "", "Authorization", "DPoP "+bound, "DPoP", w.proof(http.MethodGet, "/oauth/userinfo", bound))
	w.call(http.StatusUnauthorized, http.MethodGet, "/oauth/userinfo", "", "Authorization", "DPoP "+bound, "DPoP", w.proof(http.MethodPut, "/oauth/userinfo", bound))
}

// asOthers are programs: service accounts, apps that register themselves, people's
// own programs.
func (w *wired) asOthers(v *visitor) {
	w.Helper()
	proved := url.Values{"client_assertion_type": {assertionType}, "client_assertion": {w.assertion()}, "grant_type": {"client_credentials"}}
	w.call(http.StatusOK, http.MethodPost, "/oauth/token", proved.Encode())
	w.call(http.StatusUnauthorized, http.MethodPost, "/oauth/token", proved.Encode()) // once only
	w.call(http.StatusOK, http.MethodPost, "/oauth/token", url.Values{"grant_type": {bearerGrant}, "assertion": {w.assertion()}}.Encode())

	initial := w.tells("token", "registration-tokens", "create", "--name", "a test")
	app := `{"client_name":"A newcomer","redirect_uris":["https://newcomer.example/cb"]}`
	made := w.call(http.StatusCreated, http.MethodPost, "/oauth/register", app, "Authorization", "Bearer "+initial, "Content-Type", "application/json")
	manage := strings.TrimPrefix(made["registration_client_uri"].(string), w.url)
	w.call(http.StatusOK, http.MethodGet, manage, "", "Authorization", "Bearer "+made["registration_access_token"].(string))
	w.call(http.StatusUnauthorized, http.MethodPost, "/oauth/register", app, "Authorization", "Bearer "+made["registration_access_token"].(string), "Content-Type", "application/json")

	own := w.tells("token", "tokens", "create", "--user", "qin.shu", "--name", "mine", "--scopes", "read_user")
	w.call(http.StatusOK, http.MethodGet, "/api/v4/user", "", "Private-Token", own)
	w.call(http.StatusUnauthorized, http.MethodGet, "/api/v4/user?private_token="+own, "")
	v.open(w.url + "/user/tokens")
}

// byPassword is somebody who signs in without the provider, up to the second proof.
func (w *wired) byPassword() {
	w.Helper()
	const password = "correct horse battery staple 7"
	made := w.command("users", "create", "--username", "olga", "--email", "olga@example.com", "--admin", "--password-stdin")
	made.Stdin = strings.NewReader(password + "\n")
	if out, err := made.CombinedOutput(); err != nil {
		w.Fatalf("%v\n%s", err, out)
	}
	v := w.visitor().open(w.url + "/sign-in")
	typed := url.Values{"username": {"olga"}, "password": {"a wrong " + password}}
	w.call(http.StatusBadRequest, http.MethodPost, "/sign-in", typed.Encode(), "Origin", w.url)
	for i := range v.forms() {
		if f := v.forms()[i]; f.action == "/sign-in" {
			f.fields.Set("username", "olga")
			f.fields.Set("password", password)
			r, err := http.NewRequestWithContext(w.Context(), http.MethodPost, w.url+f.action, strings.NewReader(f.fields.Encode()))
			if err != nil {
				w.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", w.url)
			v.send(r)
		}
	}
	if v.at.Query().Get("attempt") == "" {
		w.Errorf("the password leads to %s (%d)", v.at, v.status)
	}
}

// wrongly is what goes wrong outside of the token endpoint, with secrets in it.
func (w *wired) wrongly(v *visitor) {
	w.Helper()
	v.open(w.url + "/sign-out").submit(map[string]string{"action": "/sign-out"})
	v = w.visitor() // whom the provider does not know
	v.open(w.url + "/sign-in?auto_sign_in=false").submit(map[string]string{"action": "/sign-in/openid_connect"})
	state := v.at.Query().Get("state")
	if state == "" {
		v.Fatalf("the provider was asked without state: %s", v.at)
	}
	v.open(w.url + "/users/auth/openid_connect/callback?" + url.Values{"state": {state}, "error": {"access_denied"}, "code": {"a-code-beside-an-error"}}.Encode())
	v.open(w.url + "/users/auth/openid_connect/callback?" + url.Values{"state": {state}, "code": {"a-code-that-comes-too-late"}}.Encode())
	query, _ := w.asking("redirect_uri", "https://evil.example/")
	v.open(w.url + "/oauth/authorize?" + query)
	w.token(http.StatusUnauthorized, "grant_type", "client_credentials", "client_secret", "a-wrong-secret-of-the-web-app-0123")
	w.call(http.StatusBadRequest, http.MethodPost, "/oauth/token?client_secret="+logsSecret, "grant_type=client_credentials&client_id=web")
	w.token(http.StatusBadRequest, "grant_type", "password", "username", "qin.shu", "password", "a-password-nobody-takes")
	w.call(http.StatusBadRequest, http.MethodPost, "/oauth/token", "code=%zz"+logsSecret)
	w.call(http.StatusUnauthorized, http.MethodGet, "/api/v1/me", "", "Authorization", "Bearer a-token-that-nobody-ever-had-0123456789")
	w.call(http.StatusBadRequest, http.MethodPost, "/backchannel-logout/openid_connect", "logout_token=ey.not-a.logout-token-0123456789")
}

func basicOf(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}
