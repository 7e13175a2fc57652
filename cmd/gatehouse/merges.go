package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// mergeJSON is a merge as --json shows one.
type mergeJSON struct {
	ID       string    `json:"id"`
	Kept     string    `json:"kept"` // usernames
	Gone     string    `json:"gone"`
	MergedAt time.Time `json:"merged_at"`
	SplitAt  time.Time `json:"split_at,omitzero"`
}

func showMerge(tx *store.Tx, m gatehouse.Merge) (mergeJSON, error) {
	keep, err := tx.User(m.KeptID)
	if err != nil {
		return mergeJSON{}, fmt.Errorf("read user %s: %w", m.KeptID, err)
	}
	gone, err := tx.User(m.GoneID)
	if err != nil {
		return mergeJSON{}, fmt.Errorf("read user %s: %w", m.GoneID, err)
	}
	return mergeJSON{ID: m.ID, Kept: keep.Username, Gone: gone.Username, MergedAt: m.At, SplitAt: m.SplitAt}, nil
}

func mergesOf(tx *store.Tx, userID string) ([]mergeJSON, error) {
	all, err := tx.Merges(userID)
	if err != nil {
		return nil, fmt.Errorf("read the merges: %w", err)
	}
	shown := []mergeJSON{}
	for _, m := range all {
		one, err := showMerge(tx, m)
		if err != nil {
			return nil, err
		}
		shown = append(shown, one)
	}
	return shown, nil
}

// planJSON is what a merge would do, as --json shows it.
type planJSON struct {
	Kept       string   `json:"kept"` // usernames
	Gone       string   `json:"gone"`
	Identities []string `json:"identities"` // connection: subject
	Emails     []string `json:"emails"`
	Accounts   []string `json:"accounts"`     // connector: id
	Consents   []string `json:"consents"`     // ids of clients
	Clients    []string `json:"clients"`      // that go on to see the number of the one who goes
	Torn       []string `json:"torn_clients"` // that know both
	Sessions   int      `json:"sessions"`     // that end
}

func showPlan(tx *store.Tx, p users.MergePlan) (planJSON, error) {
	connections, err := connectionNames(tx)
	if err != nil {
		return planJSON{}, fmt.Errorf("read the connections: %w", err)
	}
	connectors, err := tx.Connectors()
	keys := map[string]string{}
	for _, c := range connectors {
		keys[c.ID] = c.Key
	}
	same := func(s string) string { return s }
	return planJSON{
		Kept: p.Keep.Username, Gone: p.Gone.Username, Sessions: p.Sessions,
		Identities: each(p.Identities, func(i gatehouse.Identity) string { return connections[i.ConnectionID] + ": " + i.Subject }),
		Emails:     each(p.Emails, func(e gatehouse.Email) string { return e.Address }),
		Accounts:   each(p.Accounts, func(a gatehouse.AccountReference) string { return keys[a.ConnectorID] + ": " + a.ID }),
		Consents:   each(p.Consents, func(c gatehouse.Consent) string { return c.ClientID }),
		Clients:    each(p.Clients, same), Torn: each(p.Torn, same),
	}, err
}

func printPlan(p *printer, plan planJSON) {
	list := func(all []string) string {
		if len(all) == 0 {
			return "–"
		}
		return strings.Join(all, ", ")
	}
	p.fields([][2]string{
		{"Stays", plan.Kept},
		{"Goes", plan.Gone},
		{"Identities", list(plan.Identities)},
		{"Addresses", list(plan.Emails)},
		{"Accounts", list(plan.Accounts)},
		{"Allowed apps", list(plan.Consents)},
		{"Apps that keep the number", list(plan.Clients)},
		{"Apps that know both", list(plan.Torn)},
		{"Sessions that end", fmt.Sprint(plan.Sessions)},
	}...)
}

func (c *cli) usersMerge() *cobra.Command {
	var dryRun bool
	cmd := c.dataCommand(data{
		use: "merge KEEP GONE", short: "Make one user of two who are one person",
		long: `Make one user of two who are one person: KEEP gets the identities, addresses, accounts
in apps and consents of GONE, whose sessions and tokens end. Users are split again with
gatehouse users split.

` + whichUser,
		example: "  gatehouse users merge li.na na.li --dry-run\n  gatehouse users merge li.na na.li", args: exactly("KEEP", "GONE"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			if dryRun {
				return c.planMerge(ctx, t, args)
			}
			return c.merge(ctx, t, args)
		},
	})
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would move")
	return cmd
}

func findBoth(tx *store.Tx, args []string) (keep, gone gatehouse.User, err error) {
	if keep, err = findUser(tx, args[0]); err != nil {
		return keep, gone, err
	}
	gone, err = findUser(tx, args[1])
	return keep, gone, err
}

func (c *cli) planMerge(ctx context.Context, t *server.Tools, args []string) error {
	var plan planJSON
	err := t.Store.View(ctx, func(tx *store.Tx) error {
		keep, gone, err := findBoth(tx, args)
		if err != nil {
			return err
		}
		p, err := t.Users.PlanMerge(tx, c.operator(), keep.ID, gone.ID)
		if err != nil {
			return err
		}
		plan, err = showPlan(tx, p)
		return err
	})
	if err != nil {
		return err
	}
	return c.print(plan, func(p *printer) { printPlan(p, plan) })
}

func (c *cli) merge(ctx context.Context, t *server.Tools, args []string) error {
	return c.tellMerge(ctx, t, "%s was merged into %s. To undo it: gatehouse users split %s", func(tx *store.Tx) (gatehouse.Merge, error) {
		keep, gone, err := findBoth(tx, args)
		if err != nil {
			return gatehouse.Merge{}, err
		}
		return t.Users.Merge(tx, c.operator(), keep.ID, gone.ID)
	})
}

// tellMerge does something to a merge, and says by the sentence who went, who
// stayed and which merge it is.
func (c *cli) tellMerge(ctx context.Context, t *server.Tools, sentence string, do func(tx *store.Tx) (gatehouse.Merge, error)) error {
	var shown mergeJSON
	err := t.Store.Update(ctx, func(tx *store.Tx) error {
		m, err := do(tx)
		if err != nil {
			return err
		}
		shown, err = showMerge(tx, m)
		return err
	})
	if err != nil {
		return err
	}
	return c.print(shown, func(p *printer) { p.line(sentence, shown.Gone, shown.Kept, shown.ID) })
}

func (c *cli) usersSplit() *cobra.Command {
	return c.dataCommand(data{
		use: "split MERGE", short: "Undo a merge",
		long: `Undo a merge, by the id that gatehouse users show prints. What was moved and is there
still goes back. Sessions and tokens of the user who was kept end as far as they began
since the merge, since they may be the other's.`,
		example: "  gatehouse users split 0191a2b3-c4d5-7e6f-8091-a2b3c4d5e6f7", args: exactly("MERGE"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			return c.tellMerge(ctx, t, "%s and %s are two users again (merge %s).", func(tx *store.Tx) (gatehouse.Merge, error) {
				m, err := t.Users.Split(tx, c.operator(), args[0])
				return m, missing(err, "no merge has the id %s; gatehouse users show USER lists those of a user", args[0])
			})
		},
	})
}
