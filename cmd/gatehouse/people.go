package main

import (
	"context"

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
