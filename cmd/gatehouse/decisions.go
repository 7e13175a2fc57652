package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

func (c *cli) decisions() *cobra.Command {
	return group("decisions", "See what was decided at a sign-in, and why", c.decisionsShow())
}

// decisionJSON is a decision as --json shows one.
type decisionJSON struct {
	ID         string            `json:"id"`
	Reference  string            `json:"reference"`
	At         time.Time         `json:"at"`
	Outcome    string            `json:"outcome"`
	Rule       string            `json:"rule"`
	Reason     string            `json:"reason"`
	Connection string            `json:"connection"`
	Subject    string            `json:"subject"`
	UserID     string            `json:"user_id"`
	Username   string            `json:"username"`
	Address    string            `json:"address"`
	Facts      map[string]string `json:"facts"`
}

func showDecision(d gatehouse.Decision, connections map[string]string, username string) decisionJSON {
	return decisionJSON{
		ID: d.ID, Reference: d.Reference, At: d.At, Outcome: string(d.Outcome), Rule: d.Rule, Reason: reason(d),
		Connection: connections[d.ConnectionID], Subject: d.Subject, UserID: d.UserID, Username: username, Address: d.Address, Facts: d.Facts,
	}
}

// reason is a decision's sentence with its values.
func reason(d gatehouse.Decision) string {
	return i18n.Text(context.Background(), d.Reason, each(d.Args, func(a string) any { return a })...)
}

func (c *cli) decisionsShow() *cobra.Command {
	return c.dataCommand(data{
		use: "show REFERENCE", short: "Show a decision by the reference that a person was shown, or by its id",
		example: "  gatehouse decisions show 7KQ2M4XW", args: exactly("REFERENCE"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var found decisionJSON
			err := t.Store.View(ctx, func(tx *store.Tx) (err error) {
				found, err = readDecision(tx, args[0])
				return err
			})
			if err != nil {
				return err
			}
			return c.print(found, func(p *printer) { printDecision(p, found) })
		},
	})
}

func readDecision(tx *store.Tx, reference string) (decisionJSON, error) {
	d, err := tx.Decision(reference)
	if err != nil {
		return decisionJSON{}, missing(err, "no decision has the reference %s", reference)
	}
	names, err := connectionNames(tx)
	if err != nil {
		return decisionJSON{}, err
	}
	if d.UserID == "" {
		return showDecision(d, names, ""), nil
	}
	u, err := tx.User(d.UserID) // an account that nobody approved is gone, and the decision about it stays
	if err != nil && !errors.Is(err, gatehouse.NotFound) {
		return decisionJSON{}, fmt.Errorf("read the user %s: %w", d.UserID, err)
	}
	return showDecision(d, names, u.Username), nil
}

func printDecision(p *printer, d decisionJSON) {
	p.fields([][2]string{
		{"Reference", d.Reference},
		{"Outcome", d.Outcome},
		{"Reason", d.Reason},
		{"Rule", d.Rule},
		{"At", p.when(d.At)},
		{"Connection", d.Connection},
		{"Subject there", d.Subject},
		{"User", d.Username},
		{"Browser's address", d.Address},
		{"Id", d.ID},
	}...)
	if len(d.Facts) == 0 {
		return
	}
	p.line("\nWhat came and what was found:")
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(d.Facts)) {
		rows = append(rows, []string{"  " + name, d.Facts[name]})
	}
	p.rows(rows)
}
