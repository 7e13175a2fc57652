package main

import (
	"strings"
	"testing"

	"gatehouse"
)

func TestClientsByCommand(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.fails("clients add --name Wiki", exitFailed, "redirect")
	p.fails("clients add --name Wiki --redirect-uri javascript:x", exitFailed, "javascript")
	made := decoded[clientJSON](p, "clients add --name Wiki --redirect-uri https://wiki.example/cb --scopes openid,api --groups-from none --require-pkce=false")
	if !strings.HasPrefix(made.Secret, "gths_") || made.Public || made.RequirePKCE || made.GroupsFrom != gatehouse.NoGroups || !made.On || len(made.ID) != 64 {
		t.Fatalf("made %+v", made)
	}
	list := p.does("clients list", made.ID, "Wiki", "confidential", "openid api")
	if shown := p.does("clients show "+made.ID, "https://wiki.example/cb"); strings.Contains(shown.out+list.out, made.Secret) {
		t.Error("G7: the secret is shown again")
	}
	set := decoded[clientJSON](p, "clients set "+made.ID+" --name Wiki2 --groups-only eng,ops/core")
	if set.Name != "Wiki2" || strings.Join(set.GroupsOnly, " ") != "eng ops/core" || set.RequirePKCE || len(set.Scopes) != 2 || set.Secret != "" {
		t.Errorf("set %+v", set)
	}
	if s := p.does("clients renew-secret " + made.ID); !strings.HasPrefix(s.out, "gths_") || strings.Contains(s.out, made.Secret) {
		t.Errorf("renewed: %q", s.out)
	}
	p.does("clients disable "+made.ID, "The client Wiki2 is disabled.")
	if c := decoded[clientJSON](p, "clients show "+made.ID); c.Enabled || c.On {
		t.Errorf("disabled: %+v", c)
	}
	p.does("clients enable "+made.ID, "The client Wiki2 is enabled.")
	p.fails("clients remove "+made.ID, exitUsage, "--yes")
	p.does("clients remove "+made.ID+" --yes", "The client Wiki2 is removed.")
	p.fails("clients show "+made.ID, exitFailed, "no client has the Application ID")
	if public := decoded[clientJSON](p, "clients add --name Phone --redirect-uri com.example.phone:/cb --public"); public.Secret != "" || !public.Public {
		t.Errorf("public: %+v", public)
	}
}

// TestProtocolOfClientsByCommand: what the file can set, a command can set.
func TestProtocolOfClientsByCommand(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.fails("clients add --name Bank --redirect-uri https://bank.example/cb --profile fapi2", exitFailed, "private_key_jwt")
	p.fails("clients add --name Bank --redirect-uri https://bank.example/cb --jwks {", exitUsage, "--jwks")
	made := decoded[clientJSON](p, "clients add --name Bank --redirect-uri https://bank.example/cb --profile fapi2 --token-endpoint-auth-method private_key_jwt --jwks-uri https://bank.example/keys --dpop-bound-access-tokens --default-max-age 300 --access-lifetime 10m")
	if made.Secret != "" || made.Public || *made.Profile != gatehouse.ProfileFAPI2 || !*made.DPoPBound || *made.MaxAge != 300 || *made.IDTokenAlg != "ES256" {
		t.Fatalf("made %+v", made)
	}
	p.does("clients show "+made.ID, "jwks_uri", "https://bank.example/keys", "dpop_bound_access_tokens")
	set := decoded[clientJSON](p, "clients set "+made.ID+" --profile= --token-endpoint-auth-method client_secret_basic --default-max-age=")
	if !strings.HasPrefix(set.Secret, "gths_") || *set.Profile != "" || set.MaxAge != nil || !*set.DPoPBound {
		t.Errorf("a client that needs a secret now: %+v", set)
	}
}
