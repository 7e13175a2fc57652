package op

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/op/registration"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
)

// A client that changes itself (RFC 7592) must not undo what an administrator
// decided about it.
func TestT21WhatAnAdministratorSetIsNotUndoneByTheClient(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.op.Registration = Registration{By: registration.ByAnybody, NoPKCE: true}
		r := h.json(http.MethodPost, registerPath, wish, "").registered(t, http.StatusCreated)
		h.change(r.ClientID, func(c *gatehouse.Client) {
			c.Scopes, c.RequirePKCE, c.Trusted = []string{"openid"}, true, true
			c.GrantTypes = []string{request.GrantCode}
			c.Settings.GroupsFrom, c.Settings.GroupsOnly = gatehouse.NoGroups, []string{"eng"}
			c.Settings.RequirePushed, c.Settings.DPoPBound = true, true
		})
		own := registerPath + "/" + r.ClientID
		h.json(http.MethodPut, own, wish, r.Token).refused(t, http.StatusBadRequest, "invalid_client_metadata") // it had refresh tokens taken from it
		next := h.json(http.MethodPut, own, `{"redirect_uris":["`+callback+`","https://elsewhere.example/cb"],"client_name":"Suite","scope":"openid email profile"}`, r.Token).registered(t, http.StatusOK)
		h.view(func(tx *store.Tx) error {
			c, err := tx.Client(r.ClientID)
			if diff := cmp.Diff([]string{"openid"}, c.Scopes); diff != "" {
				t.Errorf("T14: %s", diff)
			}
			s := c.Settings
			if !c.RequirePKCE || s.GroupsFrom != gatehouse.NoGroups || len(s.GroupsOnly) != 1 || !s.RequirePushed || !s.DPoPBound {
				t.Errorf("an administrator's limit is gone: %+v", c)
			}
			if c.Trusted {
				t.Error("A12: an address that nobody looked at is trusted")
			}
			return err
		})
		h.change(r.ClientID, func(c *gatehouse.Client) { c.Trusted = true })
		h.json(http.MethodPut, own, `{"redirect_uris":["`+callback+`"],"client_name":"Suite"}`, next.Token).registered(t, http.StatusOK)
		h.view(func(tx *store.Tx) error {
			c, err := tx.Client(r.ClientID)
			if !c.Trusted {
				t.Error("fewer addresses are not less trusted")
			}
			return err
		})
	})
}

// A client that an administrator let prove itself by a certificate gets a secret
// when it goes back to one, and is never without.
func TestT21ChangedMethodLeavesNoClientWithoutProof(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.op.Registration = Registration{By: registration.ByAnybody}
	r := h.json(http.MethodPost, registerPath, wish, "").registered(t, http.StatusCreated)
	h.change(r.ClientID, func(c *gatehouse.Client) {
		c.AuthMethod, c.SecretHash, c.Settings.TLSDNS = gatehouse.AuthTLS, nil, "app.example"
	})
	got := h.json(http.MethodPut, registerPath+"/"+r.ClientID, wish, r.Token).registered(t, http.StatusOK)
	if got.ClientSecret == "" {
		t.Error("it has no secret")
	}
	h.view(func(tx *store.Tx) error {
		c, err := tx.Client(r.ClientID)
		if c.Public() {
			t.Error("it became a public client")
		}
		return err
	})
}
