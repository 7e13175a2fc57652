package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

func (c *cli) connections() *cobra.Command {
	return group("connections", "See the ways in, and switch one on or off", c.connectionsList(), c.connectionsTurn("enable"), c.connectionsTurn("disable"))
}

// connectionJSON is a connection as --json shows one. Its secret and its args,
// which may hold others, are not shown.
type connectionJSON struct {
	Name      string    `json:"name"`
	Label     string    `json:"label"`
	Kind      string    `json:"kind"`
	Enabled   bool      `json:"enabled"`
	NewPeople string    `json:"new_people"`
	AppID     string    `json:"app_id"`
	BuiltIn   bool      `json:"built_in"`
	Redirect  string    `json:"redirect_uri"`
	Managed   string    `json:"managed_by"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

func (c *cli) connectionsList() *cobra.Command {
	return c.dataCommand(data{
		use: "list", short: "List the connections, by which people sign in", example: "  gatehouse connections list\n  gatehouse connections list --json",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			var all []gatehouse.Connection
			err := t.Store.View(ctx, func(tx *store.Tx) (err error) {
				all, err = tx.Connections()
				return err
			})
			if err != nil {
				return err
			}
			shown := each(all, func(c gatehouse.Connection) connectionJSON { return showConnection(t, c) })
			return c.print(shown, func(p *printer) {
				p.table("There are no connections. They are named under omniauth.providers in the configuration, or added on the dashboard.",
					[]string{"NAME", "LABEL", "KIND", "ENABLED", "NEW PEOPLE", "MANAGED BY", "REDIRECT URI"},
					each(shown, func(c connectionJSON) []string {
						return []string{c.Name, c.Label, c.Kind, yes(c.Enabled), strings.ReplaceAll(c.NewPeople, "_", " "), c.Managed, c.Redirect}
					}))
			})
		},
	})
}

func showConnection(t *server.Tools, c gatehouse.Connection) connectionJSON {
	return connectionJSON{
		Name: c.Name, Label: c.Label, Kind: c.Kind, Enabled: c.Enabled, NewPeople: string(c.Rules.NewPeople()), AppID: c.AppID, BuiltIn: c.BuiltIn,
		Redirect: t.Access.Apps.RedirectURI(c.Name), Managed: string(c.Managed), UpdatedAt: c.UpdatedAt,
	}
}

// connectionsTurn switches a connection of the dashboard on or off, also when
// its own sign-in keeps everybody out.
func (c *cli) connectionsTurn(verb string) *cobra.Command {
	short := "Let people sign in with a connection of the dashboard"
	if verb == "disable" {
		short = "Let nobody sign in with a connection of the dashboard any more"
	}
	return c.dataCommand(data{
		use: verb + " NAME", short: short, example: "  gatehouse connections " + verb + " gitlab-2", args: exactly("NAME"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var saved gatehouse.Connection
			err := t.Store.Update(ctx, func(tx *store.Tx) error {
				found, err := tx.ConnectionByName(args[0])
				if err := missing(err, "no connection has the name %s; gatehouse connections list shows them", args[0]); err != nil {
					return err
				}
				found.Enabled, found.AppSecret = verb == "enable", "" // the secret stays
				saved, err = t.Access.Apps.SaveConnection(tx, c.operator(), found)
				return err
			})
			if err != nil {
				return err
			}
			return c.print(showConnection(t, saved), func(p *printer) { p.line("The connection %s is %sd.", saved.Name, verb) })
		},
	})
}
