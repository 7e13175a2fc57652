package outgoing

import (
	"net/netip"
	"strings"
	"testing"

	"gatehouse"
)

func TestCheckSaysEarlyWhatWouldBeRefused(t *testing.T) {
	t.Parallel()
	m, err := New(Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	if err != nil {
		t.Fatal(err)
	}
	for url, line := range map[string]string{
		"https://127.0.0.1/x":             `outgoing: {allow: ["127.0.0.1/32"]}`,
		"http://[::1]:8080":               `outgoing: {allow: ["::1/128"]}`,
		"https://169.254.169.254/latest":  `outgoing: {allow: ["169.254.169.254/32"]}`,
		"https://[::ffff:192.168.1.5]/":   `outgoing: {allow: ["192.168.1.5/32"]}`,
		"https://10.2.0.1":                `outgoing: {allow: ["10.2.0.1/32"]}`,
		"https://10.1.2.3":                "",
		"https://93.184.215.14":           "",
		"https://nowhere.invalid/":        "",
		"javascript:alert(1)":             "",
		"not an address, and much longer": "",
	} {
		err := m.Check(t.Context(), url)
		switch {
		case line == "" && err != nil:
			t.Errorf("%s: %v", url, err)
		case line != "" && (gatehouse.KindOf(err) != gatehouse.Forbidden || !strings.Contains(err.Error(), line)):
			t.Errorf("%s: %v, want a refusal with %s", url, err, line)
		}
	}
}
