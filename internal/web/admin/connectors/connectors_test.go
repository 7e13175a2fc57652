package connectors

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

func TestG1WhoMayReadAndChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	pull := gatehouse.Pull{ConnectorID: c.ID, State: gatehouse.PullDone}
	w.update(func(tx *store.Tx) error { return tx.SavePull(&pull) })
	seen := url.Values{"seen": {"0"}, "name": {"People"}}
	readers, keepers := []string{"auditor", "keeper", "root"}, []string{"keeper", "root"}
	for _, a := range []struct {
		path string
		form url.Values // nil: a GET
		by   []string
		want int
	}{
		{"/admin/connectors", nil, readers, 200},
		{"/admin/connectors/mine", nil, readers, 200},
		{"/admin/connectors/filed", nil, readers, 200},
		{"/admin/connectors/mine/pulls/" + pull.ID, nil, readers, 200},
		{"/admin/add-connector", nil, keepers, 200},
		{"/admin/add-connector/directory", nil, keepers, 200},
		{adding, nil, keepers, 200},
		{adding, url.Values{}, keepers, 422},
		{"/admin/connectors/mine/edit", nil, keepers, 200},
		{"/admin/connectors/mine/edit", seen, keepers, 422},
		{"/admin/connectors/mine/choose/group", nil, keepers, 200},
		{"/admin/connectors/mine/choose/group", seen, keepers, 409},
		{"/admin/connectors/mine/remove", nil, keepers, 200},
		{"/admin/connectors/mine/remove", seen, keepers, 409},
		{"/admin/connectors/mine/probe", url.Values{}, keepers, 303},
		{"/admin/connectors/mine/sync", url.Values{}, keepers, 303},
		{"/admin/connectors/mine/hook-secret", url.Values{}, keepers, 200},
		{"/admin/connectors/filed/hook-secret", url.Values{}, keepers, 409},
		{"/admin/connectors/mine/pause", url.Values{}, keepers, 303},
		{"/admin/connectors/mine/resume", url.Values{}, keepers, 303},
		{"/admin/connectors/mine/pulls/" + pull.ID + "/release", url.Values{}, keepers, 409},
	} {
		for as, refused := range map[string]int{"": 401, "alice": 403, "auditor": 403, "keeper": 403, "root": 403} {
			want := refused
			if slices.Contains(a.by, as) {
				want = a.want
			}
			if as == "" && a.form == nil {
				want = http.StatusSeeOther // to the sign-in page
			}
			if r := w.do(as, a.path, a.form); r.Code != want {
				t.Errorf("%q %s (form: %v): %d, want %d", as, a.path, a.form != nil, r.Code, want)
			}
		}
	}
}

func TestPagesShowNoSecretAndNoMarkup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	w.update(func(tx *store.Tx) error {
		return tx.SavePull(&gatehouse.Pull{ConnectorID: c.ID, Steps: []gatehouse.PullStep{{Name: "<i>step", Accounts: 3, Millis: 1500}}})
	})
	for _, path := range []string{
		"/admin/connectors", "/admin/connectors/mine", "/admin/connectors/filed", "/admin/connectors/mine/edit", "/admin/connectors/mine/remove",
		"/admin/connectors/mine/choose/group", adding, "/admin/add-connector", "/admin/add-connector/directory",
	} {
		got := strings.ReplaceAll(w.do("root", path, nil).Body.String(), `<script src="/assets/`, "")
		for _, forbidden := range []string{secret, "<i>", "<b>", "<script", " style="} {
			if strings.Contains(got, forbidden) {
				t.Errorf("%s contains %q", path, forbidden)
			}
		}
	}
}

func TestG2WhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.added()
	other := gatehouse.Pull{ConnectorID: w.connector("filed").ID, State: gatehouse.PullHeld}
	w.update(func(tx *store.Tx) error { return tx.SavePull(&other) })
	for _, path := range []string{
		"/admin/connectors/none", "/admin/connectors/none/edit", "/admin/connectors/none/remove", "/admin/add-connector/none", "/admin/add-connector/shut",
		"/admin/add-connector/shut/settings", adding + "?app=client/none", adding + "?app=nonsense", "/admin/connectors/mine/choose/none", "/admin/connectors/mine/choose/mode",
		"/admin/connectors/mine/pulls/none", "/admin/connectors/mine/pulls/" + other.ID,
	} {
		if r := w.do("root", path, nil); r.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, r.Code)
		}
	}
	for _, path := range []string{"/admin/connectors/none/pause", "/admin/connectors/none/probe", "/admin/connectors/mine/pulls/" + other.ID + "/release"} {
		if r := w.do("root", path, url.Values{}); r.Code != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, r.Code)
		}
	}
}

func TestAddingAConnector(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says(w.do("keeper", "/admin/add-connector", nil), `href="/admin/add-connector/directory"`)
	w.says(w.do("keeper", "/admin/add-connector/directory", nil), `settings"`, `settings?app=client%2Fwiki`, `settings?app=connector%2Ffiled`)
	w.says(w.do("keeper", adding+"?app=client%2Fwiki", nil), `value="Wiki"`, "keeper@example.com")
	form := good()
	r := w.do("root", adding+"?app=client%2Fwiki", form)
	if to := r.Header().Get("Location"); r.Code != http.StatusSeeOther || to != "/admin/connectors/mine?done=saved" {
		t.Fatalf("%d to %q\n%s", r.Code, to, r.Body)
	}
	c := w.connector("mine")
	want := gatehouse.Connector{
		ID: c.ID, Key: "mine", Kind: "directory", Name: "People", URL: "https://9.9.9.9", Token: secret, Secrets: map[string]string{"aes_key": secret + "-2"},
		Settings: map[string]string{"group": "eng", "mode": "callback"}, Owners: []string{"root@example.com", "ann@example.com"},
		Schedule: "0 3 * * *", TimeZone: "Asia/Shanghai", App: "client/wiki", Status: gatehouse.ConnectorSyncing, Enabled: true,
		Managed: gatehouse.ManagedByDashboard, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, Seen: c.Seen,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if c.Seen.Actor != "<i>root" || c.Seen.At.IsZero() {
		t.Errorf("seen %+v", c.Seen)
	}
	if diff := cmp.Diff([]string{"ann@example.com"}, w.mailed()); diff != "" {
		t.Errorf("who got a mail: %s", diff)
	}
	w.says(w.do("auditor", "/admin/connectors/mine", nil), "Syncing", "18.1 EE", "a note of the probe", "Wiki", "Asia/Shanghai", "Token ends 2026-03-08")
}

func TestWhatIsWrongStandsBesideItsInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for field, value := range map[string]string{
		"name": "", "key": "Not A Key", "url": "ftp://x", "token": "", "owners": "nobody", "schedule": "often", "time_zone": "Mars", "arg.group": "nowhere", "arg.mode": "pigeon",
	} {
		form := good()
		form.Set(field, value)
		r := w.do("root", adding, form)
		beside := field
		if field == "time_zone" {
			beside = "schedule"
		}
		if id := `id="hint-` + beside; r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), id) || !strings.Contains(r.Body.String(), "field-problem") {
			t.Errorf("%s=%q: %d", field, value, r.Code)
		}
		if strings.Contains(r.Body.String(), secret) {
			t.Errorf("%s: a secret is sent back", field)
		}
	}
	form := good()
	form.Set("url", "http://10.0.0.7")
	r := w.do("root", adding, form)
	if r.Code != http.StatusUnprocessableEntity {
		t.Errorf("a private address: %d", r.Code)
	}
	w.says(r, "10.0.0.7/32", "outgoing")
	w.app.err = gatehouse.Errorf(gatehouse.Unauthorized, "The token is not accepted.")
	r = w.do("root", adding, good())
	if r.Code != http.StatusUnprocessableEntity {
		t.Errorf("a token that is refused: %d", r.Code)
	}
	w.says(r, "The token is not accepted.")
}

func TestS12SecretsAndOwnersNeedAFreshProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	w.now = w.now.Add(3 * time.Hour)
	base := func() url.Values {
		f := good()
		f.Set("token", "")
		f.Set("secret.aes_key", "")
		f.Set("url", c.URL)
		f.Set("seen", ui.Seen(c.UpdatedAt))
		return f
	}
	for field, value := range map[string]string{"token": "new", "secret.aes_key": "new", "owners": "eve@example.com", "url": "https://9.9.9.11"} {
		f := base()
		f.Set(field, value)
		if r := w.do("root", "/admin/connectors/mine/edit", f); r.Code != http.StatusUnauthorized || !strings.Contains(r.Body.String(), "/sign-in/confirm") {
			t.Errorf("%s: %d", field, r.Code)
		}
	}
	f := base()
	f.Set("name", "Folk")
	if r := w.do("root", "/admin/connectors/mine/edit", f); r.Code != http.StatusSeeOther {
		t.Errorf("a new name: %d\n%s", r.Code, r.Body)
	}
	if got := w.connector("mine"); got.Name != "Folk" || got.Token != secret {
		t.Errorf("it is %+v", got)
	}
}

func TestChoosingAGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	r := w.do("keeper", "/admin/connectors/mine/choose/group?q=core", nil)
	w.says(r, "eng/core")
	if strings.Contains(r.Body.String(), "Operation") {
		t.Error("the search finds what it does not look for")
	}
	w.now = w.now.Add(time.Minute)
	form := url.Values{"seen": {ui.Seen(c.UpdatedAt)}, "value": {"eng/core"}}
	if r := w.do("keeper", "/admin/connectors/mine/choose/group", form); r.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", r.Code, r.Body)
	}
	if diff := cmp.Diff(map[string]string{"group": "eng/core", "mode": "callback"}, w.connector("mine").Settings); diff != "" {
		t.Error(diff)
	}
	w.app.err = gatehouse.Errorf(gatehouse.Unavailable, "It is away.")
	w.says(w.do("keeper", "/admin/connectors/mine/choose/group", nil), "It is away.")
}

func TestPausingAndRemoving(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.added()
	if r := w.do("keeper", "/admin/connectors/mine/pause", url.Values{}); r.Code != http.StatusSeeOther || w.connector("mine").Status != gatehouse.ConnectorPaused {
		t.Fatalf("%d, %q", r.Code, w.connector("mine").Status)
	}
	w.says(w.do("auditor", "/admin/connectors/mine", nil), "Nothing is read until it is resumed.")
	if r := w.do("keeper", "/admin/connectors/mine/sync", url.Values{}); r.Code != http.StatusConflict {
		t.Errorf("a sync while it is paused: %d", r.Code)
	}
	if r := w.do("keeper", "/admin/connectors/mine/resume", url.Values{}); r.Code != http.StatusSeeOther || !w.connector("mine").PausedAt.IsZero() {
		t.Errorf("resume: %d", r.Code)
	}
	c := w.connector("mine")
	form := url.Values{"seen": {ui.Seen(c.UpdatedAt)}, "name": {"Poeple"}, "history": {"keep"}}
	if r := w.do("keeper", "/admin/connectors/mine/remove", form); r.Code != http.StatusUnprocessableEntity {
		t.Errorf("with the name misspelt: %d", r.Code)
	}
	form.Set("name", "People")
	if r := w.do("keeper", "/admin/connectors/mine/remove", form); r.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", r.Code, r.Body)
	}
	if c = w.connector("mine"); c.Token != "" || len(c.Secrets) > 0 || c.Enabled {
		t.Errorf("disconnected it is %+v", c)
	}
	w.says(w.do("auditor", "/admin/connectors/mine", nil), "Enter a token under Edit to connect it again.")
	form.Set("seen", ui.Seen(c.UpdatedAt))
	form.Set("history", "forget")
	if r := w.do("keeper", "/admin/connectors/mine/remove", form); r.Header().Get("Location") != "/admin/connectors?done=deleted" {
		t.Fatalf("%d\n%s", r.Code, r.Body)
	}
	if r := w.do("keeper", "/admin/connectors/mine", nil); r.Code != http.StatusNotFound {
		t.Errorf("deleted, it is there: %d", r.Code)
	}
}

func TestConnectorsOfTheFileAreReadOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.do("root", "/admin/connectors/filed", nil)
	w.says(page, "named in the configuration file")
	if strings.Contains(page.Body.String(), "/admin/connectors/filed/edit") {
		t.Error("it offers to edit it")
	}
	form := maps.Clone(good())
	form.Set("seen", ui.Seen(w.connector("filed").UpdatedAt))
	form.Set("name", "Filed <i>")
	for _, path := range []string{"/edit", "/remove", "/choose/group"} {
		if r := w.do("root", "/admin/connectors/filed"+path, form); r.Code != http.StatusConflict {
			t.Errorf("%s: %d", path, r.Code)
		}
	}
}

func TestLogOfASyncShowsStepsAndNotes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	pull := gatehouse.Pull{
		ConnectorID: c.ID, State: gatehouse.PullDone, StartedAt: w.now, EndedAt: w.now.Add(time.Minute), Notes: []gatehouse.Note{{Text: "a note of the pull"}},
		Steps: []gatehouse.PullStep{{Name: "probe", Millis: 40}, {Name: "accounts", Accounts: 1234, Requests: 13, Millis: 2500}, {Name: "finish", Millis: 61000}},
	}
	w.update(func(tx *store.Tx) error { return tx.SavePull(&pull) })
	w.says(w.do("auditor", "/admin/connectors/mine", nil), "/admin/connectors/mine/pulls/"+pull.ID)
	w.says(w.do("auditor", "/admin/connectors/mine/pulls/"+pull.ID, nil),
		"Asking who we are", "40 ms", "Reading accounts", "2.5 s", "Comparing with what was known", "1 min 1 s", "a note of the pull")
}

func TestNewsOfAConnector(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	w.says(w.do("auditor", "/admin/connectors/mine", nil), "News from the app", "not set up", "none yet")
	first := w.do("root", "/admin/connectors/mine/hook-secret", url.Values{})
	kept := w.connector("mine").HookSecret
	if len(kept) < 32 {
		t.Fatalf("the secret is %q", kept)
	}
	w.says(first, "https://id.example.com/hooks/mine", kept, "System hooks")
	w.update(func(tx *store.Tx) error {
		if err := tx.CountReceived(c.ID, gatehouse.NoticeHook, "<i>user_create", 3); err != nil {
			return err
		}
		_, err := tx.CountRefused(c.ID, 2, gatehouse.Note{Text: "wrong <b>"})
		return err
	})
	page := w.do("auditor", "/admin/connectors/mine", nil)
	w.says(page, "are received", "&lt;i&gt;user_create", "wrong &lt;b&gt;")
	if strings.Contains(page.Body.String(), kept) {
		t.Error("the secret is shown again")
	}
}

func TestCertificateOfASync(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	pull := gatehouse.Pull{ConnectorID: c.ID, State: gatehouse.PullDone}
	w.update(func(tx *store.Tx) error { return tx.SavePull(&pull) })
	page := "/admin/connectors/mine/pulls/" + pull.ID
	w.says(w.do("auditor", page, nil), "Completeness certificate", "There is one once a sync has ended well.")
	paths := []string{page + "/certificate", "/admin/connectors/mine/certificates", "/admin/connectors/mine/certificate-key"}
	for _, path := range paths {
		if r := w.do("auditor", path, nil); r.Code != http.StatusNotFound {
			t.Errorf("%s before there is one: %d", path, r.Code)
		}
	}
	kept := gatehouse.Certificate{ConnectorID: c.ID, Number: 1, PullID: pull.ID, Digest: "d1gest", Body: `{"key":"k"}`}
	w.update(func(tx *store.Tx) error {
		if _, err := access.CertificateKey(tx); err != nil {
			return err
		}
		return tx.AddCertificate(&kept)
	})
	w.says(w.do("auditor", page, nil), append(paths, "d1gest")...)
	for i, want := range []string{kept.Body, kept.Body, "BEGIN PUBLIC KEY"} {
		r := w.do("auditor", paths[i], nil)
		if r.Code != http.StatusOK || !strings.Contains(r.Body.String(), want) || !strings.HasPrefix(r.Header().Get("Content-Disposition"), "attachment;") {
			t.Errorf("%s: %d %v %s", paths[i], r.Code, r.Header(), r.Body)
		}
		if r := w.do("alice", paths[i], nil); r.Code != http.StatusForbidden {
			t.Errorf("%s for somebody with no role: %d", paths[i], r.Code)
		}
	}
	if r := w.do("auditor", "/admin/connectors/filed/pulls/"+pull.ID+"/certificate", nil); r.Code != http.StatusNotFound {
		t.Errorf("below another connector: %d", r.Code)
	}
}
