package openid

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const signedOut = "https://hub.example.com/signed-out"

// relying is a client's address for logout tokens.
type relying struct {
	uri    string
	tokens chan string
}

func newRelying(t *testing.T, status int) *relying {
	t.Helper()
	r := &relying{tokens: make(chan string, 10)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost && req.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
			r.tokens <- req.PostFormValue("logout_token")
		}
		w.WriteHeader(status)
		fmt.Fprint(w, "busy")
	}))
	t.Cleanup(srv.Close)
	r.uri = srv.URL + "/backchannel"
	return r
}

func TestSignOut_TellsEveryClient(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := newRelying(t, http.StatusOK)
	client := DemoClient(callback)
	client.BackchannelLogoutURI = r.uri
	b.add(client)
	_, id, _ := parts(t, b.tokens("nora")["id_token"])
	if err := b.SignOut(t.Context(), DemoSub("tomas")); err != nil || len(r.tokens) != 0 {
		t.Fatalf("somebody else's sign-out: %v, %d told", err, len(r.tokens))
	}
	if err := b.SignOut(t.Context(), DemoSub("nora")); err != nil || len(r.tokens) != 1 {
		t.Fatalf("%v, %d told", err, len(r.tokens))
	}
	header, claims, _ := parts(t, <-r.tokens)
	now := float64(b.now.Now().Unix())
	want := map[string]any{
		"iss": b.url, "aud": DemoClientID, "sub": DemoSub("nora"), "sid": id["sid"], "iat": now, "exp": now + 120,
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	if diff := cmp.Diff(want, claims, cmpopts.IgnoreMapEntries(func(k string, _ any) bool { return k == "jti" })); diff != "" {
		t.Error(diff)
	}
	if header["typ"] != "logout+jwt" || header["alg"] != "RS256" || claims["jti"] == "" {
		t.Errorf("%v %v", header, claims)
	}
	if q := b.answerOf(b.get(authPath("prompt", "none"))); q.Get("error") != "login_required" {
		t.Errorf("the session lives on: %v", q)
	}
	if err := b.SignOut(t.Context(), DemoSub("nora")); err != nil || len(r.tokens) != 0 {
		t.Errorf("told twice: %v", err)
	}
}

func TestSignOut_NamesWhoDidNotTakeIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := newRelying(t, http.StatusBadRequest)
	client := DemoClient(callback)
	client.BackchannelLogoutURI = r.uri
	b.add(client)
	b.tokens("nora")
	err := b.SignOut(t.Context(), DemoSub("nora"))
	if err == nil || !strings.Contains(err.Error(), r.uri) || !strings.Contains(err.Error(), "400 Bad Request: busy") {
		t.Errorf("%v", err)
	}
}

func TestLogoutToken_Flaws(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for flaw, happened := range map[Flaw]func(header, claims map[string]any) bool{
		LogoutNonce:   func(_, c map[string]any) bool { return c["nonce"] != nil && c["events"] != nil },
		LogoutNoEvent: func(_, c map[string]any) bool { return c["events"] == nil && c["sub"] != nil },
		LogoutNobody:  func(_, c map[string]any) bool { return c["sub"] == nil && c["sid"] == nil && c["events"] != nil },
		LogoutOldFormat: func(h, c map[string]any) bool {
			return h["typ"] == "JWT" && c["exp"] == nil && c["iat"] != nil
		},
		WrongAudience: func(_, c map[string]any) bool { return c["aud"] == otherClient },
		Expired:       func(_, c map[string]any) bool { return c["exp"].(float64) < float64(b.now.Now().Unix()) },
		AlgNone:       func(h, _ map[string]any) bool { return h["alg"] == "none" },
	} {
		b.SetFlaws(flaw)
		token, err := b.LogoutToken(DemoClientID, DemoSub("nora"), "sid")
		if err != nil {
			t.Fatal(err)
		}
		if header, claims, _ := parts(t, token); !happened(header, claims) {
			t.Errorf("%s did not happen: %v %v", flaw, header, claims)
		}
	}
	if _, err := b.LogoutToken("nobody", "x", ""); err == nil {
		t.Error("a token for an unknown client")
	}
}

func TestLogout_ByTheClient(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := newRelying(t, http.StatusNoContent)
	client := DemoClient(callback)
	client.BackchannelLogoutURI, client.PostLogoutURIs = r.uri, []string{signedOut}
	b.add(client)
	hint := b.tokens("nora")["id_token"].(string)
	b.now.pass(24 * 60 * 60e9) // the hint may have expired
	a := b.get(pathLogout + "?" + url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {signedOut}, "state": {"a&b"}}.Encode())
	if a.status != http.StatusSeeOther || a.header.Get("Location") != signedOut+"?state=a%26b" || len(r.tokens) != 1 {
		t.Errorf("%d %v, %d told", a.status, a.header, len(r.tokens))
	}
	if q := b.answerOf(b.get(authPath("prompt", "none"))); q.Get("error") != "login_required" {
		t.Errorf("the session lives on: %v", q)
	}
}

// TestLogout_Asks: whoever does not show the ID token of this session must ask
// the person, and is sent back only to an address of theirs.
func TestLogout_Asks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	client := DemoClient(callback)
	client.PostLogoutURIs = []string{signedOut}
	b.add(client)
	b.add(Client{ID: "other", Secret: "s"})
	old := b.tokens("tomas")["id_token"].(string)
	b.tokens("nora", "prompt", "login")
	silent := func() bool { return b.answerOf(b.get(authPath("prompt", "none"))).Has("code") }

	for name, query := range map[string]url.Values{
		"NoHint":              {},
		"ClientAlone":         {"client_id": {DemoClientID}, "post_logout_redirect_uri": {signedOut}},
		"HintOfAnotherPerson": {"id_token_hint": {old}, "post_logout_redirect_uri": {signedOut}},
	} {
		if a := b.get(pathLogout + "?" + query.Encode()); a.status != http.StatusOK || !strings.Contains(a.text, `name="confirm"`) || !silent() {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	for name, query := range map[string]url.Values{
		"GarbageHint":        {"id_token_hint": {"x.y.z"}},
		"RedirectElsewhere":  {"id_token_hint": {old}, "post_logout_redirect_uri": {signedOut + "/x"}},
		"RedirectOfNobody":   {"post_logout_redirect_uri": {signedOut}},
		"HintOfOtherClient":  {"id_token_hint": {old}, "client_id": {"other"}},
		"OthersRedirectHere": {"client_id": {"other"}, "post_logout_redirect_uri": {signedOut}},
	} {
		if a := b.get(pathLogout + "?" + query.Encode()); a.status != http.StatusBadRequest || a.header.Get("Location") != "" || !silent() {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
	done := b.post(pathLogout, url.Values{"confirm": {"1"}})
	if done.status != http.StatusOK || !strings.Contains(done.text, "signed out") || silent() {
		t.Errorf("%d %s", done.status, done.text)
	}
	if a := b.get(pathLogout); a.status != http.StatusOK || strings.Contains(a.text, `name="confirm"`) {
		t.Errorf("nobody is signed in: %d %s", a.status, a.text)
	}
}
