package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/config"
)

// provider loads a file with one provider.
func provider(t *testing.T, lines ...string) (*config.Config, string, error) {
	t.Helper()
	folder := t.TempDir()
	name := filepath.Join(folder, "gatehouse.yml")
	text := "url: https://id.example.com\nomniauth:\n  providers:\n    - name: github\n      app_id: id\n      app_secret: secret\n"
	for _, line := range lines {
		text += "      " + line + "\n"
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load(name, env)
	return c, folder, err
}

func TestSiteOfAProvider(t *testing.T) {
	t.Parallel()
	c, folder, err := provider(t, "url: https://github.example.com/", "verify_ssl: true", "args: {scope: 'user:email', ca_file: ca.pem}")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"url": "https://github.example.com/", "scope": "user:email", "ca_file": filepath.Join(folder, "ca.pem")}
	if diff := cmp.Diff(want, c.OmniAuth.Providers[0].Args); diff != "" {
		t.Error(diff)
	}
	if c, _, err = provider(t, "url: https://github.example.com/", "args: {url: 'https://other.example.com'}"); err != nil || c.OmniAuth.Providers[0].Args["url"] != "https://other.example.com" {
		t.Errorf("what stands in args wins: %v, %v", c, err)
	}
	if _, _, err = provider(t, "verify_ssl: false"); err == nil || !strings.Contains(err.Error(), "args.ca_file") {
		t.Errorf("certificates that nobody checks: %v", err)
	}
}
