package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

func (a *Admin) listConnections(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var all []gatehouse.Connection
	err := a.desk().Read(r, "the connections", func(tx *store.Tx) (err error) {
		all, err = tx.Connections()
		return err
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("connections", i18n.Text(r.Context(), "SSO connections"), by), connectionsBody(all))
}

// rule is a setting by GitLab's name.
type rule struct {
	Name string
	On   bool
}

type connectionPage struct {
	gatehouse.Connection
	Redirect string
	Options  []desk.Option
}

func (a *Admin) connection(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var p connectionPage
	err := a.desk().Read(r, "the connection", func(tx *store.Tx) (err error) {
		p.Connection, err = tx.ConnectionByName(r.PathValue("connection"))
		return err
	})
	if err != nil {
		return err
	}
	p.Redirect = a.URL + "/users/auth/" + p.Name + "/callback"
	p.Options = options(p.Args)
	return a.desk().Render(w, r, desk.Page("connections", ui.ConnectionLabel(p.Connection), by), connectionBody(p))
}

// options are the arguments that may be shown: those which are known to hold no
// secret. All others stay hidden, whatever they are called.
func options(args map[string]any) []desk.Option {
	var shown []desk.Option
	add := func(from map[string]any, names ...string) {
		for _, name := range names {
			if value := plain(from[name]); value != "" {
				shown = append(shown, desk.Option{Name: name, Value: value})
			}
		}
	}
	add(args, "scope", "issuer", "discovery", "uid_field", "gitlab_username_claim")
	client, _ := args["client_options"].(map[string]any)
	add(client, "site", "authorize_url", "token_url", "userinfo_url", "redirect_uri")
	return shown
}

// plain is a value of the configuration in words, without the password that an
// address may hold.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		all := make([]string, len(v))
		for i, one := range v {
			all[i] = plain(one)
		}
		return strings.Join(all, " ")
	case string:
		if u, err := url.Parse(v); err == nil && u.User != nil {
			return u.Redacted()
		}
		return v
	}
	return fmt.Sprint(v)
}

func rules(c gatehouse.ConnectionRules) []rule {
	return []rule{
		{"allow_single_sign_on", c.AllowSingleSignOn},
		{"block_auto_created_users", c.BlockAutoCreatedUsers},
		{"auto_link_user", c.AutoLinkUser},
		{"external", c.External},
		{"sync_profile_from_provider", c.SyncProfile},
		{"allow_bypass_two_factor", c.AllowBypassTwoFactor},
		{"auto_sign_in_with_provider", c.AutoSignInWithProvider},
		{"link_only", c.LinkOnly},
	}
}

func (a *Admin) listClients(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var all []gatehouse.Client
	err := a.desk().Read(r, "the clients", func(tx *store.Tx) (err error) {
		all, err = tx.Clients()
		return err
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("clients", i18n.Text(r.Context(), "Clients"), by), clientsBody(all))
}

// grantTypes are those of a client, the usual ones when it names none.
func grantTypes(c gatehouse.Client) []string {
	if len(c.GrantTypes) == 0 {
		return []string{"authorization_code", "refresh_token"}
	}
	return slices.Clone(c.GrantTypes)
}
