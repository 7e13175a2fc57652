package api

import (
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/pats"
	"gatehouse/internal/provided"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// noDoors is a provider that cannot be reached.
type noDoors struct{}

func (noDoors) Door(context.Context, string) (gatehouse.Connection, integration.Door, error) {
	return gatehouse.Connection{}, integration.Door{}, gatehouse.Errorf(gatehouse.Unavailable, "Away.")
}

// token makes a personal token of somebody of the house.
func (h *house) token(who string, scopes ...string) (secret string, made gatehouse.PersonalToken) {
	h.t.Helper()
	h.update(func(tx *store.Tx) (err error) {
		u := h.users[who]
		secret, made, err = h.api.Personal.Make(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID}, u.ID, pats.New{Name: "test", Scopes: scopes})
		return err
	})
	return secret, made
}

// clientToken keeps an access token of a client; userID "" is the client itself.
func (h *house) clientToken(value, client, userID string, scopes ...string) string {
	h.t.Helper()
	sum := sha256.Sum256([]byte(value))
	h.update(func(tx *store.Tx) error {
		return tx.SaveTokens(&gatehouse.Token{
			Hash: sum[:], Kind: gatehouse.AccessToken, Family: value, ExpiresAt: tx.Now().Add(time.Hour),
			Grant: gatehouse.Grantable{ClientID: client, UserID: userID, Scopes: scopes},
		})
	})
	return value
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// TestG1PersonalTokens: a token may what its owner's role may, within its
// scopes, at every address.
func TestG1PersonalTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	h.fillTwin(&f)
	reads := map[string]string{}
	all := map[string]string{}
	knows := map[string]string{}
	for _, who := range []string{"nobody", "auditor", "connector", "super"} {
		knows[who], _ = h.token(who, pats.ReadUser)
		reads[who], _ = h.token(who, pats.ReadAPI)
		all[who], _ = h.token(who, pats.API)
	}
	for _, a := range addresses(described()) {
		if strings.Contains(a.path, "/provider_tokens/") {
			continue // TestProviderTokens
		}
		target := f.at(a.path)
		for _, who := range []string{"nobody", "auditor", "connector", "super"} {
			may := slices.Contains(mayUse(a), who)
			for kind, try := range map[string]struct {
				token string
				may   bool
			}{
				"read_user": {knows[who], may && a.path == "/api/v1/me"},
				"read_api":  {reads[who], may && a.method == http.MethodGet},
				"api":       {all[who], may},
			} {
				got := h.do("", a.method, target, f.body(a), bearer(try.token)...)
				ok := a.served(got.status)
				if ok != try.may || !try.may && got.status != http.StatusForbidden {
					t.Errorf("%s with %s: %s %s: %d %s, may: %t", who, kind, a.method, target, got.status, got.body, try.may)
				}
			}
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	secret, made := h.token("auditor", pats.ReadAPI)
	users := prefix + "/users"
	get := func(who string, headers ...string) reply { return h.do(who, http.MethodGet, users, "", headers...) }
	if got := get("", "PRIVATE-TOKEN", secret); got.status != http.StatusOK {
		t.Errorf("GitLab's header: %d %s", got.status, got.body)
	}
	if got := get("", "Authorization", "bearer  "+secret); got.status != http.StatusOK {
		t.Errorf("another way to write it: %d %s", got.status, got.body)
	}
	if got := get("", append(bearer(secret), "PRIVATE-TOKEN", secret)...); got.status != http.StatusOK {
		t.Errorf("the same token twice: %d", got.status)
	}
	if got := want[user](h, "/me", bearer(secret)...); got.Username != "auditor" {
		t.Errorf("a token and the session of super: %s", got.Username)
	}
	none, _ := h.token("nobody", pats.API)
	unknown := secret[:len(secret)-1] + map[bool]string{true: "1", false: "0"}[strings.HasSuffix(secret, "0")]
	sum := sha256.Sum256([]byte("person"))
	person := h.clientToken("person", "app-1", h.users["super"].ID, "api")
	for name, tt := range map[string]struct {
		headers []string
		status  int
	}{
		"Unknown":                {bearer(unknown), http.StatusUnauthorized},
		"NoToken":                {bearer(""), http.StatusUnauthorized},
		"Basic":                  {[]string{"Authorization", "Basic YTpi"}, http.StatusUnauthorized},
		"TwoOfThem":              {append(bearer(secret), "PRIVATE-TOKEN", none), http.StatusBadRequest},
		"T10 HashOfAToken":       {bearer(string(sum[:])), http.StatusUnauthorized},
		"AppToken as private":    {[]string{"PRIVATE-TOKEN", person}, http.StatusUnauthorized},
		"WrongTokenBesidesACook": {bearer("x"), http.StatusUnauthorized},
		"Huge":                   {bearer(strings.Repeat("x", 9000)), http.StatusUnauthorized},
	} {
		got := get("super", tt.headers...)
		if got.status != tt.status || decode[problem](t, got).Code == "" {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, tt.status)
		}
		if tt.status == http.StatusUnauthorized && got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
		if strings.Contains(got.body, secret) || strings.Contains(got.body, person) {
			t.Errorf("G7 %s: the answer repeats the token", name)
		}
	}
	h.update(func(tx *store.Tx) error {
		return h.api.Personal.Revoke(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, ID: "x"}, made.UserID, made.ID)
	})
	if got := get("", bearer(secret)...); got.status != http.StatusUnauthorized || !strings.Contains(got.body, "revoked") {
		t.Errorf("revoked: %d %s", got.status, got.body)
	}
}

// TestT13TokensEndWithTheirOwner: who is blocked has no token any more, nor has
// one afterwards.
func TestT13TokensEndWithTheirOwner(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	secret, _ := h.token("auditor", pats.API)
	id := prefix + "/users/" + h.users["auditor"].ID
	for _, change := range []string{"/block", "/unblock"} {
		if got := h.do("super", http.MethodPost, id+change, ""); got.status != http.StatusOK {
			t.Fatalf("%s: %d %s", change, got.status, got.body)
		}
		if got := h.do("", http.MethodGet, prefix+"/me", "", bearer(secret)...); got.status != http.StatusUnauthorized {
			t.Errorf("after %s: %d", change, got.status)
		}
	}
}

func TestProviderTokens(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouseOn(t, s)
		f := h.fill()
		h.signIn("alice", f.person)
		keep := func(expires time.Time) {
			h.update(func(tx *store.Tx) error {
				i, err := tx.Identity(f.connection.ID, "union-1")
				if err != nil {
					return err
				}
				return tx.SaveProviderTokens(&gatehouse.ProviderTokens{IdentityID: i.ID, Tokens: gatehouse.Tokens{
					Access: "provider-secret", Refresh: "r", Scopes: []string{"openid"}, ExpiresAt: expires,
				}})
			})
		}
		keep(time.Now().Add(time.Hour))
		h.update(func(tx *store.Tx) error {
			c, err := tx.Client("app-1")
			if err != nil {
				return err
			}
			c.Scopes = []string{provided.Scope}
			return tx.SaveClient(&c)
		})
		robot := h.clientToken("robot", "app-1", "", provided.Scope)
		unscoped := h.clientToken("unscoped", "app-1", "", "read_user")
		person := h.clientToken("person", "app-1", f.person.ID, provided.Scope)
		address := prefix + "/users/" + f.person.ID + "/provider_tokens/dingtalk"
		ask := func(token string) reply { return h.do("", http.MethodGet, address, "", bearer(token)...) }
		refused := func(name string, got reply, status int, code string) {
			t.Helper()
			if got.status != status || decode[problem](t, got).Code != code || strings.Contains(got.body, "provider-secret") {
				t.Errorf("%s: %d %s, want %d %s", name, got.status, got.body, status, code)
			}
		}
		refused("not allowed yet", ask(robot), http.StatusForbidden, "not_consented")
		h.update(func(tx *store.Tx) error {
			return tx.SaveConsent(store.Consent{UserID: f.person.ID, ClientID: "app-1", Scopes: []string{provided.Scope}})
		})
		for _, who := range []string{f.person.ID, strconv.FormatInt(f.person.Number, 10)} {
			got := h.do("", http.MethodGet, prefix+"/users/"+who+"/provider_tokens/dingtalk", "", bearer(robot)...)
			told := decode[providerToken](t, got)
			if got.status != http.StatusOK || told.AccessToken != "provider-secret" || told.Subject != "union-1" || told.Kind != "dingtalk" ||
				told.Connection != "dingtalk" || told.TokenType != "Bearer" || told.ExpiresAt.IsZero() || len(told.Scopes) != 1 {
				t.Errorf("%d %s", got.status, got.body)
			}
			if got.header.Get("Cache-Control") != "no-store" || got.header.Get("ETag") != "" {
				t.Errorf("headers %v", got.header)
			}
		}
		own, _ := h.token("alice", pats.API)
		if got := ask(own); got.status != http.StatusOK {
			t.Errorf("one's own: %d %s", got.status, got.body)
		}
		lesser, _ := h.token("alice", pats.ReadAPI)
		admin, _ := h.token("super", pats.API)
		auditor, _ := h.token("auditor", pats.API)
		refused("own, to read only", ask(lesser), http.StatusForbidden, "forbidden")
		refused("an administrator whom the person did not allow it", ask(admin), http.StatusForbidden, "not_consented")
		h.update(func(tx *store.Tx) error {
			return tx.SaveConsent(store.Consent{UserID: f.person.ID, ClientID: provided.Administrators, Scopes: []string{provided.Scope}})
		})
		if got := ask(admin); got.status != http.StatusOK {
			t.Errorf("an administrator whom the person allowed it: %d %s", got.status, got.body)
		}
		refused("an auditor", ask(auditor), http.StatusForbidden, "not_consented")
		refused("a client without the scope", ask(unscoped), http.StatusForbidden, "forbidden")
		refused("a token of a sign-in", ask(person), http.StatusForbidden, "forbidden")
		refused("a client elsewhere", h.do("", http.MethodGet, prefix+"/users", "", bearer(robot)...), http.StatusForbidden, "forbidden")
		refused("unknown person", h.do("", http.MethodGet, prefix+"/users/1/provider_tokens/dingtalk", "", bearer(robot)...), http.StatusForbidden, "not_consented")
		refused("unknown connection", h.do("", http.MethodGet, prefix+"/users/"+f.person.ID+"/provider_tokens/nosuch", "", bearer(robot)...), http.StatusNotFound, "not_connected")
		keep(time.Now().Add(-time.Hour))
		away := ask(robot)
		refused("past its end, the provider away", away, http.StatusServiceUnavailable, "unavailable")
		if away.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		h.update(func(tx *store.Tx) error {
			i, err := tx.Identity(f.connection.ID, "union-1")
			if err != nil {
				return err
			}
			return tx.SaveProviderTokens(&gatehouse.ProviderTokens{IdentityID: i.ID, Tokens: gatehouse.Tokens{Access: "x", ExpiresAt: time.Now()}})
		})
		refused("cannot be renewed", ask(robot), http.StatusConflict, "reconnect_needed")
		events := want[Page[event]](h, "/events?action=provider_token.read")
		if len(events.Items) != 4 || events.Items[3].Actor.Kind != "client" || events.Items[3].Actor.ID != "app-1" {
			t.Errorf("audit: %+v", events.Items)
		}
	})
}
