package openid

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"gatehouse/internal/twin/openid/wire"
)

// Faults is what goes wrong. The zero value is a healthy provider.
type Faults struct {
	// Flaws is what the provider says wrongly.
	Flaws []Flaw
	// Latency delays every answer.
	Latency time.Duration
	// List is how answers fail on the way. It is looked through in order; the
	// first one that matches and is not used up happens.
	List []Fault
}

// Fault is one thing that goes wrong with the requests it matches.
type Fault = wire.Fault

// SetFaults replaces all faults, and counts Times and After from the start.
func (t *Twin) SetFaults(f Faults) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.setFaults(f)
}

func (t *Twin) setFaults(f Faults) {
	t.faults = Faults{Flaws: slices.Clone(f.Flaws), Latency: f.Latency, List: slices.Clone(f.List)}
	t.breaker.Set(f.Latency, f.List)
}

// SetFlaws is SetFaults with flaws alone.
func (t *Twin) SetFlaws(flaws ...Flaw) { t.SetFaults(Faults{Flaws: flaws}) }

// Redirected sends callers elsewhere, with method and body, to where the true
// answer is.
func Redirected(path string) Fault {
	return Fault{Prefix: path, Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"/elsewhere" + path}}}
}

// WebPage answers with a page instead of data, and says that all is well.
func WebPage(path string) Fault {
	return Fault{
		Prefix: path, Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body: "<!DOCTYPE html>\n<html><head><title>Sign in to the Wi-Fi</title></head><body><h1>Welcome</h1></body></html>\n",
	}
}

// EmptyObject answers with {}.
func EmptyObject(path string) Fault { return jsonFault(path, http.StatusOK, `{}`) }

// ErrorObject says an error in JSON, and by its status that all is well.
func ErrorObject(path string) Fault {
	return jsonFault(path, http.StatusOK, `{"error":"temporarily_unavailable","error_description":"<b>Come back later</b>"}`)
}

// Broken answers with status 500 and a page.
func Broken(path string) Fault {
	f := WebPage(path)
	f.Status, f.Body = http.StatusInternalServerError, "<h1>Internal Server Error</h1>"
	return f
}

// Duplicated answers truly and says the most important members once more, with
// what an attacker would like them to be.
func Duplicated(path string) Fault {
	return Fault{Prefix: path, Duplicate: map[string]any{
		"issuer": otherIssuer, "jwks_uri": otherIssuer + pathKeys, "keys": []any{}, "sub": "somebody-else", "email_verified": true,
		"id_token": "this is not a token", "access_token": "somebody-elses",
	}}
}

func jsonFault(path string, status int, body string) Fault {
	return Fault{Prefix: path, Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// faultPlaces are the addresses that the hub itself calls.
func faultPlaces() []string {
	return []string{pathDiscovery, pathKeys, pathToken, pathUserinfo, pathPlainToken, pathPlainUserinfo}
}

// failures are the switches of the home page.
func failures(path string) map[string]Fault {
	return map[string]Fault{
		"slow": {Prefix: path, Delay: 20 * time.Second}, "drip": {Prefix: path, Drip: time.Second}, "hang": {Prefix: path, Hang: true},
		"huge": {Prefix: path, Huge: 1 << 30}, "page": WebPage(path), "truncate": {Prefix: path, Truncate: true},
		"reset": {Prefix: path, Reset: true}, "redirect": Redirected(path), "500": Broken(path), "empty": EmptyObject(path),
		"error": ErrorObject(path), "duplicate": Duplicated(path),
	}
}

func failureNames() []string { return slices.Sorted(maps.Keys(failures(""))) }

// describe names a fault as the home page's switches do.
func describe(f Fault) string {
	for name, known := range failures(f.Prefix) {
		if fmt.Sprint(known) == fmt.Sprint(f) {
			return f.Prefix + " " + name
		}
	}
	return f.Prefix + " …"
}
