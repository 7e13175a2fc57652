package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

func (c *cli) users() *cobra.Command {
	cmd := group("users", "See people, block them, let them in, make accounts by hand",
		c.usersList(), c.usersShow(), c.usersDryRun(),
		c.usersCreate(), c.usersResetPassword(), c.usersUnlock(),
		c.changeUser(change{
			verb: "block", short: "Keep a user out; all sessions and tokens end at once",
			do: func(t *server.Tools) userChange { return t.Users.Block }, done: "is blocked; all sessions and tokens have ended",
		}),
		c.changeUser(change{
			verb: "unblock", short: "Let a blocked user in again",
			do: func(t *server.Tools) userChange { return t.Users.Unblock }, done: "may sign in again",
		}),
		c.answerUser(answer{
			verb: "approve", short: "Let a user in who waits for approval", done: "is approved and may sign in",
			do: func(t *server.Tools) userAnswer { return t.Users.Approve },
		}),
		c.answerUser(answer{
			verb: "deny", short: "Turn a user away who waits for approval", done: "is denied; the account is blocked",
			do: func(t *server.Tools) userAnswer { return t.Users.Deny },
		}),
		c.usersRole(), c.usersInvite(), c.usersMerge(), c.usersSplit(),
		c.usersEndSessions(), c.usersDisconnect(), c.usersVerifyEmail(), c.usersApplications(), c.usersWithdraw(),
	)
	cmd.Aliases = []string{"user"}
	return cmd
}

// whichUser says how a user is named on the command line.
const whichUser = `A user is named by the username, by the number that apps see (1000000002), or by
the id of the row.`

// userJSON is a user as --json shows one; the keys are those of the REST API.
type userJSON struct {
	ID            string    `json:"id"`
	Number        int64     `json:"number"`
	Username      string    `json:"username"`
	Name          string    `json:"name"`
	Email         string    `json:"email"`
	EmailVerified bool      `json:"email_verified"`
	State         string    `json:"state"`
	Role          string    `json:"role"`
	JobTitle      string    `json:"job_title"`
	Organization  string    `json:"organization"`
	Location      string    `json:"location"`
	External      bool      `json:"external"`
	MergedInto    string    `json:"merged_into,omitempty"` // id
	CreatedAt     time.Time `json:"created_at"`
	LastSignInAt  time.Time `json:"last_sign_in_at,omitzero"`
}

func showUser(u gatehouse.User) userJSON {
	return userJSON{
		ID: u.ID, Number: u.Number, Username: u.Username, Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified,
		JobTitle: u.JobTitle, Organization: u.Organization, Location: u.Location,
		State: string(u.State), Role: string(u.Role), External: u.External, MergedInto: u.MergedInto, CreatedAt: u.CreatedAt, LastSignInAt: u.LastSignInAt,
	}
}

func (c *cli) usersList() *cobra.Command {
	var f store.UserFilter
	var state string
	cmd := c.dataCommand(data{
		use: "list", short: "List people, the newest first",
		example: "  gatehouse users list --state pending\n  gatehouse users list --search example.com --json",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			var err error
			if f.State, err = userState(state); err != nil {
				return err
			}
			var all []gatehouse.User
			err = t.Store.View(ctx, func(tx *store.Tx) error {
				all, err = every(func(at store.Cursor) (store.Page[gatehouse.User], error) { return tx.Users(f, at) })
				return err
			})
			if err != nil {
				return err
			}
			return c.print(each(all, showUser), func(p *printer) {
				p.table("Nobody was found.", []string{"NUMBER", "USERNAME", "NAME", "E-MAIL", "STATE", "ROLE", "LAST SIGN-IN"},
					each(all, func(u gatehouse.User) []string {
						return []string{fmt.Sprint(u.Number), u.Username, u.Name, address(u), string(u.State), string(u.Role), p.when(u.LastSignInAt)}
					}))
			})
		},
	})
	cmd.Flags().StringVar(&f.Search, "search", "", "part of the name, username or e-mail")
	cmd.Flags().StringVar(&state, "state", "", "active, pending, blocked, left or merged")
	return cmd
}

func userState(s string) (gatehouse.UserState, error) {
	switch state := gatehouse.UserState(s); state {
	case "", gatehouse.UserActive, gatehouse.UserPending, gatehouse.UserBlocked, gatehouse.UserLeft, gatehouse.UserMerged:
		return state, nil
	}
	return "", usageError{fmt.Errorf("--state %s is not one of active, pending, blocked, left and merged", s)}
}

func address(u gatehouse.User) string {
	if u.Email != "" && !u.EmailVerified {
		return u.Email + " (not verified)"
	}
	return u.Email
}

// findUser finds a user by number, id or username, which never look alike.
func findUser(tx *store.Tx, name string) (u gatehouse.User, err error) {
	number, errNumber := strconv.ParseInt(name, 10, 64)
	switch {
	case strings.HasPrefix(name, "@"):
		u, err = tx.UserByUsername(name[1:])
	case errNumber == nil && number >= gatehouse.FirstUserNumber:
		u, err = tx.UserByNumber(number)
	case uuid.Validate(name) == nil:
		u, err = tx.User(strings.ToLower(name))
	default:
		u, err = tx.UserByUsername(name)
	}
	return u, missing(err, "no user has the username, number or id %s; gatehouse users list --search shows who there is", name)
}

// userChange is one of the rules that change a user.
type userChange func(tx *store.Tx, by gatehouse.Actor, userID string) error

type change struct {
	verb, short, done string
	do                func(*server.Tools) userChange
}

func (c *cli) changeUser(ch change) *cobra.Command {
	return c.dataCommand(data{
		use: ch.verb + " USER", short: ch.short, long: ch.short + ".\n\n" + whichUser,
		example: "  gatehouse users " + ch.verb + " li.na", args: exactly("USER"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			return c.withUser(ctx, t, args[0], ch.done, func(tx *store.Tx, u gatehouse.User) error {
				return ch.do(t)(tx, c.operator(), u.ID)
			})
		},
	})
}

// withUser does one thing to a user, and tells how the user is then.
func (c *cli) withUser(ctx context.Context, t *server.Tools, name, done string, do func(tx *store.Tx, u gatehouse.User) error) error {
	var u gatehouse.User
	err := t.Store.Update(ctx, func(tx *store.Tx) (err error) {
		if u, err = findUser(tx, name); err != nil {
			return err
		}
		if err = do(tx, u); err != nil {
			return err
		}
		u, err = tx.User(u.ID)
		return err
	})
	if err != nil {
		return err
	}
	return c.print(showUser(u), func(p *printer) { p.line("%s (%d) %s.", u.Username, u.Number, done) })
}

// each makes something of every item; the result is never nil.
func each[A, B any](all []A, to func(A) B) []B {
	out := make([]B, 0, len(all))
	for _, a := range all {
		out = append(out, to(a))
	}
	return out
}
