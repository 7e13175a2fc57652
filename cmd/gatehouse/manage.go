package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/op"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

func (c *cli) usersEndSessions() *cobra.Command {
	return c.dataCommand(data{
		use: "end-sessions USER", short: "Sign a user out everywhere", long: "Sign a user out everywhere. Tokens of apps go on; block the user to end those.\n\n" + whichUser,
		example: "  gatehouse users end-sessions li.na", args: exactly("USER"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			return c.withUser(ctx, t, args[0], "is signed out everywhere", func(tx *store.Tx, u gatehouse.User) error {
				_, err := t.Sessions.EndOthers(tx, c.operator(), u.ID, "")
				return err
			})
		},
	})
}

func (c *cli) usersDisconnect() *cobra.Command {
	return c.dataCommand(data{
		use: "disconnect USER IDENTITY", short: "Take an identity from a user, who signs in by it no more",
		long:    "Take an identity from a user, who signs in by it no more. Sessions that came by its connection end.\nIDENTITY is its id, which show prints.\n\n" + whichUser,
		example: "  gatehouse users disconnect li.na 0199c2b1-7c2e-7d31-9c55-0b8a3e0f2d11", args: exactly("USER", "IDENTITY"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			return c.withUser(ctx, t, args[0], "has the identity no more", func(tx *store.Tx, u gatehouse.User) error {
				return missing(t.Users.RemoveIdentity(tx, c.operator(), u.ID, args[1]), "%s has no identity with the id %s; gatehouse users show lists them", u.Username, args[1])
			})
		},
	})
}

func (c *cli) usersVerifyEmail() *cobra.Command {
	return c.dataCommand(data{
		use: "verify-email USER ADDRESS", short: "Mail a user the link to verify an address",
		long:    "Mail a user the link to verify an address of theirs. The running server sends it.\n\n" + whichUser,
		example: "  gatehouse users verify-email li.na li.na@example.com", args: exactly("USER", "ADDRESS"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			if !t.MailReady() {
				return errNoMail
			}
			return c.withUser(ctx, t, args[0], "gets the link by mail", func(tx *store.Tx, u gatehouse.User) error {
				return missing(t.Self.SendProof(tx, c.operator(), u.ID, args[1], u.Locale), "%s does not have the address %s", u.Username, args[1])
			})
		},
	})
}

// applicationJSON is an app that may act for a user as --json shows one; the
// keys are those of the REST API.
type applicationJSON struct {
	ClientID string    `json:"client_id"`
	Name     string    `json:"name"`
	Asked    bool      `json:"asked"` // false: it is trusted
	Scopes   []string  `json:"scopes"`
	Tokens   bool      `json:"tokens"` // that are good now
	At       time.Time `json:"at"`
}

func (c *cli) usersApplications() *cobra.Command {
	return c.dataCommand(data{
		use: "applications USER", short: "List the apps that may act for a user",
		long:    "List the apps that may act for a user: those they allowed something, and those that have tokens.\n\n" + whichUser,
		example: "  gatehouse users applications li.na", args: exactly("USER"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var all []applicationJSON
			err := t.Store.View(ctx, func(tx *store.Tx) error {
				u, err := findUser(tx, args[0])
				if err != nil {
					return err
				}
				found, err := op.Applications(tx, u.ID)
				all = each(found, func(a op.Application) applicationJSON {
					return applicationJSON{ClientID: a.Client.ID, Name: a.Client.Name, Asked: a.Scopes != nil, Scopes: append([]string{}, a.Scopes...), Tokens: a.Tokens, At: a.At}
				})
				return err
			})
			if err != nil {
				return err
			}
			return c.print(all, func(p *printer) {
				p.table("There are none.", []string{"APPLICATION", "NAME", "ALLOWED", "SINCE", "HAS TOKENS"}, each(all, func(a applicationJSON) []string {
					allowed := strings.Join(a.Scopes, " ")
					if !a.Asked {
						allowed = "not asked: it is trusted"
					}
					return []string{a.ClientID, a.Name, allowed, p.when(a.At), yes(a.Tokens)}
				}))
			})
		},
	})
}

func (c *cli) usersWithdraw() *cobra.Command {
	return c.dataCommand(data{
		use: "withdraw USER APPLICATION", short: "Take back all that a user allowed an app; its tokens for them end",
		long:    "Take back all that a user allowed an app; its tokens for them end. APPLICATION is the id that\ngatehouse users applications lists.\n\n" + whichUser,
		example: "  gatehouse users withdraw li.na board", args: exactly("USER", "APPLICATION"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			return c.withUser(ctx, t, args[0], "has nothing allowed to "+fmt.Sprintf("%q", args[1])+" any more", func(tx *store.Tx, u gatehouse.User) error {
				return missing(op.Withdraw(tx, c.operator(), u.ID, args[1]), "the application %s may do nothing for %s; gatehouse users applications lists those that may", args[1], u.Username)
			})
		},
	})
}
