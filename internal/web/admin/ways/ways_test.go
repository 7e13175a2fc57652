package ways

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

func TestG1WhoMayReadAndChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	seen := url.Values{"seen": {ui.Seen(c.UpdatedAt)}}
	readers, super := []string{"auditor", "keeper", "root"}, []string{"root"}
	for _, a := range []struct {
		path string
		form url.Values // nil: a GET
		by   []string
		want int
	}{
		{"/admin/connections", nil, readers, 200},
		{"/admin/connections/mine", nil, readers, 200},
		{"/admin/connections/filed", nil, readers, 200},
		{"/admin/portal", nil, readers, 200},
		{"/admin/add-connection", nil, super, 200},
		{"/admin/add-connection/all", nil, super, 200},
		{"/admin/add-connection/link", nil, super, 200},
		{"/admin/add-connection/all/idp", nil, super, 200},
		{"/admin/connections/mine/edit", nil, super, 200},
		{"/admin/connections/mine/remove", nil, super, 200},
		{"/admin/connections/mine/test", url.Values{}, super, 303},
		{"/admin/connections/mine/edit", url.Values{"seen": {"0"}}, super, 409},
		{"/admin/add-connection/all/idp", url.Values{}, super, 422},
		{"/admin/connections/mine/disable", seen, super, 303},
		{"/admin/connections/mine/remove", url.Values{"seen": {"0"}}, super, 409},
	} {
		for as, refused := range map[string]int{"": 401, "alice": 403, "auditor": 403, "keeper": 403, "root": 403} {
			want := refused
			for _, may := range a.by {
				if may == as {
					want = a.want
				}
			}
			if as == "" && a.form == nil {
				want = http.StatusSeeOther // to the sign-in page
			}
			r := w.do(as, a.path, a.form)
			if r.Code != want {
				t.Errorf("%q %s (form: %v): %d, want %d", as, a.path, a.form != nil, r.Code, want)
			}
			if to := r.Header().Get("Location"); as == "" && a.form == nil && !strings.HasPrefix(to, "/sign-in?return_to=") {
				t.Errorf("%s leads a stranger to %q", a.path, to)
			}
		}
	}
	if w.connection("mine").Enabled {
		t.Error("the administrator could not disable it")
	}
}

func TestPagesShowNoSecretAndNoMarkup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.added()
	for _, path := range []string{
		"/admin/connections", "/admin/connections/mine", "/admin/connections/filed", "/admin/connections/mine/edit", "/admin/connections/mine/remove",
		"/admin/add-connection/all/idp", "/admin/portal",
	} {
		got := strings.ReplaceAll(w.do("root", path, nil).Body.String(), `<script src="/assets/`, "")
		for _, forbidden := range []string{secret, "<i>", "<b>", "<script", " style=", "jwt_secret"} {
			if strings.Contains(got, forbidden) {
				t.Errorf("%s contains %q", path, forbidden)
			}
		}
	}
}

func TestG2WhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	stray := gatehouse.Decision{Reference: "STRAY", ConnectionID: c.ID, Rule: "identity", Outcome: gatehouse.OutcomeSignedIn}
	w.update(func(tx *store.Tx) error { return tx.SaveDecision(&stray) })
	for _, path := range []string{
		"/admin/connections/none", "/admin/connections/none/edit", "/admin/connections/none/remove", "/admin/add-connection/some", "/admin/add-connection/some/idp",
		"/admin/add-connection/all/none", "/admin/add-connection/all/shut", "/admin/connections/mine/test/none", "/admin/connections/mine/test/" + stray.ID,
	} {
		if r := w.do("root", path, nil); r.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, r.Code)
		}
	}
	for _, path := range []string{"/admin/connections/none/test", "/admin/connections/mine/explode", "/admin/connections/none/disable"} {
		if r := w.do("root", path, url.Values{}); r.Code != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, r.Code)
		}
	}
	if r := w.do("root", "/admin/connections/"+c.ID, nil); r.Code != http.StatusOK {
		t.Errorf("by its id, as the audit log has it: %d", r.Code)
	}
}

func TestTheWayToTheForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says(w.do("root", "/admin/connections", nil), `href="/admin/add-connection"`, "Add connection")
	w.says(w.do("root", "/admin/add-connection", nil), `href="/admin/add-connection/all"`, "For all users")
	choose := w.do("root", "/admin/add-connection/all", nil)
	w.says(choose, "Choose provider", `href="/admin/add-connection/all/idp"`)
	if strings.Contains(choose.Body.String(), "idp_alias") || strings.Contains(choose.Body.String(), "shut") {
		t.Error("another name of a kind, or one without a door, is offered")
	}
	form := w.do("root", "/admin/add-connection/all/idp", nil)
	w.says(form, "Enable for sign-up and sign-in", "Use custom credentials", "Redirect URI", "https://id.example.com/users/auth/idp/callback",
		"Client ID", "Client Secret", "Scopes", "URL", "Save", `value="create_pending" checked`)
	link := w.do("root", "/admin/add-connection/link/idp", nil)
	w.says(link, `value="link_only" checked`)
	if strings.Contains(w.do("auditor", "/admin/connections", nil).Body.String(), "/admin/add-connection") {
		t.Error("the auditor sees a button that is not theirs")
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	want := gatehouse.Connection{
		ID: c.ID, Name: "mine", Kind: "idp", Label: "Mine", Enabled: true, AppID: "the-id", AppSecret: secret, Managed: gatehouse.ManagedByDashboard,
		Args: map[string]any{"scope": []any{"a", "b"}, "client_options": map[string]any{"site": "https://idp.example"}, "who": "all", "prompt": "login"},
		Rules: gatehouse.ConnectionRules{
			AllowSingleSignOn: true, SyncProfile: true, SyncProfileAttributes: []string{"name", "email"}, TrustedDomains: []string{"example.com", "example.org"},
		},
		CreatedAt: noon, UpdatedAt: noon,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("saved (-want +got):\n%s", diff)
	}
	shown := w.do("root", "/admin/connections/mine?done=saved", nil)
	w.says(shown, "The connection is saved. Test it before people use it.", `action="/admin/connections/mine/test"`, "https://id.example.com/users/auth/mine/callback")
}

// TestG3OnlyTheFieldsOfTheFormCount: what else is sent changes nothing.
func TestG3OnlyTheFieldsOfTheFormCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.added()
	form := good()
	form.Set("seen", ui.Seen(before.UpdatedAt))
	for name, value := range map[string]string{
		"id": "x", "name": "other", "kind": "shut", "managed": "file", "created_at": "0", "built_in": "true", "rules.link_only": "true",
		"arg.jwt_secret": "x", "arg.client_options.secret": "x", "Rules": "x",
	} {
		form.Set(name, value)
	}
	if r := w.do("root", "/admin/connections/mine/edit", form); r.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", r.Code, r.Body)
	}
	if diff := cmp.Diff(before, w.connection("mine")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsWrongStandsBesideItsField(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func(url.Values)
		field string // id of what says it
		says  string
	}{
		"Name":        {func(f url.Values) { f.Set("name", "Mine!") }, "hint-name", "The name stands in addresses"},
		"TakenName":   {func(f url.Values) { f.Set("name", "filed") }, "hint-name", "There is a connection called filed already."},
		"ClientID":    {func(f url.Values) { f.Del("app_id") }, "hint-app_id", "Enter the client ID"},
		"Secret":      {func(f url.Values) { f.Del("app_secret") }, "hint-app_secret", "The setting app_secret is missing."},
		"URL":         {func(f url.Values) { f.Set("arg.client_options.site", "nowhere") }, "hint-arg.client_options.site", "This is not an address."},
		"PrivateURL":  {func(f url.Values) { f.Set("arg.client_options.site", "https://10.0.0.1") }, "hint-arg.client_options.site", `outgoing: {allow: [&#34;10.0.0.1/32&#34;]}`},
		"Domain":      {func(f url.Values) { f.Set("trusted_domains", "*") }, "hint-trusted_domains", "is not a domain"},
		"YAML":        {func(f url.Values) { f.Set("more", "a: [") }, "hint-more", "This is not YAML that can be used."},
		"SecretThere": {func(f url.Values) { f.Set("more", "token: abc") }, "hint-more", "token looks like a secret"},
		"NewPeople":   {func(f url.Values) { f.Set("new_people", "link_only") }, "hint-new_people", "choose one of the others"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			form := good()
			form.Set("label", "Typed <b>by me")
			tt.spoil(form)
			r := w.do("root", "/admin/add-connection/all/idp", form)
			body := r.Body.String()
			_, beside, found := strings.Cut(body, `id="`+tt.field+`"`)
			beside, _, _ = strings.Cut(beside, "</div>")
			if r.Code != http.StatusUnprocessableEntity || !found || !strings.Contains(beside, tt.says) {
				t.Errorf("%d, beside the field: %q", r.Code, beside)
			}
			w.says(r, "/users/auth/"+url.PathEscape(form.Get("name"))+"/callback")
			// Nothing that was typed is lost, but the secret never comes back.
			w.says(r, "Typed &lt;b&gt;by me", `value="a b"`, `value="`+strings.Join(strings.FieldsFunc(form.Get("trusted_domains"), func(r rune) bool { return r == ',' || r == ' ' }), " ")+`"`)
			if form.Get("app_secret") != "" {
				w.says(r, "Enter the secret once more")
			}
			if strings.Contains(body, secret) {
				t.Error("the secret is in the page")
			}
			w.update(func(tx *store.Tx) error {
				if all, err := tx.Connections(); len(all) != 1 || err != nil {
					t.Errorf("%d connections, %v", len(all), err)
				}
				return nil
			})
		})
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	w.says(w.do("root", "/admin/connections/mine/edit", nil), `value="the-id"`, `value="https://idp.example"`, "prompt: login", "One is set and kept sealed.",
		`name="seen" value="`+ui.Seen(c.UpdatedAt)+`"`)
	form := good()
	form.Set("seen", ui.Seen(c.UpdatedAt))
	form.Del("app_secret")
	form.Del("sign_in")
	w.now = noon.Add(time.Minute)
	if r := w.do("root", "/admin/connections/mine/edit", form); r.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", r.Code, r.Body)
	}
	changed := w.connection("mine")
	if changed.AppSecret != secret || !changed.Rules.LinkOnly || changed.Rules.AllowSingleSignOn || changed.Rules.NewPeople() != gatehouse.NewPeopleLinkOnly {
		t.Errorf("became %+v", changed)
	}
	// Somebody who began before that is told, and loses nothing.
	form.Set("label", "Too late")
	r := w.do("root", "/admin/connections/mine/edit", form)
	if r.Code != http.StatusConflict {
		t.Errorf("%d", r.Code)
	}
	w.says(r, "was changed by somebody else in the meantime", `value="Too late"`, `name="seen" value="`+ui.Seen(changed.UpdatedAt)+`"`)
	if r := w.do("root", "/admin/connections/filed/edit", nil); r.Code != http.StatusConflict {
		t.Errorf("the file's own: %d", r.Code)
	}
}

// TestS12WhoComesInNeedsAFreshProof: a session that is old sets no secret, lets
// in nobody else and adds no connection, and what was typed is not lost by that.
func TestS12WhoComesInNeedsAFreshProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	w.now = noon.Add(20 * time.Minute)
	form := good()
	form.Set("seen", ui.Seen(c.UpdatedAt))
	form.Set("label", "Typed")
	r := w.do("root", "/admin/connections/mine/edit", form)
	if r.Code != http.StatusUnauthorized || w.connection("mine").Label != "Mine" {
		t.Errorf("%d", r.Code)
	}
	w.says(r, "Confirm that it is you", `href="/sign-in/confirm?return_to=%2Fadmin%2Fconnections%2Fmine%2Fedit"`, `value="Typed"`)
	form.Del("app_secret")
	if r := w.do("root", "/admin/connections/mine/edit", form); r.Code != http.StatusSeeOther {
		t.Errorf("without the secret: %d", r.Code)
	}
	now := w.connection("mine")
	for name, value := range map[string]string{"auto_link_user": "true", "trusted_domains": "example.com", "app_id": "other", "arg.who": "some"} {
		form := good()
		form.Del("app_secret")
		form.Set("seen", ui.Seen(now.UpdatedAt))
		form.Set(name, value)
		if r := w.do("root", "/admin/connections/mine/edit", form); r.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, r.Code)
		}
	}
	form = good()
	form.Set("name", "second")
	if r := w.do("root", "/admin/add-connection/all/idp", form); r.Code != http.StatusUnauthorized {
		t.Errorf("a new one: %d", r.Code)
	}
	if got := w.connection("mine"); apps.WhoComesIn(got) != apps.WhoComesIn(now) {
		t.Errorf("became %+v", got)
	}
}

func TestBuiltInCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says(w.do("root", "/admin/add-connection/all/idp", nil), "Built-in credentials exist in development only.", `name="custom" type="checkbox" value="true" checked disabled`)
	w.apps.BuiltIn = map[string]apps.BuiltIn{"idp": {AppID: "twin", AppSecret: "twin-secret", Args: map[string]any{"client_options": map[string]any{"site": "http://127.0.0.1:1"}}}}
	form := good()
	for _, name := range []string{"custom", "app_id", "app_secret", "arg.client_options.site"} {
		form.Del(name)
	}
	if r := w.do("root", "/admin/add-connection/all/idp", form); r.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", r.Code, r.Body)
	}
	if c := w.connection("mine"); !c.BuiltIn || c.AppSecret != "" {
		t.Errorf("saved %+v", c)
	}
	w.says(w.do("root", "/admin/connections/mine", nil), "Built-in, of the stand-in that development brings along")
}

func TestRemove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	identity := gatehouse.Identity{UserID: w.users["alice"].ID, ConnectionID: c.ID, Subject: "1"}
	w.update(func(tx *store.Tx) error { return tx.SaveIdentity(&identity) })
	form := url.Values{"seen": {ui.Seen(c.UpdatedAt)}}
	w.says(w.do("root", "/admin/connections/mine/remove", nil), "It cannot be removed, because the accounts of people are connected by it (1).", `action="/admin/connections/mine/disable"`)
	if r := w.do("root", "/admin/connections/mine/remove", form); r.Code != http.StatusConflict {
		t.Errorf("with people: %d", r.Code)
	}
	w.update(func(tx *store.Tx) error { return tx.DeleteIdentity(identity.ID) })
	w.says(w.do("root", "/admin/connections/mine/remove", nil), `action="/admin/connections/mine/remove"`)
	r := w.do("root", "/admin/connections/mine/remove", form)
	if to := r.Header().Get("Location"); r.Code != http.StatusSeeOther || to != "/admin/connections?done=removed" {
		t.Errorf("%d to %q", r.Code, to)
	}
	if r := w.do("root", "/admin/connections/mine", nil); r.Code != http.StatusNotFound {
		t.Errorf("it is still there: %d", r.Code)
	}
}

func TestTestShowsWhatCame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.added()
	r := w.do("root", "/admin/connections/mine/test", url.Values{})
	if to := r.Header().Get("Location"); r.Code != http.StatusSeeOther || !strings.HasPrefix(to, "https://provider.example/authorize?state=") {
		t.Errorf("%d to %q", r.Code, to)
	}
	d := gatehouse.Decision{
		Reference: "REF12345", ConnectionID: c.ID, Subject: "7", Outcome: gatehouse.OutcomeTested, Rule: "test",
		Reason: "Nobody here had this %s account, and a new account may be made by signing in with it.", Args: []string{"Mine"},
		Facts: map[string]string{
			"test_outcome": "created", "test_rule": "allow_single_sign_on", "tested_by": "root", "provider_name": "New <i>comer", "provider_groups": "a, b",
			"provider_missing_permission": "qyapi_get_member", "identity_known": "no",
		},
	}
	failed := gatehouse.Decision{
		Reference: "REF54321", ConnectionID: c.ID, Outcome: gatehouse.OutcomeFailed, Rule: "test", Reason: "%s gave an answer that cannot be used. Try again later, and ask an administrator if it happens again.",
		Args: []string{"Mine"}, Facts: map[string]string{"test_outcome": "failed", "cause": "no such host"},
	}
	w.update(func(tx *store.Tx) error {
		d.ID, failed.ID = "", ""
		if err := tx.SaveDecision(&d); err != nil {
			return err
		}
		return tx.SaveDecision(&failed)
	})
	w.says(w.do("auditor", "/admin/connections/mine/test/"+d.ID, nil), "The provider answered", "An account would be made for this person.",
		"Nobody here had this Mine account", "New &lt;i&gt;comer", "a, b", "Permission that is missing there", "qyapi_get_member", "REF12345")
	w.says(w.do("auditor", "/admin/connections/mine", nil), "The app lacks a permission there: qyapi_get_member.", "REF12345")
	w.says(w.do("root", "/admin/connections/mine/test/"+failed.ID, nil), "The test failed", "Mine gave an answer that cannot be used.", "no such host", "Test again")
}

func TestPortalListsItsPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.do("auditor", "/admin/portal", nil)
	for _, path := range []string{"/sign-in", "/sign-up", "/user", "/user/security", "/user/applications", "/sign-out"} {
		w.says(r, "https://id.example.com"+path+"<", `href="`+path+`"`)
	}
	w.says(r, "Visit")
}
