package op

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/op/registration"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// json asks an endpoint of registration.
func (h *house) json(method, path, body, token string) page {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return page{status: resp.StatusCode, header: resp.Header, body: string(text)}
}

func (p page) registered(t *testing.T, status int) (r registered) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.body), &r); err != nil || p.status != status || r.ClientID == "" {
		t.Fatalf("not registered: %d %s", p.status, p.body)
	}
	return r
}

func (h *house) initial(uses int64) (token string, made gatehouse.RegistrationToken) {
	h.t.Helper()
	h.update(func(tx *store.Tx) (err error) {
		token, made, err = NewRegistrationToken(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "root"}, gatehouse.RegistrationToken{Name: "suite", Left: uses})
		return err
	})
	return token, made
}

const wish = `{"redirect_uris":["` + callback + `"],"client_name":"Suite","grant_types":["authorization_code","refresh_token"],"contacts":["a@b.example"]}`

func TestT21RegistrationIsOffUntilItIsAllowed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.json(http.MethodPost, registerPath, wish, "").refused(t, http.StatusForbidden, "access_denied")
		if p := h.machine().get("/.well-known/openid-configuration"); strings.Contains(p.body, "registration_endpoint") {
			t.Error("the metadata names what is not there")
		}
		h.op.Registration.By = registration.ByToken
		anew, w := http.NewServeMux(), httptest.NewRecorder() // as a reload does
		h.op.Mount(anew)
		anew.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.well-known/openid-configuration", nil))
		if !strings.Contains(w.Body.String(), `"registration_endpoint":"`+h.url+registerPath) {
			t.Error("the metadata does not name it")
		}
		h.json(http.MethodPost, registerPath, wish, "").refused(t, http.StatusUnauthorized, "invalid_token")
		h.json(http.MethodPost, registerPath, wish, "ghrt-wrong").refused(t, http.StatusUnauthorized, "invalid_token")
		token, _ := h.initial(2)
		h.json(http.MethodPost, registerPath, `{"redirect_uris":[]}`, token).refused(t, http.StatusBadRequest, "invalid_redirect_uri")
		h.json(http.MethodPost, registerPath, wish, token).registered(t, http.StatusCreated)
		h.json(http.MethodPost, registerPath, wish, token).registered(t, http.StatusCreated)
		h.json(http.MethodPost, registerPath, wish, token).refused(t, http.StatusUnauthorized, "invalid_token")
		late, _ := h.initial(9)
		h.clock.add(store.RegistrationLife + time.Second)
		h.json(http.MethodPost, registerPath, wish, late).refused(t, http.StatusUnauthorized, "invalid_token")
		ended, made := h.initial(9)
		h.update(func(tx *store.Tx) error {
			return EndRegistrationToken(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "root"}, made.ID)
		})
		h.json(http.MethodPost, registerPath, wish, ended).refused(t, http.StatusUnauthorized, "invalid_token")
	})
}

// TestDynamicRegistration restates modules of the plan "Dynamic OP" (OpenID
// Connect Dynamic Client Registration 1.0 section 3, RFC 7591 section 3, RFC 7592
// section 2).
func TestDynamicRegistration(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.op.Registration = Registration{By: registration.ByAnybody, NoPKCE: true}
		p := h.json(http.MethodPost, registerPath, wish, "")
		r := p.registered(t, http.StatusCreated)
		if r.ClientSecret == "" || r.SecretEnds == nil || *r.SecretEnds != 0 || r.Token == "" || r.URI != h.url+registerPath+"/"+r.ClientID ||
			r.AuthMethod != gatehouse.AuthBasic || r.ClientName != "Suite" || p.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("answer %+v", r)
		}
		// oidcc-server with the new client: consent, since nobody trusts it, and a code.
		b := h.signedIn(h.alice)
		consent := b.get(asking(r.ClientID, "code_challenge", "", "code_challenge_method", "", "scope", "openid profile"))
		code := b.decide(consent, "allow").sent(t).Get("code")
		form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}}
		rq := h.machine()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/oauth/token", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(r.ClientID, r.ClientSecret)
		resp, err := rq.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("the code gives %d", resp.StatusCode)
		}
		own := registerPath + "/" + r.ClientID
		if got := h.json(http.MethodGet, own, "", r.Token).registered(t, http.StatusOK); got.ClientSecret != "" || got.Token != r.Token || got.RedirectURIs[0] != callback {
			t.Errorf("read: %+v", got)
		}
		changed := h.json(http.MethodPut, own, `{"client_id":"`+r.ClientID+`","redirect_uris":["https://app.example/new"],"token_endpoint_auth_method":"client_secret_jwt"}`, r.Token).registered(t, http.StatusOK)
		if changed.Token == r.Token || changed.ClientSecret == "" || changed.ClientName != "app.example" || changed.RedirectURIs[0] != "https://app.example/new" {
			t.Errorf("changed: %+v", changed)
		}
		for _, wrong := range []string{"", r.Token, "x"} { // the old one is dead
			h.json(http.MethodGet, own, "", wrong).refused(t, http.StatusUnauthorized, "invalid_token")
			h.json(http.MethodPut, own, wish, wrong).refused(t, http.StatusUnauthorized, "invalid_token")
			h.json(http.MethodDelete, own, "", wrong).refused(t, http.StatusUnauthorized, "invalid_token")
		}
		h.json(http.MethodGet, registerPath+"/trusted", "", changed.Token).refused(t, http.StatusUnauthorized, "invalid_token")
		if p := h.json(http.MethodDelete, own, "", changed.Token); p.status != http.StatusNoContent {
			t.Errorf("delete: %d %s", p.status, p.body)
		}
		h.json(http.MethodGet, own, "", changed.Token).refused(t, http.StatusUnauthorized, "invalid_token")
		for _, action := range []string{"client.registered", "client.registration_changed", "client.registration_deleted"} {
			if len(h.actions(action)) != 1 {
				t.Errorf("%s is not in the audit log", action)
			}
		}
		if strings.Contains(h.log.String(), r.Token) || strings.Contains(h.log.String(), r.ClientSecret) {
			t.Error("G7: a secret is in the log")
		}
		h.op.Registration.MaxOpen = 1
		h.json(http.MethodPost, registerPath, wish, "").registered(t, http.StatusCreated)
		h.json(http.MethodPost, registerPath, wish, "").refused(t, http.StatusTooManyRequests, "temporarily_unavailable")
	})
}

// oidcc-registration-sector-bad, oidcc-registration-sector-uri (OpenID Connect
// Core section 8.1).
func TestSectorIdentifierIsAskedAtRegistration(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		asked := 0
		sector := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			if r.URL.Path == "/good" {
				_, _ = io.WriteString(w, `["https://a.example/cb","https://b.example/cb"]`)
				return
			}
			_, _ = io.WriteString(w, `["https://other.example/cb"]`)
		}))
		t.Cleanup(sector.Close)
		h.op.Web = func(gatehouse.Client) *http.Client { return sector.Client() }
		h.op.Registration = Registration{By: registration.ByToken}
		body := func(path string) string {
			return `{"redirect_uris":["https://a.example/cb","https://b.example/cb"],"subject_type":"pairwise","sector_identifier_uri":"` + sector.URL + path + `"}`
		}
		h.json(http.MethodPost, registerPath, body("/good"), "ghrt-wrong").refused(t, http.StatusUnauthorized, "invalid_token")
		if asked != 0 {
			t.Error("A14: a stranger has an address asked")
		}
		token, _ := h.initial(9)
		h.json(http.MethodPost, registerPath, body("/bad"), token).refused(t, http.StatusBadRequest, "invalid_client_metadata")
		r := h.json(http.MethodPost, registerPath, body("/good"), token).registered(t, http.StatusCreated)
		if r.SubjectType != request.SubjectPairwise {
			t.Errorf("subject_type %q", r.SubjectType)
		}
	})
}

// The links of a client that registered itself are on the consent page, marked as
// its own words; nothing of them is loaded.
func TestConsentShowsWhatAClientSaysOfItself(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.op.Registration = Registration{By: registration.ByAnybody, NoPKCE: true}
	p := h.json(http.MethodPost, registerPath, `{"redirect_uris":["`+callback+`"],"client_name":"Board","client_name#zh-CN":"看板",
		"policy_uri":"https://app.example/privacy","logo_uri":"https://app.example/logo.png"}`, "")
	if !strings.Contains(p.body, `"client_name#zh-CN":"看板"`) || !strings.Contains(p.body, `"logo_uri"`) {
		t.Errorf("told: %s", p.body)
	}
	r := p.registered(t, http.StatusCreated)
	for lang, want := range map[string]string{"en": "Board", "zh-CN": "看板"} {
		page := h.signedIn(h.alice).get(asking(r.ClientID, "code_challenge", "", "code_challenge_method", "", "scope", "openid", "ui_locales", lang))
		if page.status != http.StatusOK || !strings.Contains(page.body, want) || !strings.Contains(page.body, `<a href="https://app.example/privacy" rel="noreferrer`) || !strings.Contains(page.body, "(app.example)") {
			t.Errorf("%s: %d %s", lang, page.status, page.body)
		}
		if strings.Contains(page.body, "logo.png") {
			t.Error("the logo is loaded")
		}
	}
	h.change("app", func(c *gatehouse.Client) { c.Settings.About.PolicyURI = "https://app.example/privacy" })
	if page := h.signedIn(h.alice).get(asking("app")); strings.Contains(page.body, "own words") {
		t.Error("links of a client that did not register itself")
	}
}

// T21: strangers register clients, and try tokens, only so fast; who has a token
// is not held up by them.
func TestT21RegistrationIsSlow(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.op.Registration = Registration{By: registration.ByAnybody}
	h.op.Registering = RegistrationPace{
		Each: &ui.Limiter{Every: time.Minute, Burst: 3, Clock: h.clock.Now}, All: &ui.Limiter{Every: time.Minute, Burst: 5, Clock: h.clock.Now},
	}
	register := func(from, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, registerPath, strings.NewReader(wish))
		r.RemoteAddr = from
		r.Header.Set("Content-Type", "application/json")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		h.op.endpoint(h.op.register).ServeHTTP(w, r)
		return w
	}
	for i, want := range []int{201, 201, 201, 429} {
		if w := register("192.0.2.1:1", ""); w.Code != want {
			t.Errorf("%d: %d %s", i, w.Code, w.Body)
		} else if want == 429 && w.Header().Get("Retry-After") != "60" {
			t.Errorf("Retry-After: %v", w.Header())
		}
	}
	if w := register("192.0.2.2:1", "a-wrong-token"); w.Code != http.StatusUnauthorized {
		t.Errorf("a wrong token: %d", w.Code)
	}
	if w := register("192.0.2.3:1", ""); w.Code != http.StatusCreated {
		t.Errorf("another address: %d", w.Code)
	}
	if w := register("192.0.2.4:1", ""); w.Code != http.StatusTooManyRequests {
		t.Errorf("all together: %d", w.Code)
	}
	token, _ := h.initial(1)
	if w := register("192.0.2.1:1", token); w.Code != http.StatusCreated {
		t.Errorf("with a token: %d %s", w.Code, w.Body)
	}
	h.clock.add(time.Minute)
	if w := register("192.0.2.1:1", ""); w.Code != http.StatusCreated {
		t.Errorf("a minute later: %d", w.Code)
	}
}
