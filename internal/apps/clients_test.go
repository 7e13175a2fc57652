package apps

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func wiki() gatehouse.Client {
	return gatehouse.Client{Name: "Wiki", RedirectURIs: []string{"https://wiki.example/cb"}, Scopes: []string{"openid", "api"}, RequirePKCE: true}
}

func TestCheckRedirectURI(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"https://app.example.com/callback":               true,
		"https://app.example.com/callback?a=b":           true,
		"http://127.0.0.1:8080/callback":                 true,
		"http://[::1]/callback":                          true,
		"http://localhost/callback":                      true,
		"com.example.app:/callback":                      true,
		"http://app.example.com/callback":                false, // read on the way
		"https://app.example.com/callback#x":             false,
		"https://app.example.com/*":                      false, // CVE-2026-7504
		"https://user:pass@app.example.com/":             false, // CVE-2024-8883
		"https://evil.example\\@app.example/":            false,
		"JavaScript:alert(1)":                            false, // A3
		"data:text/html,x":                               false,
		"vbscript:x":                                     false,
		"urn:ietf:wg:oauth:2.0:oob":                      false,
		"myapp:/callback":                                false, // any app can claim it
		"/callback":                                      false,
		"https:///callback":                              false,
		"https:callback":                                 false,
		"https://app.example:/":                          false,
		"https://例え.example/":                            false, // G9: as browsers send it
		"https://a.example/ b":                           false,
		"":                                               false,
		"https://a.example/" + strings.Repeat("x", 3000): false,
	} {
		if err := CheckRedirectURI(address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestClientSettings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*gatehouse.Client)
		field  string
	}{
		"Right":         {func(*gatehouse.Client) {}, ""},
		"NoName":        {func(c *gatehouse.Client) { c.Name = " " }, "name"},
		"G9HiddenSigns": {func(c *gatehouse.Client) { c.Name = "Wi\u200bki" }, "name"},
		"G9TurnedText":  {func(c *gatehouse.Client) { c.Name = "Wi\u202eki" }, "name"},
		"LongName":      {func(c *gatehouse.Client) { c.Name = strings.Repeat("x", 101) }, "name"},
		"NoRedirect":    {func(c *gatehouse.Client) { c.RedirectURIs = nil }, "redirect_uris"},
		"Twice":         {func(c *gatehouse.Client) { c.RedirectURIs = append(c.RedirectURIs, c.RedirectURIs[0]) }, "redirect_uris"},
		"BadRedirect":   {func(c *gatehouse.Client) { c.RedirectURIs = []string{"javascript:x"} }, "redirect_uris"},
		"BadLogout":     {func(c *gatehouse.Client) { c.PostLogoutRedirectURIs = []string{"data:x"} }, "post_logout_redirect_uris"},
		"Machine": {func(c *gatehouse.Client) {
			c.RedirectURIs, c.GrantTypes, c.SecretHash = nil, []string{"client_credentials"}, []byte("x")
		}, ""},
		"MachineInPublic": {func(c *gatehouse.Client) { c.GrantTypes, c.AuthMethod = []string{"client_credentials"}, "none" }, "grant_types"},
		"UnknownGrant":    {func(c *gatehouse.Client) { c.GrantTypes = []string{"password", "authorization_code"} }, "grant_types"},
		"NoScopes":        {func(c *gatehouse.Client) { c.Scopes = nil }, "scopes"},
		"UnknownScope":    {func(c *gatehouse.Client) { c.Scopes = []string{"sudo"} }, "scopes"},
		"PublicNeedsPKCE": {func(c *gatehouse.Client) { c.AuthMethod, c.RequirePKCE = "none", false }, "require_pkce"},
		"Lifetime":        {func(c *gatehouse.Client) { c.Settings.Lifetimes.Access = -time.Second }, "lifetimes"},
		"Forever":         {func(c *gatehouse.Client) { c.Settings.Lifetimes.Refresh = 10 * longestLife }, "lifetimes"},
		"PathsOfGroups":   {func(c *gatehouse.Client) { c.Settings.GroupsOnly = []string{"/eng"} }, "groups_only"},
	} {
		c := wiki()
		c.SecretHash = []byte("x")
		tt.change(&c)
		got := map[string]bool{}
		for _, p := range checkClientSettings(c) {
			got[p.Field] = true
		}
		want := map[string]bool{tt.field: true}
		if tt.field == "" {
			want = map[string]bool{}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: wrong are %v, want %v", name, slices.Sorted(maps.Keys(got)), tt.field)
		}
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a := &Apps{Store: s}
		do := func(fn func(tx *store.Tx) error) error { return s.Update(t.Context(), fn) }
		must := func(fn func(tx *store.Tx) error) {
			t.Helper()
			if err := do(fn); err != nil {
				t.Fatal(err)
			}
		}
		var c gatehouse.Client
		var secret string
		must(func(tx *store.Tx) (err error) {
			c, secret, err = a.AddClient(tx, admin(), wiki(), true)
			return err
		})
		if len(c.ID) != 64 || !strings.HasPrefix(secret, "gths_") || c.Public() || !c.On() || c.Managed != gatehouse.ManagedByDashboard ||
			!slices.Equal(c.SecretHash, gatehouse.Digest(secret)) {
			t.Errorf("made %+v with %q", c, secret)
		}
		seen := c.UpdatedAt
		c.Name, c.Enabled, c.SecretHash, c.OwnerID = "Wiki 2", false, []byte("mine"), "somebody"
		must(func(tx *store.Tx) (err error) {
			c, err = a.ChangeClient(tx, admin(), c)
			return err
		})
		if c.OwnerID != "" || !slices.Equal(c.SecretHash, gatehouse.Digest(secret)) {
			t.Errorf("G3: changed %+v", c)
		}
		if err := do(func(tx *store.Tx) error {
			old := c
			old.UpdatedAt = seen.Add(-time.Second)
			_, err := a.ChangeClient(tx, admin(), old)
			return err
		}); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("a state that is over: %v", err)
		}
		renewed := ""
		must(func(tx *store.Tx) (err error) {
			c, renewed, err = a.RenewClientSecret(tx, admin(), c.ID, c.UpdatedAt)
			return err
		})
		if renewed == secret || !slices.Equal(c.SecretHash, gatehouse.Digest(renewed)) {
			t.Errorf("renewed %q", renewed)
		}
		must(func(tx *store.Tx) error {
			return tx.SaveTokens(&gatehouse.Token{Hash: []byte("h"), Kind: gatehouse.AccessToken, Family: "f", ExpiresAt: tx.Now().Add(time.Hour), Grant: gatehouse.Grantable{ClientID: c.ID}})
		})
		must(func(tx *store.Tx) error { return a.RemoveClient(tx, admin(), c.ID, c.UpdatedAt) })
		must(func(tx *store.Tx) error {
			if _, _, err := tx.LiveToken([]byte("h")); !errors.Is(err, gatehouse.NotFound) {
				t.Errorf("its token lives: %v", err)
			}
			page, err := tx.Events(store.EventFilter{Target: "client/" + c.ID}, store.Cursor{})
			var actions []string
			for _, e := range page.Items {
				actions = append(actions, strings.TrimSpace(e.Action+" "+e.Details["fields"]))
				if text := e.Details["name"]; text == "" || strings.Contains(text, secret) {
					t.Errorf("event %+v", e)
				}
			}
			slices.Reverse(actions)
			if diff := cmp.Diff([]string{"client.created", "client.changed name", "client.disabled", "client.secret_renewed", "client.removed"}, actions); diff != "" {
				t.Error(diff)
			}
			return err
		})
		if err := do(func(tx *store.Tx) error { return a.RemoveClient(tx, admin(), c.ID, c.UpdatedAt) }); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("removed twice: %v", err)
		}
		must(func(tx *store.Tx) error {
			file := wiki()
			file.ID, file.Managed = "file", gatehouse.ManagedByFile
			return tx.SaveClient(&file)
		})
		if err := do(func(tx *store.Tx) error {
			f, err := tx.Client("file")
			if err != nil {
				return err
			}
			_, _, err = a.RenewClientSecret(tx, admin(), f.ID, f.UpdatedAt)
			return err
		}); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("one of the file: %v", err)
		}
	})
}

// TestOwnClients: a person's own application is held to less, and stops when its
// owner may not come in.
func TestOwnClients(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a := &Apps{Store: s}
		ann := gatehouse.User{Username: "ann", State: gatehouse.UserActive}
		add := func(c gatehouse.Client) (saved gatehouse.Client, err error) {
			err = s.Update(t.Context(), func(tx *store.Tx) (err error) {
				saved, _, err = a.AddClient(tx, admin(), c, true)
				return err
			})
			return saved, err
		}
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveUser(&ann) }); err != nil {
			t.Fatal(err)
		}
		if _, err := add(wiki()); err != nil {
			t.Fatal(err)
		}
		own := wiki()
		own.OwnerID = ann.ID
		for name, change := range map[string]func(*gatehouse.Client){
			"NameOfTheCompany's": func(c *gatehouse.Client) { c.Name = "wiki " },
			"ProviderTokens":     func(c *gatehouse.Client) { c.Name, c.Scopes = "x", []string{"provider_tokens"} },
			"Trusted":            func(c *gatehouse.Client) { c.Name, c.Trusted = "x", true },
			"Grants":             func(c *gatehouse.Client) { c.Name, c.GrantTypes = "x", []string{"client_credentials"} },
		} {
			c := own
			change(&c)
			var problems Problems
			if _, err := add(c); !errors.As(err, &problems) {
				t.Errorf("%s: %v", name, err)
			}
		}
		own.Name = "Mine"
		mine, err := add(own)
		if err != nil {
			t.Fatal(err)
		}
		on := func(want bool) {
			t.Helper()
			err := s.View(t.Context(), func(tx *store.Tx) error {
				c, err := tx.Client(mine.ID)
				if c.On() != want {
					t.Errorf("on: %v", c.On())
				}
				all, err2 := tx.ClientsOfUser(ann.ID)
				if len(all) != 1 || all[0].On() != want {
					t.Errorf("hers: %+v", all)
				}
				return errors.Join(err, err2)
			})
			if err != nil {
				t.Error(err)
			}
		}
		on(true)
		for _, state := range []gatehouse.UserState{gatehouse.UserBlocked, gatehouse.UserActive} {
			ann.State = state
			if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveUser(&ann) }); err != nil {
				t.Fatal(err)
			}
			on(state == gatehouse.UserActive)
		}
	})
}

func TestWhoLooksAfterAClient(t *testing.T) {
	t.Parallel()
	connectors := []gatehouse.Connector{{Key: "gitlab", Owners: []string{"Ann@example.com"}}}
	ann := gatehouse.User{ID: "ann", Email: "ann@example.com", EmailVerified: true}
	unproved := gatehouse.User{ID: "eve", Email: "ann@example.com"}
	of := gatehouse.Client{ConnectorKey: "gitlab"}
	for name, tt := range map[string]struct {
		user   gatehouse.User
		client gatehouse.Client
		want   bool
	}{
		"TheirOwn":            {ann, gatehouse.Client{OwnerID: "ann"}, true},
		"SomebodyElses":       {ann, gatehouse.Client{OwnerID: "bob"}, false},
		"OfAnAppTheyOwn":      {ann, of, true},
		"OfAnotherApp":        {ann, gatehouse.Client{ConnectorKey: "wiki"}, false},
		"OfNoApp":             {ann, gatehouse.Client{}, false},
		"H5UnverifiedAddress": {unproved, of, false},
		"NoAddress":           {gatehouse.User{ID: "x", EmailVerified: true}, of, false},
	} {
		if got := MayLookAfter(tt.user, tt.client, connectors); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
