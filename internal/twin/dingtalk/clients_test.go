package dingtalk

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Clients that others wrote for DingTalk, as they are, are to sign in at the
// twin: what satisfies only our own client may be our own mistake twice.

const clientsCallback = "http://hub.test/auth/dingtalk/callback"

// unmodified runs a program of interop/dingtalk against a twin and reads what it
// found. Where the outside software is missing the test is skipped, or fails
// where it must be there (CI=true).
func unmodified(t *testing.T, needs func() error, program string, found any, args ...string) {
	t.Helper()
	if err := needs(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	tw, err := New(Config{URL: "http://" + srv.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = tw
	srv.Start()
	t.Cleanup(srv.Close)
	if err := tw.AddApp(DemoApp(clientsCallback)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...) // #nosec G204 -- a program of ours
	cmd.Dir = clientsFolder
	cmd.Env = append(os.Environ(), "TWIN="+srv.URL, "KEY="+DemoAppKey, "SECRET="+DemoAppSecret, "CALLBACK="+clientsCallback,
		"UNION_ID="+DemoUnionID("lina"), "CORP_ID="+DemoCorpID, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	var out, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &trouble
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, out.String(), trouble.String())
	}
	if err := json.Unmarshal(out.Bytes(), found); err != nil {
		t.Fatalf("%s %s printed what is no JSON: %v\n%s", program, strings.Join(args, " "), err, out.String())
	}
}

const clientsFolder = "../../../interop/dingtalk"

// missing is what to install for a test that is skipped.
type missing string

// Error is the sentence.
func (m missing) Error() string { return string(m) }

func TestClients_OfTheCurrentFlow(t *testing.T) {
	t.Parallel()
	needs := func() error {
		if _, err := exec.LookPath("node"); err != nil {
			return missing("no Node.js, and so none of the clients written for it")
		}
		if _, err := os.Stat(filepath.Join(clientsFolder, "node_modules")); err != nil {
			return missing("the clients are missing: npm ci --prefix interop/dingtalk")
		}
		return nil
	}
	var found struct {
		Passport struct{ ID, UnionID, Name, Company string }
		Vendor   struct {
			App, Renewed           bool
			Seconds                int
			Company, UnionID, Nick string
			OpenID                 string
			Refusal                struct {
				Code   string
				Status int
			}
		}
	}
	unmodified(t, needs, "node", &found, "current.js")
	if p := found.Passport; p.ID != DemoOpenID("lina") || p.UnionID != DemoUnionID("lina") || p.Name != "娜娜" || p.Company != DemoCorpID {
		t.Errorf("passport-dingtalk2 found %+v", p)
	}
	v := found.Vendor
	if !v.App || !v.Renewed || v.Seconds != 7200 || v.Company != DemoCorpID || v.UnionID != DemoUnionID("lina") || v.OpenID != DemoOpenID("lina") || v.Nick != "娜娜" {
		t.Errorf("@alicloud/dingtalk found %+v", v)
	}
	if v.Refusal.Code != "invalidParameter.authCode.notFound" || v.Refusal.Status != 400 {
		t.Errorf("@alicloud/dingtalk makes %+v of a used code", v.Refusal)
	}
}

func TestClients_OfTheOlderFlow(t *testing.T) {
	t.Parallel()
	needs := func() error {
		if err := exec.CommandContext(t.Context(), "ruby", "-e", "require 'omniauth-dingtalk-oauth2'").Run(); err != nil {
			return missing("GitLab's old DingTalk strategy is missing (Debian: apt-get install ruby-omniauth-dingtalk-oauth2)")
		}
		return nil
	}
	var found struct{ Page, UID, UnionID, Name string }
	unmodified(t, needs, "ruby", &found, "legacy.rb")
	want := struct{ Page, UID, UnionID, Name string }{"/connect/qrconnect", DemoOpenID("lina"), DemoUnionID("lina"), "李娜"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}
