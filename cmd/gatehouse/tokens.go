package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/pats"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

func (c *cli) tokens() *cobra.Command {
	cmd := group("tokens", "Make, see and end personal access tokens", c.tokensCreate(), c.tokensList(), c.tokensRevoke())
	cmd.Aliases = []string{"token"}
	return cmd
}

// tokenJSON is a personal token as --json shows one; the keys are those of the
// REST API. The secret is there only when the token was just made.
type tokenJSON struct {
	ID         string    `json:"id"`
	Token      string    `json:"token,omitempty"`
	Username   string    `json:"username"`
	Name       string    `json:"name"`
	Hint       string    `json:"hint"`
	Scopes     []string  `json:"scopes"`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

func showToken(u gatehouse.User, t gatehouse.PersonalToken) tokenJSON {
	return tokenJSON{
		ID: t.ID, Username: u.Username, Name: t.Name, Hint: t.Hint, Scopes: t.Scopes,
		CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt,
	}
}

func (c *cli) tokensCreate() *cobra.Command {
	var user, name, scopes string
	var life time.Duration
	cmd := c.dataCommand(data{
		use: "create --user USER --name NAME --scopes SCOPES", short: "Make a personal access token for a user, for a first automation",
		long: `Makes a personal access token and prints it, this once. Whoever has it may do
what the user may, within the scopes: read_user (who the user is), read_api
(read), api (read and change).

` + whichUser,
		example: "  gatehouse tokens create --user li.na --name backup --scopes read_api --expires-in 720h",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			for _, needed := range []struct{ flag, value string }{{"--user", user}, {"--name", name}, {"--scopes", scopes}} {
				if needed.value == "" {
					return usageError{fmt.Errorf("%s is missing; see gatehouse tokens create --help", needed.flag)}
				}
			}
			var made tokenJSON
			err := t.Store.Update(ctx, func(tx *store.Tx) error {
				u, err := findUser(tx, user)
				if err != nil {
					return err
				}
				secret, p, err := (&pats.Tokens{Store: t.Store}).Make(tx, c.operator(), u.ID, pats.New{
					Name: name, Scopes: strings.FieldsFunc(scopes, func(r rune) bool { return r == ',' || r == ' ' }), Life: life,
				})
				made = showToken(u, p)
				made.Token = secret
				return err
			})
			if err != nil {
				return err
			}
			return c.print(made, func(p *printer) { p.line("%s", made.Token) })
		},
	})
	cmd.Flags().StringVar(&user, "user", "", "whose token it is")
	cmd.Flags().StringVar(&name, "name", "", "what it is for")
	cmd.Flags().StringVar(&scopes, "scopes", "", "read_user, read_api or api, several with commas between")
	cmd.Flags().DurationVar(&life, "expires-in", pats.DefaultLife, "how long it is good, at most 8760h")
	return cmd
}

func (c *cli) tokensList() *cobra.Command {
	return c.dataCommand(data{
		use: "list USER", short: "List the personal access tokens of a user", long: "List the personal access tokens of a user that are not revoked.\n\n" + whichUser,
		example: "  gatehouse tokens list li.na --json", args: exactly("USER"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			all := []tokenJSON{}
			err := t.Store.View(ctx, func(tx *store.Tx) error {
				u, err := findUser(tx, args[0])
				if err != nil {
					return err
				}
				found, err := tx.PersonalTokens(u.ID)
				all = each(found, func(p gatehouse.PersonalToken) tokenJSON { return showToken(u, p) })
				return err
			})
			if err != nil {
				return err
			}
			return c.print(all, func(p *printer) {
				p.table("There are none.", []string{"ID", "NAME", "ENDS WITH", "SCOPES", "CREATED", "EXPIRES", "LAST USED"}, each(all, func(t tokenJSON) []string {
					return []string{t.ID, t.Name, t.Hint, strings.Join(t.Scopes, " "), p.when(t.CreatedAt), p.when(t.ExpiresAt), p.when(t.LastUsedAt)}
				}))
			})
		},
	})
}

func (c *cli) tokensRevoke() *cobra.Command {
	return c.dataCommand(data{
		use: "revoke USER TOKEN", short: "End a personal access token at once", long: "End a personal access token at once. TOKEN is its id, which list shows.\n\n" + whichUser,
		example: "  gatehouse tokens revoke li.na 0199c2b1-7c2e-7d31-9c55-0b8a3e0f2d11", args: exactly("USER", "TOKEN"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var u gatehouse.User
			err := t.Store.Update(ctx, func(tx *store.Tx) (err error) {
				if u, err = findUser(tx, args[0]); err != nil {
					return err
				}
				return (&pats.Tokens{Store: t.Store}).Revoke(tx, c.operator(), u.ID, args[1])
			})
			if err != nil {
				return err
			}
			return c.print(map[string]string{"id": args[1], "username": u.Username}, func(p *printer) { p.line("The token of %s is revoked.", u.Username) })
		},
	})
}
