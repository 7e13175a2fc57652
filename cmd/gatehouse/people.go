package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// userAnswer is one of the answers to somebody who waits for approval.
type userAnswer func(tx *store.Tx, by gatehouse.Actor, userID string, a users.Answer) error

type answer struct {
	verb, short, done string
	do                func(*server.Tools) userAnswer
}

func (c *cli) answerUser(an answer) *cobra.Command {
	var reason string
	cmd := c.dataCommand(data{
		use: an.verb + " USER", short: an.short,
		long:    an.short + ". The person gets a mail, if they have an address and mail is set up.\n\n" + whichUser,
		example: "  gatehouse users " + an.verb + " li.na\n  gatehouse users " + an.verb + ` li.na --reason "Talked to her team"`, args: exactly("USER"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			return c.withUser(ctx, t, args[0], an.done, func(tx *store.Tx, u gatehouse.User) error {
				return an.do(t)(tx, c.operator(), u.ID, users.Answer{Reason: reason})
			})
		},
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the person to read")
	return cmd
}

// noRole is what takes a role.
const noRole = "none"

func (c *cli) usersRole() *cobra.Command {
	return c.dataCommand(data{
		use: "role USER ROLE", short: "Give a user a role on the dashboard, or take it",
		long:    "Give a user a role on the dashboard: super_administrator, connector_administrator or auditor; none takes it.\n\n" + whichUser,
		example: "  gatehouse users role li.na auditor\n  gatehouse users role li.na none", args: exactly("USER", "ROLE"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			role, err := adminRole(args[1])
			if err != nil {
				return err
			}
			return c.withUser(ctx, t, args[0], "has the role "+args[1]+" now", func(tx *store.Tx, u gatehouse.User) error {
				return t.Users.SetRole(tx, c.operator(), u.ID, role)
			})
		},
	})
}

func adminRole(name string) (gatehouse.AdminRole, error) {
	if name == noRole {
		return gatehouse.RoleNone, nil
	}
	for _, r := range users.Roles() {
		if r != gatehouse.RoleNone && string(r) == name {
			return r, nil
		}
	}
	return "", usageError{fmt.Errorf("%s is not one of super_administrator, connector_administrator, auditor and none", name)}
}

// inviteJSON is a one-time link as --json shows it.
type inviteJSON struct {
	Address string `json:"address,omitempty"` // absent when it was mailed
	Mailed  bool   `json:"mailed"`
}

func (c *cli) usersInvite() *cobra.Command {
	var byMail bool
	cmd := c.dataCommand(data{
		use: "invite USER", short: "Make a one-time link for a user who has no way to sign in yet",
		long: `Make a one-time link for a user who has no way to sign in yet. Whoever opens it first
is signed in as the user, within seven days: hand it over by a way that only they
read, or have it mailed with --mail.

` + whichUser,
		example: "  gatehouse users invite li.na\n  gatehouse users invite li.na --mail", args: exactly("USER"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			if byMail && !t.MailReady() {
				return errNoMail
			}
			made := inviteJSON{Mailed: byMail}
			err := t.Store.Update(ctx, func(tx *store.Tx) error {
				u, err := findUser(tx, args[0])
				if err != nil {
					return err
				}
				if byMail {
					return t.SignIn.InviteByMail(tx, c.operator(), u.ID)
				}
				made.Address, err = t.SignIn.Invite(tx, c.operator(), u.ID)
				return err
			})
			if err != nil {
				return err
			}
			return c.print(made, func(p *printer) {
				if byMail {
					p.line("The link is on its way by mail.")
					return
				}
				p.line("%s", made.Address)
			})
		},
	})
	cmd.Flags().BoolVar(&byMail, "mail", false, "mail the link to the user's address instead of printing it")
	return cmd
}

var errNoMail = errors.New("mail is not set up, so nothing can be mailed; set it up under smtp in the configuration")
