package op

import (
	"testing"

	"gatehouse/internal/op/logout"
)

func TestOrigin(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://app.example:8443/cb?x=1": "https://app.example:8443",
		"http://127.0.0.1/cb":             "http://127.0.0.1",
		"com.example.app:/cb":             "com.example.app:",
		"com.example.app://host/cb":       "com.example.app:",
		"nonsense":                        "",
	} {
		if got := origin(address); got != want {
			t.Errorf("origin(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestWithQuery(t *testing.T) {
	t.Parallel()
	v := map[string][]string{"code": {"c"}, "state": {"a b&c"}}
	for address, want := range map[string]string{
		"https://a.example/cb":       "https://a.example/cb?code=c&state=a+b%26c",
		"https://a.example/cb?":      "https://a.example/cb?code=c&state=a+b%26c",
		"https://a.example/cb?x=%2F": "https://a.example/cb?x=%2F&code=c&state=a+b%26c",
		"app:/cb":                    "app:/cb?code=c&state=a+b%26c",
	} {
		if got := logout.WithQuery(address, v); got != want {
			t.Errorf("logout.WithQuery(%q) = %q, want %q", address, got, want)
		}
	}
}
