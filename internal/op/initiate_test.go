package op

import (
	"testing"

	"gatehouse"
)

// oidcc-3rd-party-init-login (OpenID Connect Core section 4).
func TestThirdPartyInitiatedLogin(t *testing.T) {
	t.Parallel()
	client := func(uri string, enabled bool) gatehouse.Client {
		return gatehouse.Client{Enabled: enabled, Settings: gatehouse.ClientSettings{InitiateLoginURI: uri}}
	}
	for want, c := range map[string]gatehouse.Client{
		"https://app.example/in?iss=https%3A%2F%2Fid.example":     client("https://app.example/in", true),
		"https://app.example/in?a=b&iss=https%3A%2F%2Fid.example": client("https://app.example/in?a=b", true),
		"": client("https://app.example/off", false),
	} {
		if got := StartLink(c, "https://id.example"); got != want {
			t.Errorf("the link is %q, want %q", got, want)
		}
	}
	if got := StartLink(client("", true), "https://id.example"); got != "" {
		t.Errorf("a client without one has %q", got)
	}
}
