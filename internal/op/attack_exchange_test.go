package op

import (
	"encoding/json"
	"net/http"
	"testing"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
)

// active says whether introspection calls a token of a client live.
func (h *house) active(token, client, secret string) bool {
	h.t.Helper()
	var told introspection
	if err := json.Unmarshal([]byte(h.post("/oauth/introspect", trusted(token, "client_id", client, "client_secret", secret)).body), &told); err != nil {
		h.t.Fatal(err)
	}
	return told.Active
}

// What others got in exchange for a client's tokens ends when the person takes
// back what they allowed that client, and when the client is switched off or
// removed: otherwise it would be a way around each of them.
func TestT18WhatWasExchangedEndsWithWhatItCameOf(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.delegating()
		h.change("old", func(c *gatehouse.Client) {
			c.GrantTypes, c.Settings.ExchangeFrom = []string{request.GrantCode, request.GrantExchange}, []string{"app"}
		})
		third := func(token string) string { // a chain: trusted, app, old
			return h.own(token, "client_id", "old", "client_secret", otherSecret).tokens(t).AccessToken
		}
		withdraw := func(client string) {
			h.update(func(tx *store.Tx) error {
				return Withdraw(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, ID: h.alice.ID}, h.alice.ID, client)
			})
		}
		live := func(what string, token, client, secret string, want bool) {
			t.Helper()
			if got := h.active(token, client, secret); got != want {
				t.Errorf("%s: active is %t", what, got)
			}
			if got := h.userinfo(token).status == http.StatusOK; got != want {
				t.Errorf("%s: user-info is open: %t", what, got)
			}
		}

		first := h.grant()
		second := h.own(first.AccessToken).tokens(t).AccessToken
		last := third(second)
		h.change("trusted", func(c *gatehouse.Client) { c.Enabled = false })
		live("the second, the first switched off", second, "app", appSecret, false)
		live("the third, the first switched off", last, "old", otherSecret, false)
		h.change("trusted", func(c *gatehouse.Client) { c.Enabled = true })
		live("the third", last, "old", otherSecret, true)
		h.change("app", func(c *gatehouse.Client) { c.Enabled = false })
		live("the third, the second switched off", last, "old", otherSecret, false)
		h.change("app", func(c *gatehouse.Client) { c.Enabled = true })

		withdraw("app")
		live("the first, the second withdrawn", first.AccessToken, "trusted", appSecret, true)
		live("the second, withdrawn", second, "app", appSecret, false)
		live("the third, the second withdrawn", last, "old", otherSecret, false)

		second = h.own(first.AccessToken).tokens(t).AccessToken
		last = third(second)
		h.post("/oauth/revoke", trusted(second, "client_id", "app"))
		live("the first, the second revoked", first.AccessToken, "trusted", appSecret, true)
		live("the third, the second revoked", last, "old", otherSecret, false)

		second = h.own(first.AccessToken).tokens(t).AccessToken
		last = third(second)
		withdraw("trusted")
		live("the second, the first withdrawn", second, "app", appSecret, false)
		live("the third, the first withdrawn", last, "old", otherSecret, false)

		second = h.own(h.grant().AccessToken).tokens(t).AccessToken
		h.update(func(tx *store.Tx) error { return tx.DeleteClient("trusted") })
		live("the second, the first removed", second, "app", appSecret, false)
	})
}

// A resource that was called with a token must not be able to read here with it
// who called (RFC 9700 section 2.3).
func TestT10TokensOfOtherResourcesOpenNoUserInfo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		for _, format := range []string{gatehouse.AccessTokenOpaque, gatehouse.AccessTokenJWT} {
			h.change("trusted", func(c *gatehouse.Client) {
				c.Settings.Resources, c.Settings.AccessToken = []string{"https://a.example"}, format
			})
			foreign := h.redeem(h.code("trusted", "resource", "https://a.example")).tokens(t)
			h.userinfo(foreign.AccessToken).refused(t, http.StatusUnauthorized, "invalid_token")
			if got := h.machine().do(http.MethodGet, "/api/v4/user", nil, "Authorization", "Bearer "+foreign.AccessToken).status; got != http.StatusUnauthorized {
				t.Errorf("the API: %d", got)
			}
			own := h.redeem(h.code("trusted", "resource", h.url)).tokens(t)
			if got := h.userinfo(own.AccessToken).status; got != http.StatusOK {
				t.Errorf("a token for us: %d", got)
			}
			if got := h.userinfo(h.grant().AccessToken).status; got != http.StatusOK {
				t.Errorf("a token for nobody else: %d", got)
			}
		}
	})
}
