package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/integration"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

const ownSecret = "own-secret-4b1d"

type nothing struct{}

func (nothing) Begin(context.Context, gatehouse.Attempt) (string, error) { return "", nil }

func (nothing) Finish(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
	return gatehouse.Vouched{}, nil
}

// newApps knows a kind with a form, and another name of it.
func newApps(t *testing.T, s *store.Store) *apps.Apps {
	t.Helper()
	maker, err := outgoing.New(outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	idp := integration.Kind{
		Name: "idp", Title: "Provider",
		Form: integration.Form{Summary: "Sign-in.", Scopes: "read", Fields: []integration.Field{
			{Arg: "client_options.site", Label: "URL", Type: integration.URLField, Required: true},
			{Arg: "who", Label: "Who", Type: integration.ChoiceField, Choices: []integration.Choice{{Value: "some"}, {Value: "all"}}},
		}},
		ConnectionHosts: func(c gatehouse.Connection) []string {
			options, _ := c.Args["client_options"].(map[string]any)
			site, _ := options["site"].(string)
			return []string{site}
		},
		OpenConnection: func(gatehouse.Connection, integration.Env) (integration.Door, error) {
			return integration.Door{Provider: nothing{}}, nil
		},
	}
	return &apps.Apps{Store: s, Outgoing: maker, Kinds: []integration.Kind{idp, {Name: "doorless"}, readable()}, URL: ourURL}
}

// send sends JSON; tag is the If-Match.
func (h *house) send(who, method, path, body, tag string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, path, bytes.NewBufferString(body))
	r.Header.Set("Content-Type", "application/json")
	if tag != "" {
		r.Header.Set("If-Match", tag)
	}
	if c := h.cookies[who]; c != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-gatehouse_session", Value: c})
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

const newConnection = `{"kind": "idp", "name": "mine", "app_id": "id", "app_secret": "` + ownSecret + `", "args": {"client_options": {"site": "https://idp.example"}, "prompt": "login"}, "new_people": "create"}`

// added adds "mine" and gives it with its tag.
func (h *house) added() (connection, string) {
	h.t.Helper()
	if w := h.send("super", http.MethodPost, "/api/v1/connections", newConnection, ""); w.Code != http.StatusCreated {
		h.t.Fatalf("add: %d %s", w.Code, w.Body)
	}
	w := h.send("super", http.MethodGet, "/api/v1/connections/mine", "", "")
	var c connection
	if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || w.Code != http.StatusOK {
		h.t.Fatalf("%d %v", w.Code, err)
	}
	return c, w.Header().Get("ETag")
}

func (h *house) storedConnection(name string) (c gatehouse.Connection) {
	h.t.Helper()
	h.update(func(tx *store.Tx) (err error) {
		c, err = tx.ConnectionByName(name)
		return err
	})
	return c
}

func TestAddConnection(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouseOn(t, s)
		c, tag := h.added()
		want := connection{
			ID: c.ID, Name: "mine", Kind: "idp", Label: "Provider", Enabled: true, AppID: "id", HasSecret: true, NewPeople: "create", ManagedBy: "dashboard",
			Args: map[string]any{"client_options": map[string]any{"site": "https://idp.example"}}, Callback: ourURL + "/users/auth/mine/callback",
			Rules:     rules{AllowSingleSignOn: true, SyncProfileAttributes: []string{}, TrustedDomains: []string{}},
			CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
		}
		if diff := cmp.Diff(want, c); diff != "" || tag == "" {
			t.Errorf("tag %s (-want +got):\n%s", tag, diff)
		}
		if stored := h.storedConnection("mine"); stored.AppSecret != ownSecret || stored.Args["prompt"] != "login" {
			t.Errorf("stored %+v", stored)
		}
	})
}

func TestChangeConnection(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, tag := h.added()
	change := `{"label": "Other", "enabled": false, "args": {"prompt": null, "who": "all"}, "rules": {"trusted_domains": ["example.com"], "auto_link_user": true}}`
	w := h.send("super", http.MethodPatch, "/api/v1/connections/mine", change, tag)
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), ownSecret) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	c := h.storedConnection("mine")
	if c.AppSecret != ownSecret || c.Label != "Other" || c.Enabled || !c.Rules.AutoLinkUser || !c.Rules.AllowSingleSignOn || c.Rules.TrustedDomains[0] != "example.com" {
		t.Errorf("became %+v", c)
	}
	if diff := cmp.Diff(map[string]any{"client_options": map[string]any{"site": "https://idp.example"}, "who": "all"}, c.Args); diff != "" {
		t.Errorf("args (-want +got):\n%s", diff)
	}
	// The tag is that of the state before.
	if w := h.send("super", http.MethodPatch, "/api/v1/connections/mine", `{"label": "Late"}`, tag); w.Code != http.StatusPreconditionFailed {
		t.Errorf("with an old tag: %d %s", w.Code, w.Body)
	}
	if w := h.send("super", http.MethodDelete, "/api/v1/connections/mine", "", tag); w.Code != http.StatusPreconditionFailed {
		t.Errorf("removed with an old tag: %d", w.Code)
	}
	if w := h.send("super", http.MethodPatch, "/api/v1/connections/mine", `{"label": "Any"}`, "*"); w.Code != http.StatusOK {
		t.Errorf("with any tag: %d %s", w.Code, w.Body)
	}
	if w := h.send("super", http.MethodDelete, "/api/v1/connections/"+c.ID, "", ""); w.Code != http.StatusOK {
		t.Errorf("removed: %d %s", w.Code, w.Body)
	}
	if w := h.send("super", http.MethodGet, "/api/v1/connections/mine", "", ""); w.Code != http.StatusNotFound {
		t.Errorf("it is still there: %d", w.Code)
	}
}

func TestG3ConnectionTakesNothingElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.added()
	before := h.storedConnection("mine")
	for _, body := range []string{
		`{"id": "x"}`, `{"name": "other"}`, `{"kind": "doorless"}`, `{"managed_by": "file"}`, `{"managed": "file"}`, `{"created_at": "2020-01-01T00:00:00Z"}`,
		`{"rules": {"role": "super_administrator"}}`, `{"callback": "https://evil.example"}`, `{"has_secret": false}`, `[]`, `"x"`, `{"args": []}`, `{"enabled": "yes"}`, `{`,
	} {
		if w := h.send("super", http.MethodPatch, "/api/v1/connections/mine", body, ""); w.Code != http.StatusUnprocessableEntity && w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if diff := cmp.Diff(before, h.storedConnection("mine")); diff != "" {
		t.Errorf("changed:\n%s", diff)
	}
}

func TestConnectionProblemsNameTheField(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.added()
	for body, want := range map[string]string{
		`{"kind": "idp", "name": "mine", "app_id": "x", "args": {"client_options": {"site": "https://idp.example"}}}`: "body.name",
		`{"kind": "idp", "args": {"client_options": {"site": "https://idp.example"}}}`:                                "body.app_id",
		`{"kind": "idp", "app_id": "x"}`: "body.args.client_options.site",
		`{"kind": "idp", "app_id": "x", "args": {"client_options": {"site": "https://127.0.0.1"}}}`:                                    "body.args.client_options.site",
		`{"kind": "idp", "app_id": "x", "args": {"client_options": {"site": "https://idp.example"}, "password": "` + ownSecret + `"}}`: "body.args",
		`{"kind": "doorless", "app_id": "x"}`: "body.kind",
	} {
		w := h.send("super", http.MethodPost, "/api/v1/connections", body, "")
		var p problem
		err := json.Unmarshal(w.Body.Bytes(), &p)
		if err != nil || w.Header().Get("Content-Type") != "application/problem+json" || len(p.Errors) != 1 || p.Errors[0].Location != want || p.Errors[0].Message == "" {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), ownSecret) {
			t.Errorf("%s: the secret is repeated", body)
		}
	}
}

func TestConnectionOfTheFileIsTheFiles(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.update(func(tx *store.Tx) error {
		return tx.SaveConnection(&gatehouse.Connection{
			Name: "filed", Kind: "idp", Managed: gatehouse.ManagedByFile, AppSecret: ownSecret, Args: map[string]any{"jwt_secret": ownSecret, "who": "all"},
		})
	})
	w := h.send("auditor", http.MethodGet, "/api/v1/connections/filed", "", "")
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), ownSecret) || !strings.Contains(w.Body.String(), `"who":"all"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for method, body := range map[string]string{http.MethodPatch: `{"label": "x"}`, http.MethodDelete: ""} {
		if w := h.send("super", method, "/api/v1/connections/filed", body, ""); w.Code != http.StatusConflict {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
}

// TestS12ConnectionNeedsAFreshSession: the API is no way around the proof
// that the dashboard asks for.
func TestS12ConnectionNeedsAFreshSession(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := gatehouse.Clock(func() time.Time { return now })
	h := newHouseOn(t, storetest.OpenWith(t, storetest.Options{Clock: clock}))
	h.api.Sessions = &session.Manager{Store: h.api.Store, Clock: clock, Secure: true}
	h.added()
	now = now.Add(time.Hour / 3)
	if w := h.send("super", http.MethodPatch, "/api/v1/connections/mine", `{"app_secret": "another one"}`, ""); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `"stale"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, body := range []string{`{"rules": {"auto_link_user": true}}`, `{"rules": {"trusted_domains": ["example.com"]}}`, `{"args": {"who": "all people"}}`, `{"app_id": "other"}`, `{"new_people": "off"}`} {
		if w := h.send("super", http.MethodPatch, "/api/v1/connections/mine", body, ""); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `"stale"`) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := h.send("super", http.MethodPost, "/api/v1/connections", `{"kind": "idp", "name": "second"}`, ""); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `"stale"`) {
		t.Errorf("a new one: %d %s", w.Code, w.Body)
	}
	if w := h.send("super", http.MethodPatch, "/api/v1/connections/mine", `{"label": "x"}`, ""); w.Code != http.StatusOK {
		t.Errorf("without a secret: %d %s", w.Code, w.Body)
	}
	if got := h.storedConnection("mine").AppSecret; got != ownSecret {
		t.Errorf("the secret became %q", got)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.send("auditor", http.MethodGet, "/api/v1/kinds", "", "")
	var p Page[kind]
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || len(p.Items) != 1 || p.Items[0].Name != "idp" {
		t.Fatalf("%d %s %v", w.Code, w.Body, err)
	}
	args := []string{}
	for _, f := range p.Items[0].Fields {
		args = append(args, f.Arg+" "+f.Type)
	}
	if want := []string{"scope words", "client_options.site url", "who choice"}; !slices.Equal(args, want) {
		t.Errorf("settings %q, want %q", args, want)
	}
}
