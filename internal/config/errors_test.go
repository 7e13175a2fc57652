package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/config"
)

var update = flag.Bool("update", false, "write what is said now into testdata/*.txt")

// Each testdata/bad/*.yml has the text of its problems and warnings beside it.
// No text has a secret in it: all of them contain "s3cret".
func TestErrors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yml")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yml"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, warnings, err := config.Parse("gatehouse.yml", data, env)
			got := ""
			if err != nil {
				got = err.Error() + "\n"
				if _, ok := config.AsError(err); !ok {
					t.Errorf("%T is no *config.Error", err)
				}
			}
			for _, w := range warnings {
				got += "warning: " + w.String() + "\n" + w.Excerpt + "\n"
			}
			if strings.Contains(got, "s3cret") {
				t.Errorf("a secret is told:\n%s", got)
			}
			golden := strings.TrimSuffix(file, ".yml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const head = "url: https://id.example.com\n"

func problems(t *testing.T, text string) []string {
	t.Helper()
	_, _, err := config.Parse("gatehouse.yml", []byte(text), env)
	if err == nil {
		return nil
	}
	e, ok := config.AsError(err)
	if !ok {
		t.Fatalf("%T is no *config.Error: %v", err, err)
	}
	var all []string
	for _, p := range e.Problems {
		all = append(all, p.Path+": "+p.Message)
	}
	return all
}

func TestURL(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://id.example.com": true, "https://id.example.com/": true, "https://ID.example.com:8443": true, "http://localhost:8080": true,
		"http://127.0.0.1": true, "http://127.8.8.8:1": true, "'http://[::1]:8080'": true, "http://gate.localhost": true,
		"http://id.example.com": false, "http://10.0.0.1": false, "http://localhost.example.com": false, "http://127.0.0.1.example.com": false,
		"id.example.com": false, "//id.example.com": false, "ftp://id.example.com": false, "https://": false, "https://id.example.com/base": false,
		"https://id.example.com?x": false, "https://id.example.com/?": false, "https://id.example.com#x": false, "https://u:p@id.example.com": false,
		"'https://id.example.com:'": false, "https://id.example.com:99999": false, "https://id.example.com:x": false, `'https://id.example.com\@x'`: false,
		"'https://id example.com'": false, "javascript:alert(1)": false, "5": false, "[https://id.example.com]": false, "''": false, "~": false,
	} {
		if got := problems(t, "url: "+address+"\n"); (got == nil) != ok {
			t.Errorf("%s: %v", address, got)
		}
	}
	c, _, err := config.Parse("x.yml", []byte("url: HTTPS://ID.Example.com:8443/\n"), env)
	if err != nil || c.URL != "https://id.example.com:8443" {
		t.Errorf("URL is %+v, %v", c, err)
	}
}

func TestRedirectURIs(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://app.example.com/callback": true, "https://app.example.com/cb?x=1&y=%20": true, "https://app.example.com": true, "http://localhost/cb": true,
		"http://127.0.0.1:3000/cb": true, "http://[::1]/cb": true, "com.example.app:/cb": true, "com.example.app://host/cb": true, "vscode://x/y": true,
		"http://app.example.com/cb": false, "/cb": false, "app.example.com/cb": false, "//app.example.com/cb": false, "": false,
		"https://app.example.com/cb#x": false, "https://app.example.com/cb#": false, "https://*.example.com/cb": false, "https://app.example.com/*": false,
		"https://u@app.example.com/cb": false, "https://app.example.com@evil.example/": false, "https:app.example.com": false, "https:///cb": false,
		"javascript:alert(1)": false, "JavaScript:alert(1)": false, "data:text/html,x": false, "vbscript:x": false, "file:///etc/passwd": false,
		"blob:https://app.example.com/x": false, "https://app.example.com/\\evil": false, "https://app.example.com/ x": false, "https://例子.example/": false,
		"https://app.example.com/\tx": false, "https://app.example.com/<script>": false, "intent://x": false,
	} {
		text := head + fmt.Sprintf("clients: [{id: a, secret: ${DEMO_SECRET}, redirect_uris: [%q]}]\n", address)
		text = strings.Replace(text, "${DEMO_SECRET}", `"${DEMO_SECRET}"`, 1)
		if got := problems(t, text); (got == nil) != ok {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	parse := func(t *testing.T, text string) *config.Config {
		t.Helper()
		c, _, err := config.Parse("x.yml", []byte(head+text), env)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Run("ValueNeverChangesTheStructure", func(t *testing.T) {
		t.Parallel()
		v, _ := env("YAML")
		c := parse(t, "omniauth: {providers: [{name: gitlab, app_id: a, app_secret: \"${YAML}\"}]}\n")
		if got := c.OmniAuth.Providers[0].AppSecret; got != v || c.Admins != nil {
			t.Errorf("secret %q, admins %v", got, c.Admins)
		}
	})
	t.Run("ValueIsNotPutInTwice", func(t *testing.T) {
		t.Parallel()
		c := parse(t, "omniauth: {providers: [{name: gitlab, app_id: a, app_secret: \"${YAML}\"}]}\n")
		if !strings.Contains(c.OmniAuth.Providers[0].AppSecret, "${DEMO_SECRET}") {
			t.Error("a variable within a value was put in")
		}
	})
	t.Run("KeysAreNotPutIn", func(t *testing.T) {
		t.Parallel()
		c := parse(t, "omniauth: {providers: [{name: gitlab, app_id: a, app_secret: b, args: {\"${WORD}\": \"${WORD}\"}}]}\n")
		if diff := cmp.Diff(map[string]any{"${WORD}": "s3cretword"}, c.OmniAuth.Providers[0].Args); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("FlagsAndNumbersComeAsText", func(t *testing.T) {
		t.Parallel()
		c := parse(t, "omniauth: {block_auto_created_users: \"${TRUE}\"}\nsmtp: {host: h, from: a@b.example, port: \"${SMTP_PORT}\"}\n")
		if !c.OmniAuth.BlockAutoCreatedUsers || c.SMTP.Port != 2525 {
			t.Errorf("%+v", c)
		}
		if got := problems(t, head+"omniauth: {block_auto_created_users: \"true\"}\n"); got == nil {
			t.Error("a quoted true counts as true")
		}
	})
	for text, want := range map[string]string{
		"a $${X} b":      "a ${X} b",
		"$$$${X}":        "$$${X}",
		"$X $ $$ }{":     "$X $ $$ }{",
		"${WORD}${WORD}": "s3cretwords3cretword",
		"$$${WORD}":      "$${WORD}",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			c := parse(t, "clients: [{id: a, secret: \"${DEMO_SECRET}\", redirect_uris: [\"https://a.example/\"], name: \""+text+"\"}]\n")
			if got := c.Clients[0].Name; got != want {
				t.Errorf("name %q, want %q", got, want)
			}
		})
	}
}

// Files that are made to hurt are refused, and soon.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	bomb := "url: https://id.example.com\nomniauth:\n  providers:\n  - name: gitlab\n    app_id: a\n    app_secret: b\n    args:\n      a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("      a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"AliasBomb":       {bomb, "more than 50000 values"},
		"AliasOfItself":   {"url: &a [*a]\n", "no anchor of this name comes before"},
		"DeepLists":       {head + "admins: " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "nested more than 50 levels"},
		"VeryDeepLists":   {strings.Repeat("[", 1<<20), "more than 50000 parts"},
		"VeryDeepBlocks":  {strings.Repeat("- ", 1<<19), "more than 50000 parts"},
		"ManyKeys":        {strings.Repeat("a: 1\n", 200_000), "more than 50000 parts"},
		"TooLong":         {strings.Repeat("#", 1<<20+1), "longer than 1048576 bytes"},
		"Binary":          {"\x00\x01\x02\xff\xfe", ""},
		"TwoDocuments":    {head + "---\n" + head, "a second document begins here"},
		"ListAtTheTop":    {"- url\n", "expected a map (key: value), found a list"},
		"TextAtTheTop":    {"url\n", "expected a map (key: value), found a text"},
		"Empty":           {"", "url: is missing"},
		"OnlyComments":    {"# nothing\n", "url: is missing"},
		"ManyProblemsCut": {head + strings.Repeat("x: 1\n", 100), "more after this one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, _, err := config.Parse("gatehouse.yml", []byte(c.text), env)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %.300v, want %q", err, c.want)
			}
			if err != nil && len(err.Error()) > 20_000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %s", took)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil {
		f.Fatal(err)
	}
	bad, err := filepath.Glob("testdata/bad/*.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range append(files, bad...) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		c, warnings, err := config.Parse("gatehouse.yml", data, env)
		if (c == nil) != (err != nil) {
			t.Fatalf("configuration %v with error %v", c, err)
		}
		said := ""
		if err != nil {
			e, ok := config.AsError(err)
			if !ok || len(e.Problems) == 0 {
				t.Fatalf("%T: %v", err, err)
			}
			for _, p := range e.Problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("problem %+v", p)
				}
			}
			said = err.Error()
		}
		for _, w := range warnings {
			said += w.String() + w.Excerpt
		}
		// What comes from the environment is never told.
		for _, name := range []string{"DINGTALK_SECRET", "DEMO_SECRET", "WORD"} {
			if v, _ := env(name); strings.Contains(said, v) && !strings.Contains(string(data), v) {
				t.Errorf("${%s} is told:\n%s", name, said)
			}
		}
	})
}
