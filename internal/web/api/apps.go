package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/store"
)

func (a *API) mountApps(h huma.API) {
	serve(a, h, route{path: "/clients", id: "listClients", tag: "apps", summary: "The apps that people sign in to", may: readers()}, a.listClients)
}

// client is a Client for programs, without its secret and without its hash.
type client struct {
	ID                     string    `json:"id" doc:"The Application ID (client_id)"`
	Name                   string    `json:"name"`
	Public                 bool      `json:"public" doc:"It has no secret of its own"`
	RedirectURIs           []string  `json:"redirect_uris" nullable:"false"`
	PostLogoutRedirectURIs []string  `json:"post_logout_redirect_uris" nullable:"false"`
	BackchannelLogoutURI   string    `json:"backchannel_logout_uri"`
	Scopes                 []string  `json:"scopes" nullable:"false"`
	GrantTypes             []string  `json:"grant_types" nullable:"false"`
	AuthMethod             string    `json:"token_endpoint_auth_method" doc:"Empty: basic or post, one per request"`
	RequirePKCE            bool      `json:"require_pkce"`
	Trusted                bool      `json:"trusted" doc:"It needs no consent"`
	Enabled                bool      `json:"enabled"`
	ManagedBy              string    `json:"managed_by" enum:"file,dashboard"`
	CreatedAt              time.Time `json:"created_at"`
	UpdatedAt              time.Time `json:"updated_at"`
}

func (a *API) listClients(ctx context.Context, _ caller, _ *none) (Page[client], error) {
	return view(ctx, a, "clients", func(tx *store.Tx) (Page[client], error) {
		found, err := tx.Clients()
		return whole(found, showClient), err
	})
}

func showClient(c gatehouse.Client) client {
	grants := c.GrantTypes
	if len(grants) == 0 {
		grants = []string{"authorization_code", "refresh_token"}
	}
	return client{
		ID: c.ID, Name: c.Name, Public: c.Public(), RedirectURIs: orEmpty(c.RedirectURIs),
		PostLogoutRedirectURIs: orEmpty(c.PostLogoutRedirectURIs), BackchannelLogoutURI: c.BackchannelLogoutURI,
		Scopes: orEmpty(c.Scopes), GrantTypes: grants, AuthMethod: c.AuthMethod, RequirePKCE: c.RequirePKCE, Trusted: c.Trusted,
		Enabled: c.Enabled, ManagedBy: string(c.Managed), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}
