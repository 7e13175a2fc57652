package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

const gitlabRB = `gitlab_rails['omniauth_allow_single_sign_on'] = true
gitlab_rails['omniauth_providers'] = [
  { name: 'dingtalk', app_id: 'key', app_secret: 's3cret' },
  { name: 'saml' }
]
`

func TestImportGitLab(t *testing.T) {
	t.Parallel()
	t.Run("WritesWhatServeReads", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, "")
		p.write("gitlab.rb", gitlabRB)
		r := p.run("import", "gitlab", p.path("gitlab.rb"), "--url", "https://id.example.com", "--output", p.path("new.yml"), "--secrets", p.path("new.env"), "--json")
		var said struct {
			Taken, Left []struct {
				Line int
				What string
			}
			Secrets []string
			Wrong   string
		}
		if err := json.Unmarshal([]byte(r.out), &said); err != nil || r.code != exitOK {
			t.Fatalf("%d %s %s: %v", r.code, r.out, r.err, err)
		}
		if len(said.Taken) != 2 || len(said.Left) != 1 || said.Left[0].Line != 4 || said.Wrong != "" || len(said.Secrets) != 1 {
			t.Errorf("said %+v", said)
		}
		env, err := os.ReadFile(p.path("new.env"))
		if string(env) != "GATEHOUSE_DINGTALK_APP_SECRET='s3cret'\n" || err != nil {
			t.Errorf("secrets %q, %v", env, err)
		}
		for _, f := range []string{"new.env", "new.yml"} {
			if info, err := os.Stat(p.path(f)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", f, info, err)
			}
		}
		p.env["GATEHOUSE_DINGTALK_APP_SECRET"] = "s3cret"
		if r := p.run("check", "--config", p.path("new.yml")); r.code != exitOK || !strings.Contains(r.out, "1 connections") {
			t.Errorf("check: %+v", r)
		}
		if r := p.run("import", "gitlab", p.path("gitlab.rb"), "--output", p.path("new.yml")); r.code != exitFailed || !strings.Contains(r.err, "stays as it is") {
			t.Errorf("over a file that is there: %+v", r)
		}
	})
	t.Run("PrintsWithoutSecrets", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, "")
		p.write("gitlab.rb", gitlabRB)
		r := p.run("import", "gitlab", p.path("gitlab.rb"))
		if r.code != exitOK || !strings.HasPrefix(r.out, "# Taken over") || strings.Contains(r.out+r.err, "s3cret") ||
			!strings.Contains(r.err, "not taken  line 4: provider saml") || !strings.Contains(r.err, "GATEHOUSE_DINGTALK_APP_SECRET") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("SaysWhatStillHasToBeMended", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, "")
		p.write("gitlab.rb", "gitlab_rails['omniauth_providers'] = [{ name: 'gitlab', app_id: 'a', app_secret: 'b', args: { client_options: { site: 'no address' } } }]")
		if r := p.run("import", "gitlab", p.path("gitlab.rb")); r.code != exitFailed || !strings.Contains(r.err, "still wrong") || !strings.Contains(r.err, "site") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("WrongLineIsNamed", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, "")
		p.write("gitlab.rb", "\ngitlab_rails['omniauth_enabled'] = system('id')\n")
		if r := p.run("import", "gitlab", p.path("gitlab.rb")); r.code != exitUsage || r.out != "" || !strings.Contains(r.err, "gitlab.rb:2:36") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("BadArguments", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, "")
		for want, args := range map[string][]string{
			"needs FILE":     {"import", "gitlab"},
			"--output":       {"import", "gitlab", p.path("x"), "--json"},
			"no such file":   {"import", "gitlab", p.path("absent.rb")},
			"has no command": {"import", "gitlub"},
		} {
			if r := p.run(args...); r.code == exitOK || !strings.Contains(r.err, want) {
				t.Errorf("%v: %+v, want %q", args, r, want)
			}
		}
	})
}
