package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestClientsByPrograms(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouseOn(t, s)
		stored := func(id string) (c gatehouse.Client) {
			t.Helper()
			h.update(func(tx *store.Tx) (err error) {
				c, err = tx.Client(id)
				return err
			})
			return c
		}
		w := h.send("super", http.MethodPost, "/api/v1/clients", `{"name": "Wiki", "redirect_uris": ["https://wiki.example/cb"], "lifetimes": {"access": "30m"}, "groups_from": "none"}`, "")
		var made clientWithSecret
		if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusCreated || !strings.HasPrefix(made.Secret, "gths_") || made.Public || !made.On {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if c := stored(made.ID); c.Settings.Lifetimes.Access.Minutes() != 30 || c.Settings.GroupsFrom != gatehouse.NoGroups || !c.RequirePKCE || len(c.Scopes) != 3 {
			t.Errorf("stored %+v", c)
		}
		path := "/api/v1/clients/" + made.ID
		got := h.send("auditor", http.MethodGet, path, "", "")
		tag := got.Header().Get("ETag")
		if got.Code != http.StatusOK || strings.Contains(got.Body.String(), made.Secret) || tag == "" {
			t.Errorf("G7: %d %s", got.Code, got.Body)
		}
		w = h.send("super", http.MethodPatch, path, `{"enabled": false, "lifetimes": {"access": ""}, "scopes": ["openid"]}`, tag)
		if c := stored(made.ID); w.Code != http.StatusOK || c.Enabled || c.Settings.Lifetimes.Access != 0 || c.Name != "Wiki" || len(c.Scopes) != 1 {
			t.Errorf("changed: %d %s", w.Code, w.Body)
		}
		if w := h.send("super", http.MethodPatch, path, `{"name": "Late"}`, tag); w.Code != http.StatusPreconditionFailed {
			t.Errorf("with an old tag: %d", w.Code)
		}
		for body, want := range map[string]int{
			`{"secret_hash": "x"}`: 422, `{"owner_id": "x"}`: 422, `{"redirect_uris": ["javascript:x"]}`: 422, `{"lifetimes": {"id": "soon"}}`: 422, `{"groups_from": "gone"}`: 422,
			`{"scopes": []}`: 422,
		} {
			if w := h.send("super", http.MethodPatch, path, body, ""); w.Code != want {
				t.Errorf("G3 %s: %d %s", body, w.Code, w.Body)
			}
		}
		if w := h.send("auditor", http.MethodPatch, path, `{"name": "x"}`, ""); w.Code != http.StatusForbidden {
			t.Errorf("G1: %d", w.Code)
		}
		var renewed clientWithSecret
		w = h.send("super", http.MethodPost, path+"/secret", "", "")
		if err := json.Unmarshal(w.Body.Bytes(), &renewed); err != nil || renewed.Secret == made.Secret || renewed.Secret == "" || w.Header().Get("ETag") != "" {
			t.Errorf("renewed: %d %s", w.Code, w.Body)
		}
		if w := h.send("super", http.MethodDelete, path, "", ""); w.Code != http.StatusOK {
			t.Errorf("removed: %d %s", w.Code, w.Body)
		}
		if w := h.send("super", http.MethodGet, path, "", ""); w.Code != http.StatusNotFound {
			t.Errorf("afterwards: %d", w.Code)
		}
		w = h.send("super", http.MethodPost, "/api/v1/clients", `{"name": "Phone", "redirect_uris": ["com.example.phone:/cb"], "confidential": false}`, "")
		if w.Code != http.StatusCreated || strings.Contains(w.Body.String(), "gths_") || !strings.Contains(w.Body.String(), `"public":true`) {
			t.Errorf("a public one: %d %s", w.Code, w.Body)
		}
	})
}

// TestProtocolOfClientsByPrograms: what the file can set, a program can set, by
// the same rules.
func TestProtocolOfClientsByPrograms(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouseOn(t, s)
		var made clientWithSecret
		w := h.send("super", http.MethodPost, "/api/v1/clients", `{"name": "Bank", "redirect_uris": ["https://bank.example/cb"], "profile": "fapi2",
			"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}]}, "dpop_bound_access_tokens": true,
			"default_max_age": 300, "resources": ["https://api.bank.example"], "access_token_format": "jwt"}`, "")
		if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusCreated || made.Secret != "" || made.Public || *made.IDTokenAlg != "ES256" || made.JWKS == nil {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		path := "/api/v1/clients/" + made.ID
		for body, field := range map[string]string{
			`{"jwks": {}}`: "token_endpoint_auth_method", `{"jwks": {"keys": [{"kty": "EC", "d": "x"}]}}`: "jwks", `{"token_endpoint_auth_method": "none"}`: "token_endpoint_auth_method",
			`{"jwks_uri": "https://bank.example/keys"}`: "jwks", `{"resources": ["api"]}`: "resources", `{"subject_type": "secret"}`: "subject_type", `{"sector_identifier_uri": "https://a.example"}`: "sector_identifier_uri",
		} {
			if w := h.send("super", http.MethodPatch, path, body, ""); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), field) {
				t.Errorf("%s: %d %s", body, w.Code, w.Body)
			}
		}
		var changed clientWithSecret
		w = h.send("super", http.MethodPatch, path, `{"profile": "", "token_endpoint_auth_method": "client_secret_jwt", "jwks": {}, "default_max_age": -1, "access_token_format": "opaque"}`, "")
		if err := json.Unmarshal(w.Body.Bytes(), &changed); err != nil || w.Code != http.StatusOK || !strings.HasPrefix(changed.Secret, "gths_") || changed.JWKS != nil || changed.MaxAge != nil || *changed.AccessToken != "opaque" || !*changed.DPoPBound {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		h.update(func(tx *store.Tx) error {
			c, err := tx.Client(made.ID)
			if c.Secret != changed.Secret || len(c.SecretHash) != 0 {
				t.Errorf("a secret that signs is sealed: %+v", c)
			}
			return err
		})
		if w := h.send("auditor", http.MethodGet, path, "", ""); strings.Contains(w.Body.String(), changed.Secret) {
			t.Errorf("G7: %s", w.Body)
		}
	})
}
