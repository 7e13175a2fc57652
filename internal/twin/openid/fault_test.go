package openid

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFaults_AtEachAddress: what is broken at one address is sound at the
// others, and following a redirect would work.
func TestFaults_AtEachAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault func(string) Fault
		want  func(sound, got reply) bool
	}{
		"Redirected": {Redirected, func(_, got reply) bool {
			return got.status == http.StatusTemporaryRedirect && strings.HasPrefix(got.header.Get("Location"), "/elsewhere/")
		}},
		"WebPage":     {WebPage, func(_, got reply) bool { return got.status == 200 && strings.HasPrefix(got.text, "<!DOCTYPE html>") }},
		"EmptyObject": {EmptyObject, func(_, got reply) bool { return got.status == 200 && got.text == "{}" }},
		"ErrorObject": {ErrorObject, func(_, got reply) bool { return got.status == 200 && got.json["error"] == "temporarily_unavailable" }},
		"Broken":      {Broken, func(_, got reply) bool { return got.status == 500 && strings.Contains(got.text, "<h1>") }},
		"Duplicated": {Duplicated, func(sound, got reply) bool {
			return strings.HasPrefix(got.text, strings.TrimSuffix(sound.text, "}")+",") && cmp.Diff(sound.json, got.json) != ""
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			for _, path := range []string{pathDiscovery, pathKeys, pathUserinfo} {
				access := b.tokens("nora")["access_token"].(string)
				b.SetFaults(Faults{})
				sound := b.withToken(path, access)
				b.SetFaults(Faults{List: []Fault{c.fault(path)}})
				got := b.withToken(path, access)
				if !c.want(sound, got) {
					t.Errorf("%s: %d %v %s", path, got.status, got.header, got.text)
				}
				if name == "Redirected" {
					if there := b.withToken(got.header.Get("Location"), access); there.text != sound.text {
						t.Errorf("%s: elsewhere is %d %s", path, there.status, there.text)
					}
				}
				if other := b.get("/"); other.status != http.StatusOK {
					t.Errorf("%s: the home page is %d", path, other.status)
				}
			}
			b.SetFaults(Faults{List: []Fault{c.fault(pathToken)}})
			sound := reply{text: `{"access_token":`, json: map[string]any{}}
			if got := b.exchange(b.code(authPath(), "nora")); name != "Duplicated" && !c.want(sound, got) ||
				name == "Duplicated" && (strings.Count(got.text, `"id_token":`) != 2 || strings.Count(got.text, `"access_token":`) != 2) {
				t.Errorf("%s: %d %v %s", pathToken, got.status, got.header, got.text)
			}
		})
	}
}

// TestFaults_RedirectKeepsTheSecret: a caller that follows from the token
// endpoint sends its code and secret along.
func TestFaults_RedirectKeepsTheSecret(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetFaults(Faults{List: []Fault{Redirected(pathToken)}})
	code := b.code(authPath(), "nora")
	a := b.exchange(code)
	if a.status != http.StatusTemporaryRedirect {
		t.Fatalf("%d", a.status)
	}
	if there := b.exchangeAt(a.header.Get("Location"), code); there.status != http.StatusOK || b.Requests()["/elsewhere/"] != 1 {
		t.Errorf("%d %v", there.status, b.Requests())
	}
}

func TestFaults_HugeStaysJSON(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetFaults(Faults{List: []Fault{{Prefix: pathDiscovery, Huge: 1 << 20}}})
	a := b.get(pathDiscovery)
	if len(a.text) < 1<<20 || !json.Valid([]byte(a.text)) || a.json["issuer"] != b.url || a.header.Get("Content-Length") != "" {
		t.Errorf("%d bytes %v", len(a.text), a.header)
	}
}

// TestFaults_SwitchesAreNamed: the home page tells each failure by its name.
func TestFaults_SwitchesAreNamed(t *testing.T) {
	t.Parallel()
	for _, path := range faultPlaces() {
		for name, f := range failures(path) {
			if got := describe(f); got != path+" "+name {
				t.Errorf("%s %s is called %s", path, name, got)
			}
		}
	}
	if got := describe(Fault{Prefix: "/x", Status: 418}); got != "/x …" {
		t.Errorf("one of a test's own is called %s", got)
	}
}
