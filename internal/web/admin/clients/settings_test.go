package clients

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/clientrules"
	"gatehouse/internal/web/ui"
)

// TestEverySettingHasAPlaceInTheForm: what the configuration file can set of a
// client, the dashboard can.
func TestEverySettingHasAPlaceInTheForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.do("root", http.MethodGet, "/admin/add-client", nil).Body.String()
	for _, s := range clientrules.Settings() {
		if !strings.Contains(page, `name="`+s.Name+`"`) {
			t.Errorf("%s has no input", s.Name)
		}
		if label, _ := settingWords(t.Context(), s.Name); label == s.Name {
			t.Errorf("%s has no words for people", s.Name)
		}
	}
	for _, name := range clientrules.Common() {
		if name == "lifetimes" {
			name = "life_access"
		}
		if !strings.Contains(page, `name="`+name+`"`) {
			t.Errorf("%s has no input", name)
		}
	}
}

func TestProtocolOnTheDashboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bank := entered("profile", "fapi2", "token_endpoint_auth_method", "private_key_jwt", "jwks_uri", "https://bank.example/keys", "dpop_bound_access_tokens", "true",
		"default_max_age", "300", "resources", "https://a.example https://b.example", "life_refresh", "")
	c, secret := w.added(bank)
	if s := c.Settings; secret != "" || c.AuthMethod != gatehouse.AuthPrivateKeyJWT || !c.FAPI() || !s.DPoPBound || *s.MaxAge != 300 || len(s.Resources) != 2 || s.IDTokenAlg != "ES256" {
		t.Fatalf("added %+v with %q", c, secret)
	}
	one := Href(c.ID)
	for path, want := range map[string]string{one: "https://bank.example/keys", one + "/edit": `value="https://bank.example/keys"`} {
		if page := w.do("root", http.MethodGet, path, nil).Body.String(); !strings.Contains(page, want) {
			t.Errorf("%s lacks %s", path, want)
		}
	}
	for field, tt := range map[string]struct{ value, says string }{
		"jwks":                       {`{"keys": [`, "no JSON"},
		"token_endpoint_auth_method": {"client_secret_basic", "profile: fapi2 permits token_endpoint_auth_method"},
		"sector_identifier_uri":      {"https://a.example/s", "means nothing without subject_type"},
		"default_max_age":            {"soon", "whole number of seconds"},
		"jwks_uri":                   {"http://169.254.169.254/", "no address that can be used"},
	} {
		form := entered("profile", "fapi2", "token_endpoint_auth_method", "private_key_jwt", "jwks_uri", "https://bank.example/keys", field, tt.value, "seen", ui.Seen(c.UpdatedAt))
		r := w.do("root", http.MethodPost, one+"/edit", form)
		if r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), tt.says) || !strings.Contains(r.Body.String(), `id="hint-`+field+`"`) && field != "token_endpoint_auth_method" {
			t.Errorf("%s: %d\n%s", field, r.Code, r.Body)
		}
	}
	form := entered("token_endpoint_auth_method", "", "jwks_uri", "", "profile", "", "seen", ui.Seen(c.UpdatedAt))
	r := w.do("root", http.MethodPost, one+"/edit", form)
	if made := secretOf.FindString(r.Body.String()); r.Code != http.StatusOK || made == "" {
		t.Errorf("a client that needs a secret now: %d %s", r.Code, r.Body)
	}
	if c = w.client(c.ID); c.FAPI() || len(c.SecretHash) == 0 || c.Settings.DPoPBound || c.Settings.MaxAge == nil {
		t.Errorf("what is not in the form stays, a box that is not ticked is off: %+v", c)
	}
}
