package op

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func trusted(token string, changes ...string) url.Values {
	return changed(url.Values{"token": {token}, "client_id": {"trusted"}, "client_secret": {appSecret}}, changes)
}

func TestT11Revoke(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		first, second := h.grant(), h.grant()
		got := h.post("/oauth/revoke", trusted(first.AccessToken))
		if got.status != http.StatusOK || got.body != "{}" {
			t.Errorf("%d %s", got.status, got.body)
		}
		if h.userinfo(first.AccessToken).status != http.StatusUnauthorized || h.userinfo(second.AccessToken).status != http.StatusOK {
			t.Error("not that one token ended")
		}
		h.refresh(first.RefreshToken).refused(t, 400, "invalid_grant")
		if got := h.post("/oauth/revoke", trusted(second.RefreshToken, "token_type_hint", "access_token")); got.status != http.StatusOK {
			t.Errorf("a wrong hint: %d", got.status)
		}
		if h.userinfo(second.AccessToken).status != http.StatusUnauthorized {
			t.Error("RFC 7009 section 2.1: the access token outlives its refresh token")
		}
		for _, token := range []string{first.AccessToken, "unknown", "\x00\xff"} {
			if got := h.post("/oauth/revoke", trusted(token)); got.status != http.StatusOK {
				t.Errorf("what is gone: %d %s", got.status, got.body)
			}
		}
		if diff := cmp.Diff([]string{"token.revoked", "token.revoked"}, h.actions("token")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestT11OnlyTheOwnerRevokesAndIntrospects(t *testing.T) {
	t.Parallel()
	h := open(t)
	a := h.grant()
	h.post("/oauth/revoke", trusted(a.AccessToken, "client_secret", "wrong")).refused(t, 401, "invalid_client")
	h.post("/oauth/revoke", trusted(a.AccessToken, "client_secret", "")).refused(t, 401, "invalid_client")
	h.post("/oauth/revoke", trusted(a.AccessToken, "client_id", "old", "client_secret", otherSecret)).refused(t, 400, "unauthorized_client")
	h.post("/oauth/revoke", trusted(a.AccessToken, "client_id", "phone", "client_secret", "")).refused(t, 400, "unauthorized_client")
	h.post("/oauth/revoke", trusted("")).refused(t, 400, "invalid_request")
	h.post("/oauth/introspect", trusted(a.AccessToken, "client_secret", "")).refused(t, 401, "invalid_client")
	h.post("/oauth/introspect", trusted(a.AccessToken, "client_id", "phone", "client_secret", "")).refused(t, 401, "invalid_client")
	h.post("/oauth/introspect", trusted("")).refused(t, 400, "invalid_request")
	if got := h.post("/oauth/introspect", trusted(a.AccessToken, "client_id", "old", "client_secret", otherSecret)); got.body != `{"active":false}` {
		t.Errorf("another client learns %s", got.body)
	}
	if h.userinfo(a.AccessToken).status != http.StatusOK {
		t.Error("somebody else ended it")
	}
	if got := h.machine().get("/oauth/revoke?token=" + a.AccessToken); got.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", got.status)
	}
}

func TestIntrospect(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		a := h.grant("scope", "openid read_user")
		ask := func(token string) (got introspection) {
			if err := json.Unmarshal([]byte(h.post("/oauth/introspect", trusted(token)).body), &got); err != nil {
				t.Error(err)
			}
			return got
		}
		now := h.clock.Now()
		want := introspection{
			Active: true, Scope: "openid read_user", ClientID: "trusted", TokenType: "Bearer",
			Expiry: now.Add(2 * time.Hour).Unix(), IssuedAt: now.Unix(), Subject: request.Subject(h.alice),
		}
		if diff := cmp.Diff(want, ask(a.AccessToken)); diff != "" {
			t.Error(diff)
		}
		if got := ask(a.RefreshToken); !got.Active || got.TokenType != "" {
			t.Errorf("of the refresh token: %+v", got)
		}
		h.refresh(a.RefreshToken).tokens(t)
		for name, token := range map[string]string{"Rotated": a.RefreshToken, "Replaced": a.AccessToken, "Unknown": "x", "IDToken": a.IDToken} {
			if diff := cmp.Diff(introspection{}, ask(token)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		b := h.grant()
		h.setState(h.alice, gatehouse.UserBlocked)
		if ask(b.AccessToken).Active {
			t.Error("T13: a blocked user's token is active")
		}
		h.setState(h.alice, gatehouse.UserActive)
		h.clock.add(2 * time.Hour)
		if ask(b.AccessToken).Active {
			t.Error("a token is active past its end")
		}
	})
}

// What cannot be stored is never said to be done.
func TestT12RevocationThatFailsSaysSo(t *testing.T) {
	t.Parallel()
	address := storetest.SQLite(t)
	s, c := openStore(t, address, newClock())
	h := build(t, s, c)
	a := h.grant()
	db, err := sql.Open("sqlite", strings.TrimPrefix(address, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `create trigger broken before update on tokens begin select raise(abort, 'the disk is full'); end`); err != nil {
		t.Fatal(err)
	}
	got := h.post("/oauth/revoke", trusted(a.AccessToken))
	got.refused(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	if got.header.Get("Retry-After") == "" || strings.Contains(got.body, "disk") {
		t.Errorf("%v %s", got.header, got.body)
	}
}

func TestTokenInfo(t *testing.T) {
	t.Parallel()
	h := open(t)
	a := h.grant("scope", "openid read_user")
	h.clock.add(90 * time.Second)
	info := func(token string) page {
		return h.machine().do(http.MethodGet, "/oauth/token/info", nil, "Authorization", "Bearer "+token)
	}
	want := `{"resource_owner_id":` + request.Subject(h.alice) + `,"scope":["openid","read_user"],"expires_in":7110,"application":{"uid":"trusted"},"created_at":`
	got := info(a.AccessToken)
	if got.status != http.StatusOK || !strings.HasPrefix(got.body, want) || !strings.HasSuffix(got.body, `,"scopes":["openid","read_user"],"expires_in_seconds":7110}`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	for name, bad := range map[string]page{
		"None": h.machine().get("/oauth/token/info"), "Unknown": info("x"), "T10/Refresh": info(a.RefreshToken), "T10/IDToken": info(a.IDToken),
		"T10/InAddress": h.machine().get("/oauth/token/info?access_token=" + a.AccessToken),
	} {
		if bad.status != http.StatusUnauthorized || bad.body != `{"error":"invalid_token","error_description":"The access token is invalid","state":"unauthorized"}` ||
			!strings.HasPrefix(bad.header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: %d %s", name, bad.status, bad.body)
		}
	}
	robot := h.post("/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"robot"}, "client_secret": {otherSecret}}).tokens(t)
	if got := info(robot.AccessToken); !strings.HasPrefix(got.body, `{"resource_owner_id":null,`) {
		t.Errorf("of a client: %d %s", got.status, got.body)
	}
}

// A resource server learns of access tokens that are meant for it, by its id, and
// of no others; of whoever they are, as their own client knows them.
func TestT11ResourceServerAsksAboutItsTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		const api = "https://api.example/v1"
		h.update(func(tx *store.Tx) error {
			return tx.SaveClient(&gatehouse.Client{ID: api, Name: "API", Enabled: true, SecretHash: gatehouse.Digest(otherSecret)})
		})
		h.change("trusted", func(c *gatehouse.Client) { c.Settings.Resources = []string{api, "https://b.example"} })
		ask := func(token string) (told introspection) {
			t.Helper()
			p := h.post("/oauth/introspect", trusted(token, "client_id", api, "client_secret", otherSecret))
			if err := json.Unmarshal([]byte(p.body), &told); err != nil || p.status != http.StatusOK {
				t.Fatalf("%d %s", p.status, p.body)
			}
			return told
		}
		meant := h.redeem(h.code("trusted", "resource", api)).tokens(t)
		if told := ask(meant.AccessToken); !told.Active || told.ClientID != "trusted" || told.Subject != request.Subject(h.alice) || !slices.Equal(told.Audience, []string{api}) {
			t.Errorf("told %+v", told)
		}
		other := h.redeem(h.code("trusted", "resource", "https://b.example")).tokens(t)
		for name, token := range map[string]string{"refresh token": meant.RefreshToken, "for another": other.AccessToken, "for nobody": h.grant().AccessToken, "ID token": meant.IDToken} {
			if told := ask(token); told.Active || told.ClientID != "" {
				t.Errorf("%s: %+v", name, told)
			}
		}
		if p := h.post("/oauth/revoke", trusted(meant.AccessToken, "client_id", api, "client_secret", otherSecret)); p.status == http.StatusOK {
			t.Errorf("it ends it: %d", p.status)
		}
		h.setState(h.alice, gatehouse.UserBlocked)
		if ask(meant.AccessToken).Active {
			t.Error("of somebody who is blocked")
		}
		h.setState(h.alice, gatehouse.UserActive)
		h.change("trusted", func(c *gatehouse.Client) { c.Enabled = false })
		if ask(meant.AccessToken).Active {
			t.Error("of a client that is off")
		}
	})
}
