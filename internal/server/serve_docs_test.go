package server

import (
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"gatehouse/internal/config"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestExampleConfigurationIsTrue(t *testing.T) {
	t.Parallel()
	example, asked := read(t, "../../docs/gatehouse.example.yml"), 0
	c, warnings, err := config.Parse("gatehouse.example.yml", []byte(example), func(string) (string, bool) {
		asked++
		return "a-long-secret-of-the-environment", true
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		t.Errorf("warning: %s", w)
	}
	if err := Check(c, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
	if asked < 6 || len(c.Connections()) != 2 || len(c.Clients) != 3 || len(c.Connectors) != 2 {
		t.Errorf("%d variables, %d connections, %d clients, %d connectors", asked, len(c.Connections()), len(c.Clients), len(c.Connectors))
	}
	t.Run("EveryKeyIsExplained", func(t *testing.T) {
		t.Parallel()
		text := read(t, "../../docs/configuration.md")
		for _, m := range regexp.MustCompile(`(?m)(?:^[ #-]*|[{,] ?)([a-z_]+): `).FindAllStringSubmatch(example, -1) {
			if key := m[1]; !strings.Contains(text, "`"+key+"`") && !strings.Contains(text, "."+key+"`") && !strings.Contains(text, "`"+key+".") {
				t.Errorf("docs/configuration.md does not explain %s", key)
			}
		}
	})
}

// The keys of the configuration are not listed in the code, so the documentation
// is tried: each must be known where the documentation says it is.
func TestDocumentedKeysAreKnown(t *testing.T) {
	t.Parallel()
	text := read(t, "../../docs/configuration.md")
	env := func(string) (string, bool) { return "", false }
	for heading, at := range map[string]string{
		"## The installation": "%s: {}\n", "## `lifetimes`": "lifetimes: {%s: {}}\n", "## `smtp`": "smtp: {%s: {}}\n",
		"## `omniauth`": "omniauth: {%s: {}}\n", "A provider has:": "omniauth: {providers: [{%s: {}}]}\n",
		"## `clients`": "clients: [{%s: {}}]\n", "## `connectors`": "connectors: [{%s: {}}]\n",
	} {
		_, section, ok := strings.Cut(text, heading+"\n")
		if !ok {
			t.Errorf("there is no %q", heading)
			continue
		}
		table, _, _ := strings.Cut(section[strings.Index(section, "|---"):], "\n\n")
		rows := 0
		for _, row := range strings.Split(table, "\n")[1:] {
			cell := strings.Split(strings.TrimPrefix(row, "| "), " |")[0]
			for _, m := range regexp.MustCompile("`([a-z_.]+)`").FindAllStringSubmatch(cell, -1) {
				rows++
				key, _, _ := strings.Cut(m[1], ".")
				_, _, err := config.Parse("x.yml", []byte(strings.Replace(at, "%s", key, 1)), env)
				if err != nil && strings.Contains(err.Error(), key+": there is no such key") {
					t.Errorf("%s: the key %s is not known", heading, key)
				}
			}
		}
		if rows < 4 {
			t.Errorf("%s: found only %d keys", heading, rows)
		}
	}
}

func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	m, err := newMeters()
	if err != nil {
		t.Fatal(err)
	}
	defer m.close(t.Context())
	m.Observe("http_request", 1, "class", "2xx")
	m.Count("sign_in", "outcome", "signed_in")
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	text, found := read(t, "../../docs/operations.md"), 0
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "gatehouse_") {
			found++
			if !strings.Contains(text, "`"+f.GetName()+"`") {
				t.Errorf("docs/operations.md does not name %s", f.GetName())
			}
		}
	}
	if found != 2 {
		t.Errorf("found %d metrics of our own", found)
	}
	// Every name that the code counts or measures, in its own words.
	names := regexp.MustCompile(`(?:\.Observe|\.Count|\.count)\("([a-z_]+)"`)
	for _, file := range []string{"http.go", "server.go", "../op/op.go", "../op/authorize.go", "../op/consent.go", "../op/token.go", "../signin/signin.go", "../users/ensure.go", "../apps/guard.go", "../access/pull.go", "../web/ui/middleware.go"} {
		for _, m := range names.FindAllStringSubmatch(read(t, file), -1) {
			if !strings.Contains(text, "gatehouse_"+m[1]+"_") {
				t.Errorf("docs/operations.md does not name %s, which %s measures", m[1], file)
			}
		}
	}
}
