package openid

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNew_RefusesWhatContradictsItself(t *testing.T) {
	t.Parallel()
	torn := filepath.Join(t.TempDir(), "torn.json")
	if err := os.WriteFile(torn, []byte(`{"World":`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{
		"RelativeURL":  {URL: "/idp"},
		"URLWithQuery": {URL: "http://localhost?x=1"},
		"TornState":    {State: torn},
		"SubTaken":     {World: &World{People: []Person{{Sub: "1"}, {Sub: "1"}}}},
		"SubMissing":   {World: &World{People: []Person{{Name: "x"}}}},
		"BadClient":    {World: &World{Clients: []Client{{ID: "x"}}}},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	b := newBench(t)
	for name, c := range map[string]Client{
		"NoID":             {Secret: "s"},
		"NoSecret":         {ID: "x"},
		"UnknownMethod":    {ID: "x", Secret: "s", AuthMethod: "magic"},
		"NoKeys":           {ID: "x", AuthMethod: AuthPrivateKey},
		"UnknownAlgorithm": {ID: "x", Secret: "s", Algorithm: "HS256"},
		"RelativeRedirect": {ID: "x", Secret: "s", RedirectURIs: []string{"/callback"}},
		"Fragment":         {ID: "x", Secret: "s", RedirectURIs: []string{callback + "#x"}},
	} {
		if err := b.AddClient(c); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if err := b.SetPerson(Person{Name: "x"}); err == nil {
		t.Error("a person without a sub was taken")
	}
}

func TestDemoWorld_IsTheSameEachTime(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(DemoWorld(), DemoWorld()); diff != "" {
		t.Error(diff)
	}
	if got := DemoSub("zhao.yun"); got != DemoWorld().People[0].Sub || got != "83235603-1302-4463-af48-87c6afd2e1e9" {
		t.Errorf("zhao.yun is %s", got)
	}
	if n := DemoWorld().People[3].Number; n != DemoNumber(3) || int64(float64(n)) == n {
		t.Errorf("%d can be read as a float", n)
	}
}

// TestState_OutlivesARun: keys, sessions, consents and tokens are kept; the
// caller's world is not touched.
func TestState_OutlivesARun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "twin.json")
	world := DemoWorld()
	first := newBench(t, func(c *Config) { c.State, c.World = file, world })
	if err := first.SetPerson(Person{Sub: "new", Name: "New"}); err != nil {
		t.Fatal(err)
	}
	client := DemoClient(callback)
	client.Algorithm = "EdDSA"
	first.add(client)
	tokens := first.tokens("nora")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || len(world.People) != 10 || len(world.Clients) != 0 {
		t.Errorf("%v %v, %d people", info, err, len(world.People))
	}
	second, err := New(Config{URL: first.url, State: file, Clock: first.now.Now, World: &World{}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.KeyIDs(), second.KeyIDs()); diff != "" || second.state.World.Person("new") == nil {
		t.Errorf("%s", diff)
	}
	third := newBench(t, func(c *Config) { c.URL, c.State = first.url, file })
	if a := third.withToken(pathUserinfo, tokens["access_token"].(string)); a.json["sub"] != DemoSub("nora") {
		t.Errorf("%d %s", a.status, a.text)
	}
	if third.state.Keys.Open(tokens["id_token"].(string)) == nil {
		t.Error("the key of the first run is gone")
	}
}

func TestRequests_AreCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.get(pathDiscovery)
	b.get(pathDiscovery)
	b.get("/")
	b.get("/nowhere")
	b.get("/elsewhere" + pathKeys)
	want := map[string]int{pathDiscovery: 2, "/": 2, "/elsewhere/": 1}
	if diff := cmp.Diff(want, b.Requests()); diff != "" {
		t.Error(diff)
	}
}

// TestSwitches: the home page has a switch for each fault, and it works.
func TestSwitches(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	home := b.get("/")
	for _, f := range AllFlaws() {
		if strings.Count(home.text, `value="`+string(f)+`"`) != 1 {
			t.Errorf("there is no switch %s", f)
		}
	}
	a := b.post("/switches", url.Values{"flaw": {"wrong-issuer", "alg-none"}, "place": {pathUserinfo}, "failure": {"empty"}})
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
		t.Fatalf("%d %s", a.status, a.text)
	}
	home = b.get("/")
	if strings.Count(home.text, " checked") != 2 || !strings.Contains(home.text, "<code>/userinfo empty</code>") || strings.Contains(home.text, "<script") {
		t.Errorf("the page does not show it: %s", home.text)
	}
	tokens := b.tokens("nora")
	header, claims, _ := parts(t, tokens["id_token"])
	if header["alg"] != "none" || claims["iss"] != otherIssuer || b.withToken(pathUserinfo, tokens["access_token"].(string)).text != "{}" {
		t.Errorf("it is not switched on: %v %v", header, claims)
	}
	if a := b.post("/switches", url.Values{"flaw": {"no-such"}}); a.status != http.StatusBadRequest {
		t.Errorf("an unknown switch: %d", a.status)
	}
	r := b.request(http.MethodPost, "/switches", url.Values{})
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if a := b.do(r); a.status != http.StatusForbidden {
		t.Errorf("from another site: %d", a.status)
	}
	b.post("/switches", url.Values{"failure": {""}})
	if home := b.get("/"); strings.Contains(home.text, " checked") || strings.Contains(home.text, "userinfo empty") {
		t.Error("it is not switched off")
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.get(pathDiscovery)
	for name, want := range map[string]any{
		"issuer": b.url, "authorization_endpoint": b.url + "/authorize", "token_endpoint": b.url + "/token",
		"userinfo_endpoint": b.url + "/userinfo", "jwks_uri": b.url + "/jwks", "end_session_endpoint": b.url + "/logout",
		"authorization_response_iss_parameter_supported": true, "backchannel_logout_supported": true,
		"id_token_signing_alg_values_supported": []any{"RS256", "PS256", "ES256", "EdDSA"},
	} {
		if diff := cmp.Diff(want, got.json[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if !json.Valid([]byte(got.text)) || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %s", got.header, got.text)
	}
}
