package main

import (
	"context"
	"errors"
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

// person is a user with what belongs to them.
type person struct {
	userJSON
	Origin     *decisionJSON  `json:"origin,omitempty"` // by which the account came to be
	Emails     []emailJSON    `json:"emails"`           // besides the primary one
	Identities []identityJSON `json:"identities"`
	Accounts   []ownAccount   `json:"accounts"`
	Merges     []mergeJSON    `json:"merges"`
	Sessions   int            `json:"sessions"`
}

type emailJSON struct {
	Address   string    `json:"address"`
	Verified  bool      `json:"verified"`
	CreatedAt time.Time `json:"created_at"`
}

type identityJSON struct {
	Connection string            `json:"connection"`
	Subject    string            `json:"subject"`
	Aliases    map[string]string `json:"aliases,omitempty"`
	Username   string            `json:"username"`
	Name       string            `json:"name"`
	LastUsedAt time.Time         `json:"last_used_at,omitzero"`
}

type ownAccount struct {
	Connector string `json:"connector"`
	ID        string `json:"id"`
	Username  string `json:"username"`
	State     string `json:"state"`
	MatchedBy string `json:"matched_by"`
}

func (c *cli) usersShow() *cobra.Command {
	return c.dataCommand(data{
		use: "show USER", short: "Show a user: identities, accounts, and why the account came to be", long: whichUser,
		example: "  gatehouse users show li.na\n  gatehouse users show 1000000002 --json", args: exactly("USER"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var found person
			err := t.Store.View(ctx, func(tx *store.Tx) error {
				u, err := findUser(tx, args[0])
				if err == nil {
					found, err = readPerson(tx, u)
				}
				return err
			})
			if err != nil {
				return err
			}
			return c.print(found, func(p *printer) { showPerson(p, found) })
		},
	})
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

func readPerson(tx *store.Tx, u gatehouse.User) (person, error) {
	out := person{userJSON: showUser(u), Emails: []emailJSON{}, Identities: []identityJSON{}, Accounts: []ownAccount{}}
	names, err := connectionNames(tx)
	if err != nil {
		return out, err
	}
	identities, err := tx.Identities(u.ID)
	if err != nil {
		return out, fmt.Errorf("read the identities: %w", err)
	}
	for _, i := range identities {
		out.Identities = append(out.Identities, identityJSON{names[i.ConnectionID], i.Subject, i.Aliases, i.Profile.Username, i.Profile.Name, i.LastUsedAt})
	}
	if out.Accounts, err = accountsOf(tx, u.ID); err != nil {
		return out, err
	}
	emails, err := tx.Emails(u.ID)
	if err != nil {
		return out, fmt.Errorf("read the addresses: %w", err)
	}
	for _, e := range emails {
		out.Emails = append(out.Emails, emailJSON{e.Address, e.Verified, e.CreatedAt})
	}
	sessions, err := tx.Sessions(u.ID)
	if err != nil {
		return out, fmt.Errorf("read the sessions: %w", err)
	}
	out.Sessions = len(sessions)
	if out.Merges, err = mergesOf(tx, u.ID); err != nil {
		return out, err
	}
	out.Origin, err = originOf(tx, u, names)
	return out, err
}

// originOf is nil for an account that was made by hand.
func originOf(tx *store.Tx, u gatehouse.User, connections map[string]string) (*decisionJSON, error) {
	if u.Provenance == "" {
		return nil, nil //nolint:nilnil // nothing is an answer
	}
	d, err := tx.Decision(u.Provenance)
	if errors.Is(err, gatehouse.NotFound) {
		return nil, nil //nolint:nilnil // cleared away since
	}
	if err != nil {
		return nil, fmt.Errorf("read the decision %s: %w", u.Provenance, err)
	}
	shown := showDecision(d, connections, u.Username)
	return &shown, nil
}

func connectionNames(tx *store.Tx) (map[string]string, error) {
	all, err := tx.Connections()
	names := make(map[string]string, len(all))
	for _, c := range all {
		names[c.ID] = c.Name
	}
	return names, err
}

func accountsOf(tx *store.Tx, userID string) ([]ownAccount, error) {
	found, err := tx.AccountsOf(userID)
	if err != nil {
		return nil, fmt.Errorf("read the accounts: %w", err)
	}
	connectors, err := tx.Connectors()
	if err != nil {
		return nil, fmt.Errorf("read the connectors: %w", err)
	}
	keys := map[string]string{}
	for _, c := range connectors {
		keys[c.ID] = c.Key
	}
	return each(found, func(a gatehouse.Account) ownAccount {
		return ownAccount{keys[a.ConnectorID], a.ID, a.Username, a.State, a.Match}
	}), nil
}

// addresses are those besides the primary one, with a word for those that are
// not verified.
func addresses(all []emailJSON) string {
	return strings.Join(each(all, func(e emailJSON) string {
		return address(gatehouse.User{Email: e.Address, EmailVerified: e.Verified})
	}), ", ")
}

func showPerson(p *printer, u person) {
	p.fields([][2]string{
		{"Number", fmt.Sprint(u.Number)},
		{"Username", u.Username},
		{"Name", u.Name},
		{"E-mail", address(gatehouse.User{Email: u.Email, EmailVerified: u.EmailVerified})},
		{"More addresses", addresses(u.Emails)},
		{"Job title", u.JobTitle},
		{"Organization", u.Organization},
		{"Location", u.Location},
		{"State", u.State},
		{"Role", u.Role},
		{"External", yes(u.External)},
		{"Id", u.ID},
		{"Created", p.when(u.CreatedAt)},
		{"Last sign-in", p.when(u.LastSignInAt)},
		{"Sessions", fmt.Sprint(u.Sessions)},
	}...)
	if u.Origin != nil {
		p.line("\nThe account came to be by the decision %s (rule %s): %s", u.Origin.Reference, u.Origin.Rule, u.Origin.Reason)
	} else {
		p.line("\nThe account was made by hand.")
	}
	p.line("")
	p.table("No identities.", []string{"CONNECTION", "SUBJECT", "USERNAME THERE", "NAME THERE", "LAST USED"}, each(u.Identities, func(i identityJSON) []string {
		return []string{i.Connection, i.Subject, i.Username, i.Name, p.when(i.LastUsedAt)}
	}))
	p.line("")
	if len(u.Merges) > 0 {
		p.table("", []string{"MERGE", "KEPT", "WENT", "MERGED", "SPLIT"}, each(u.Merges, func(m mergeJSON) []string {
			return []string{m.ID, m.Kept, m.Gone, p.when(m.MergedAt), p.when(m.SplitAt)}
		}))
		p.line("")
	}
	p.table("No accounts in connected apps.", []string{"CONNECTOR", "ACCOUNT", "USERNAME THERE", "STATE", "MATCHED BY"}, each(u.Accounts, func(a ownAccount) []string {
		return []string{a.Connector, a.ID, a.Username, a.State, a.MatchedBy}
	}))
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
	return c.print(showUser(u), func(p *printer) { p.line("%s (%d) "+done+".", u.Username, u.Number) })
}

// each makes something of every item; the result is never nil.
func each[A, B any](all []A, to func(A) B) []B {
	out := make([]B, 0, len(all))
	for _, a := range all {
		out = append(out, to(a))
	}
	return out
}
