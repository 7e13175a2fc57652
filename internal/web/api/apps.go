package api

import (
	"context"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/store"
)

func (a *API) mountApps(h huma.API) {
	serve(a, h, route{path: "/connections", id: "listConnections", tag: "apps", summary: "The apps that people sign in with", may: readers()}, a.listConnections)
	serve(a, h, route{path: "/clients", id: "listClients", tag: "apps", summary: "The apps that people sign in to", may: readers()}, a.listClients)
}

// connection is a Connection for programs, without its secret and without its
// args, which may hold others.
type connection struct {
	ID        string    `json:"id" format:"uuid"`
	Name      string    `json:"name"`
	Kind      string    `json:"kind"`
	Label     string    `json:"label"`
	Enabled   bool      `json:"enabled"`
	AppID     string    `json:"app_id" doc:"Our client_id there"`
	Callback  string    `json:"callback" format:"uri" doc:"The redirect URI to register there"`
	Rules     rules     `json:"rules"`
	ManagedBy string    `json:"managed_by" enum:"file,dashboard"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// rules are ConnectionRules for programs. The fields are the same, so that the
// one becomes the other by a conversion and none can be forgotten.
type rules struct {
	AllowSingleSignOn      bool     `json:"allow_single_sign_on"`
	BlockAutoCreatedUsers  bool     `json:"block_auto_created_users"`
	AutoLinkUser           bool     `json:"auto_link_user"`
	External               bool     `json:"external"`
	SyncProfile            bool     `json:"sync_profile_from_provider"`
	SyncProfileAttributes  []string `json:"sync_profile_attributes" nullable:"false"`
	RequestAccess          bool     `json:"request_access"`
	TrustedDomains         []string `json:"trusted_domains" nullable:"false"`
	LinkOnly               bool     `json:"link_only"`
	AllowBypassTwoFactor   bool     `json:"allow_bypass_two_factor"`
	AutoSignInWithProvider bool     `json:"auto_sign_in_with_provider"`
	ForgetTokens           bool     `json:"forget_tokens" doc:"The tokens that it gives are not kept for applications"`
}

func (a *API) listConnections(ctx context.Context, _ caller, _ *none) (Page[connection], error) {
	return view(ctx, a, "connections", func(tx *store.Tx) (Page[connection], error) {
		found, err := tx.Connections()
		return whole(found, a.showConnection), err
	})
}

func (a *API) showConnection(c gatehouse.Connection) connection {
	r := rules(c.Rules)
	r.SyncProfileAttributes, r.TrustedDomains = orEmpty(r.SyncProfileAttributes), orEmpty(r.TrustedDomains)
	return connection{
		ID: c.ID, Name: c.Name, Kind: c.Kind, Label: c.Label, Enabled: c.Enabled, AppID: c.AppID,
		Callback: a.base() + "/users/auth/" + url.PathEscape(c.Name) + "/callback", Rules: r,
		ManagedBy: string(c.Managed), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
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
