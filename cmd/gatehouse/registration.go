package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/op"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

func (c *cli) registrationTokens() *cobra.Command {
	cmd := group("registration-tokens", "Make, see and end tokens with which applications register themselves",
		c.registrationTokensCreate(), c.registrationTokensList(), c.registrationTokensEnd())
	cmd.Aliases = []string{"registration-token"}
	return cmd
}

// registrationTokenJSON is one as --json shows it; the keys are those of the REST
// API. The token is there only when it was just made.
type registrationTokenJSON struct {
	ID        string    `json:"id"`
	Token     string    `json:"token,omitempty"`
	Name      string    `json:"name"`
	Left      int64     `json:"uses_left"`
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

func showRegistrationToken(t gatehouse.RegistrationToken) registrationTokenJSON {
	return registrationTokenJSON{ID: t.ID, Name: t.Name, Left: t.Left, CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt}
}

func (c *cli) registrationTokensCreate() *cobra.Command {
	var name string
	var uses int64
	var life time.Duration
	cmd := c.dataCommand(data{
		use: "create --name NAME", short: "Make an initial access token, with which an application registers itself",
		long: `Makes an initial access token (RFC 7591) and prints it, this once. Whoever has it
registers as many applications at /oauth/register as --uses says, if the
configuration file allows that (registration: {by: token}).`,
		example: "  gatehouse registration-tokens create --name 'team wiki' --uses 1 --expires-in 24h",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			var made registrationTokenJSON
			err := t.Store.Update(ctx, func(tx *store.Tx) error {
				secret, token, err := op.NewRegistrationToken(tx, c.operator(), gatehouse.RegistrationToken{Name: name, Left: uses, ExpiresAt: tx.Now().Add(life)})
				made = showRegistrationToken(token)
				made.Token = secret
				return err
			})
			if err != nil {
				return err
			}
			return c.print(made, func(p *printer) { p.line("%s", made.Token) })
		},
	})
	cmd.Flags().StringVar(&name, "name", "", "what it is for")
	cmd.Flags().Int64Var(&uses, "uses", 1, "how many applications may be registered with it")
	cmd.Flags().DurationVar(&life, "expires-in", store.RegistrationLife, "how long it is good, at most 8760h")
	return cmd
}

func (c *cli) registrationTokensList() *cobra.Command {
	return c.dataCommand(data{
		use: "list", short: "List the tokens that are still good", long: "List the initial access tokens that are still good for something, never the tokens themselves.",
		example: "  gatehouse registration-tokens list --json",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			all := []registrationTokenJSON{}
			err := t.Store.View(ctx, func(tx *store.Tx) error {
				found, err := tx.RegistrationTokens()
				all = each(found, showRegistrationToken)
				return err
			})
			if err != nil {
				return err
			}
			return c.print(all, func(p *printer) {
				p.table("There are none.", []string{"ID", "NAME", "USES LEFT", "CREATED BY", "CREATED", "EXPIRES"}, each(all, func(t registrationTokenJSON) []string {
					return []string{t.ID, t.Name, strconv.FormatInt(t.Left, 10), t.CreatedBy, p.when(t.CreatedAt), p.when(t.ExpiresAt)}
				}))
			})
		},
	})
}

func (c *cli) registrationTokensEnd() *cobra.Command {
	return c.dataCommand(data{
		use: "end ID", short: "End a token at once", long: "End an initial access token at once. Applications that registered with it stay.",
		example: "  gatehouse registration-tokens end 0199c2b1-7c2e-7d31-9c55-0b8a3e0f2d11", args: exactly("ID"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			err := t.Store.Update(ctx, func(tx *store.Tx) error { return op.EndRegistrationToken(tx, c.operator(), args[0]) })
			if err != nil {
				return err
			}
			return c.print(map[string]string{"ended": args[0]}, func(p *printer) { p.line("The token is ended.") })
		},
	})
}
