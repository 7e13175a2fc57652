package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

// person is a user with what belongs to them.
type person struct {
	userJSON
	PausedUntil time.Time      `json:"paused_until,omitzero"` // after wrong tries at passwords or codes
	Origin      *decisionJSON  `json:"origin,omitempty"`      // by which the account came to be
	Emails      []emailJSON    `json:"emails"`                // the primary one first
	Identities  []identityJSON `json:"identities"`
	Accounts    []ownAccount   `json:"accounts"`
	Merges      []mergeJSON    `json:"merges"`
	Sessions    int            `json:"sessions"`
}

type emailJSON struct {
	Address   string    `json:"address"`
	Verified  bool      `json:"verified"`
	Primary   bool      `json:"primary"`
	CreatedAt time.Time `json:"created_at,omitzero"` // of an additional one
}

type identityJSON struct {
	ID         string            `json:"id"`
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
				if err == nil {
					found.PausedUntil, err = t.Local.PausedUntil(tx, u.ID)
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

func readPerson(tx *store.Tx, u gatehouse.User) (person, error) {
	out := person{userJSON: showUser(u), Identities: []identityJSON{}, Accounts: []ownAccount{}}
	names, err := connectionNames(tx)
	if err != nil {
		return out, err
	}
	identities, err := tx.Identities(u.ID)
	if err != nil {
		return out, fmt.Errorf("read the identities: %w", err)
	}
	for _, i := range identities {
		out.Identities = append(out.Identities, identityJSON{i.ID, names[i.ConnectionID], i.Subject, i.Aliases, i.Profile.Username, i.Profile.Name, i.LastUsedAt})
	}
	if out.Emails, err = emailsOf(tx, u); err != nil {
		return out, err
	}
	if out.Accounts, err = accountsOf(tx, u.ID); err != nil {
		return out, err
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

// emailsOf are all addresses of a user, the primary one first.
func emailsOf(tx *store.Tx, u gatehouse.User) ([]emailJSON, error) {
	all := []emailJSON{}
	if u.Email != "" {
		all = append(all, emailJSON{Address: u.Email, Verified: u.EmailVerified, Primary: true})
	}
	more, err := tx.Emails(u.ID)
	if err != nil {
		return nil, fmt.Errorf("read the addresses: %w", err)
	}
	for _, e := range more {
		all = append(all, emailJSON{Address: e.Address, Verified: e.Verified, CreatedAt: e.CreatedAt})
	}
	return all, nil
}

// also are the additional addresses, for people to read.
func also(all []emailJSON) string {
	var more []string
	for _, e := range all {
		if !e.Primary {
			more = append(more, address(gatehouse.User{Email: e.Address, EmailVerified: e.Verified}))
		}
	}
	return strings.Join(more, ", ")
}

// paused is until when nothing can be tried, "" when it can.
func paused(p *printer, until time.Time) string {
	if until.IsZero() {
		return ""
	}
	return "until " + p.when(until) + ", after wrong tries"
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

func showPerson(p *printer, u person) {
	p.fields([][2]string{
		{"Number", fmt.Sprint(u.Number)},
		{"Username", u.Username},
		{"Name", u.Name},
		{"E-mail", address(gatehouse.User{Email: u.Email, EmailVerified: u.EmailVerified})},
		{"More addresses", also(u.Emails)},
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
		{"Paused", paused(p, u.PausedUntil)},
	}...)
	if u.Origin != nil {
		p.line("\nThe account came to be by the decision %s (rule %s): %s", u.Origin.Reference, u.Origin.Rule, u.Origin.Reason)
	} else {
		p.line("\nThe account was made by hand.")
	}
	p.line("")
	p.table("No identities.", []string{"CONNECTION", "SUBJECT", "USERNAME THERE", "NAME THERE", "LAST USED", "IDENTITY"}, each(u.Identities, func(i identityJSON) []string {
		return []string{i.Connection, i.Subject, i.Username, i.Name, p.when(i.LastUsedAt), i.ID}
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
