package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/clientrules"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
)

func (a *API) mountApps(h huma.API) {
	const path, one, tag = "/clients", "/clients/{client}", "apps"
	serve(a, h, route{path: path, id: "listClients", tag: tag, summary: "The apps that people sign in to", may: readers()}, a.listClients)
	serve(a, h, route{path: one, id: "getClient", tag: tag, summary: "An app that people sign in to", may: readers()}, a.getClient)
	serve(a, h, route{method: http.MethodPost, path: path, id: "addClient", tag: tag, summary: "Add a client; its secret is told this once", status: http.StatusCreated, may: owners(), fresh: true}, a.addClient)
	serve(a, h, route{method: http.MethodPatch, path: one, id: "changeClient", tag: tag, summary: "Change what is named of a client; one of the configuration file cannot be changed here", may: owners(), fresh: true}, a.changeClient)
	serve(a, h, route{method: http.MethodPost, path: one + "/secret", id: "renewClientSecret", tag: tag, summary: "Give a client a new secret, which is told this once; the old one is good no more", may: owners(), fresh: true}, a.renewSecret)
	serve(a, h, route{method: http.MethodDelete, path: one, id: "removeClient", tag: tag, summary: "Remove a client; its tokens end, and what people allowed it is forgotten", may: owners(), fresh: true}, a.removeClient)
}

// client is a Client for programs, without its secret and without its hash.
type client struct {
	ID                     string    `json:"id" doc:"The Application ID (client_id)"`
	Name                   string    `json:"name"`
	Public                 bool      `json:"public" doc:"It has no secret of its own"`
	RedirectURIs           []string  `json:"redirect_uris" nullable:"false"`
	PostLogoutRedirectURIs []string  `json:"post_logout_redirect_uris" nullable:"false"`
	Scopes                 []string  `json:"scopes" nullable:"false"`
	GrantTypes             []string  `json:"grant_types" nullable:"false"`
	RequirePKCE            bool      `json:"require_pkce"`
	Trusted                bool      `json:"trusted" doc:"It needs no consent"`
	GroupsFrom             string    `json:"groups_from" doc:"Key of the connector whose groups it is told; empty: the only one of GitLab; none: no groups"`
	GroupsOnly             []string  `json:"groups_only" nullable:"false" doc:"Full paths: only these groups and what lies in them; empty: all"`
	Lifetimes              lifetimes `json:"lifetimes" doc:"Of its own; absent: those of the installation"`
	OwnerID                string    `json:"owner_id" doc:"The user whose own application it is; empty: nobody's"`
	App                    string    `json:"app" doc:"Key of the connector whose owners look after it; empty: of none"`
	Enabled                bool      `json:"enabled"`
	On                     bool      `json:"on" doc:"People can sign in to it: it is enabled, and its owner may come in"`
	ManagedBy              string    `json:"managed_by" enum:"file,dashboard"`
	CreatedAt              time.Time `json:"created_at"`
	UpdatedAt              time.Time `json:"updated_at"`
	clientrules.Values
	About gatehouse.ClientAbout `json:"about" doc:"What it says of itself, when it registered itself; nobody has checked it"`
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
		PostLogoutRedirectURIs: orEmpty(c.PostLogoutRedirectURIs),
		Scopes:                 orEmpty(c.Scopes), GrantTypes: grants, RequirePKCE: c.RequirePKCE, Trusted: c.Trusted,
		GroupsFrom: c.Settings.GroupsFrom, GroupsOnly: orEmpty(c.Settings.GroupsOnly), Lifetimes: showLifetimes(c.Settings.Lifetimes),
		OwnerID: c.OwnerID, App: c.ConnectorKey, On: c.On(), Enabled: c.Enabled, ManagedBy: string(c.Managed), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
		Values: clientrules.Tell(c), About: c.Settings.About,
	}
}

// lifetimes are a client's own, as durations such as "2h0m0s".
type lifetimes struct {
	Access          string `json:"access,omitempty"`
	ID              string `json:"id,omitempty"`
	Refresh         string `json:"refresh,omitempty"`
	RefreshAbsolute string `json:"refresh_absolute,omitempty"`
}

func showLifetimes(l gatehouse.ClientLifetimes) lifetimes {
	text := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	return lifetimes{Access: text(l.Access), ID: text(l.ID), Refresh: text(l.Refresh), RefreshAbsolute: text(l.RefreshAbsolute)}
}

// OfClient names a client.
type OfClient struct {
	Client string `path:"client" maxLength:"255" doc:"The Application ID"`
}

func (a *API) getClient(ctx context.Context, _ caller, in *OfClient) (client, error) {
	return view(ctx, a, "client", func(tx *store.Tx) (client, error) {
		c, err := tx.Client(in.Client)
		return showClient(c), err
	})
}

// ClientSettings are what can be set of a client. What is absent stays as it is.
type ClientSettings struct {
	_                      struct{}         `json:"-" additionalProperties:"false"`
	Name                   *string          `json:"name,omitempty"`
	RedirectURIs           *[]string        `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs *[]string        `json:"post_logout_redirect_uris,omitempty"`
	Scopes                 *[]string        `json:"scopes,omitempty"`
	GrantTypes             *[]string        `json:"grant_types,omitempty" doc:"Empty: authorization_code and refresh_token"`
	RequirePKCE            *bool            `json:"require_pkce,omitempty"`
	Trusted                *bool            `json:"trusted,omitempty"`
	Enabled                *bool            `json:"enabled,omitempty"`
	GroupsFrom             *string          `json:"groups_from,omitempty"`
	GroupsOnly             *[]string        `json:"groups_only,omitempty"`
	Lifetimes              *LifetimeOptions `json:"lifetimes,omitempty"`
	App                    *string          `json:"app,omitempty" doc:"Not of a person's own application"`
	clientrules.Values
}

// LifetimeOptions are the lifetimes that can be set; an empty one is that of the
// installation again.
type LifetimeOptions struct {
	_               struct{} `json:"-" additionalProperties:"false"`
	Access          *string  `json:"access,omitempty"`
	ID              *string  `json:"id,omitempty"`
	Refresh         *string  `json:"refresh,omitempty"`
	RefreshAbsolute *string  `json:"refresh_absolute,omitempty"`
}

// over puts the settings over a client. Only what is named here can be set.
func (s ClientSettings) over(c *gatehouse.Client) error {
	set(&c.Name, s.Name)
	set(&c.RedirectURIs, s.RedirectURIs)
	set(&c.PostLogoutRedirectURIs, s.PostLogoutRedirectURIs)
	set(&c.Scopes, s.Scopes)
	set(&c.GrantTypes, s.GrantTypes)
	set(&c.RequirePKCE, s.RequirePKCE)
	set(&c.Trusted, s.Trusted)
	set(&c.Enabled, s.Enabled)
	set(&c.Settings.GroupsFrom, s.GroupsFrom)
	set(&c.Settings.GroupsOnly, s.GroupsOnly)
	if c.OwnerID == "" {
		set(&c.ConnectorKey, s.App)
	}
	if err := s.Over(c); err != nil {
		return err
	}
	l, to := s.Lifetimes, &c.Settings.Lifetimes
	if l == nil {
		return nil
	}
	if setLife(&to.Access, l.Access) && setLife(&to.ID, l.ID) && setLife(&to.Refresh, l.Refresh) && setLife(&to.RefreshAbsolute, l.RefreshAbsolute) {
		return nil
	}
	return apps.Problems{{Field: "lifetimes", Err: gatehouse.Errorf(gatehouse.Invalid, "A lifetime is a time such as 2h or 720h, at most five years; empty means that of the installation.")}}
}

// setLife takes over a lifetime; false when it is none.
func setLife(to *time.Duration, text *string) bool {
	switch {
	case text == nil:
		return true
	case *text == "":
		*to = 0
		return true
	}
	d, err := time.ParseDuration(*text)
	*to = d
	return err == nil && d > 0
}

// addClientInput is a client to add.
type addClientInput struct {
	Body struct {
		ClientSettings
		_            struct{} `json:"-" additionalProperties:"false"`
		Confidential *bool    `json:"confidential,omitempty" default:"true" doc:"It can keep a secret; token_endpoint_auth_method, where it is there, says more"`
	}
}

// clientWithSecret is a client with the secret that was just made for it.
type clientWithSecret struct {
	client
	Secret string `json:"secret,omitempty" doc:"Told this once, when it was just made"`
}

func (clientWithSecret) secret() {}

func (a *API) addClient(ctx context.Context, by caller, in *addClientInput) (clientWithSecret, error) {
	draft := gatehouse.Client{Scopes: []string{"openid", "profile", "email"}, RequirePKCE: true}
	if err := in.Body.over(&draft); err != nil {
		return clientWithSecret{}, told(ctx, err)
	}
	out, err := update(ctx, a, "add a client", func(tx *store.Tx) (clientWithSecret, error) {
		c, secret, err := a.Apps.AddClient(tx, by.actor, draft, in.Body.Confidential == nil || *in.Body.Confidential)
		return clientWithSecret{showClient(c), secret}, err
	})
	return out, told(ctx, err)
}

// changeClientInput is a change of a client. If-Match is the ETag of the state
// that was seen; without it the last one wins.
type changeClientInput struct {
	OfClient
	IfMatch string `header:"If-Match" maxLength:"200" doc:"The ETag of the client as it was seen: when somebody changed it since, nothing is changed (412)"`
	Body    ClientSettings
}

func (a *API) changeClient(ctx context.Context, by caller, in *changeClientInput) (clientWithSecret, error) {
	out, err := update(ctx, a, "change a client", func(tx *store.Tx) (clientWithSecret, error) {
		c, err := seenClient(ctx, tx, in.Client, in.IfMatch)
		if err != nil {
			return clientWithSecret{}, err
		}
		if err := in.Body.over(&c); err != nil {
			return clientWithSecret{}, err
		}
		c, secret, err := a.Apps.SetClient(tx, by.actor, c)
		return clientWithSecret{showClient(c), secret}, err
	})
	return out, told(ctx, err)
}

// clientAsSeen names a client in the state that was seen.
type clientAsSeen struct {
	OfClient
	IfMatch string `header:"If-Match" maxLength:"200" doc:"As for a change"`
}

func (a *API) renewSecret(ctx context.Context, by caller, in *clientAsSeen) (clientWithSecret, error) {
	return update(ctx, a, "renew the secret of a client", func(tx *store.Tx) (clientWithSecret, error) {
		c, err := seenClient(ctx, tx, in.Client, in.IfMatch)
		if err != nil {
			return clientWithSecret{}, err
		}
		c, secret, err := a.Apps.RenewClientSecret(tx, by.actor, c.ID, c.UpdatedAt)
		return clientWithSecret{showClient(c), secret}, err
	})
}

// removedClient says what is gone.
type removedClient struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (a *API) removeClient(ctx context.Context, by caller, in *clientAsSeen) (removedClient, error) {
	return update(ctx, a, "remove a client", func(tx *store.Tx) (removedClient, error) {
		c, err := seenClient(ctx, tx, in.Client, in.IfMatch)
		if err != nil {
			return removedClient{}, err
		}
		return removedClient{ID: c.ID, Name: c.Name}, a.Apps.RemoveClient(tx, by.actor, c.ID, c.UpdatedAt)
	})
}

// seenClient finds a client, and compares an If-Match with it (RFC 9110 section
// 13.1.1).
func seenClient(ctx context.Context, tx *store.Tx, id, ifMatch string) (gatehouse.Client, error) {
	c, err := tx.Client(id)
	if err != nil || ifMatch == "" {
		return c, err
	}
	b, err := json.Marshal(showClient(c))
	if err != nil {
		return c, fmt.Errorf("compare the client: %w", err)
	}
	if slices.ContainsFunc(strings.Split(ifMatch, ","), func(tag string) bool {
		tag = strings.TrimSpace(tag)
		return tag == "*" || tag == etag(b)
	}) {
		return c, nil
	}
	return c, newProblem(ctx, http.StatusPreconditionFailed, "conflict", i18n.Text(ctx, "Somebody was faster"),
		i18n.Text(ctx, "The client was changed in the meantime, so nothing was done. Ask for it again, and repeat your change if it is still needed."))
}
