package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/reach"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

// findingJSON is something that a person should look at.
type findingJSON struct {
	ID            string    `json:"id"`
	Connector     string    `json:"connector"`
	Kind          string    `json:"kind"`
	State         string    `json:"state"`
	AccountID     string    `json:"account_id"`
	Resource      string    `json:"resource"`
	Subject       string    `json:"subject"`
	Why           string    `json:"why"`
	Advice        string    `json:"advice"`
	FirstSeenAt   time.Time `json:"first_seen_at"`
	EndedAt       time.Time `json:"ended_at,omitzero"`
	AnsweredBy    string    `json:"answered_by,omitempty"`
	Reason        string    `json:"reason,omitempty"`
	AnsweredUntil time.Time `json:"answered_until,omitzero"`
}

func (c *cli) accessFindings() *cobra.Command {
	var key, kind, state string
	cmd := withConnector(c.dataCommand(data{
		use: "findings", short: "Show what a person should look at in a connected app, and what to do about it",
		long: `Shows what a person should look at in a connected app, the newest first: accounts
of nobody or of people who left, groups without an owner, external people with
high roles and so on. They are worked out after each sync and every six hours.`,
		example: "  gatehouse access findings --connector gitlab --kind ownerless",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			if err := checkFindings(kind, state); err != nil {
				return err
			}
			var found []findingJSON
			err := t.Store.View(ctx, func(tx *store.Tx) (err error) {
				found, err = findings(tx, key, gatehouse.FindingKind(kind), store.FindingState(state))
				return err
			})
			if err != nil {
				return err
			}
			return c.print(found, func(p *printer) { printFindings(p, found) })
		},
	}), &key)
	cmd.Flags().StringVar(&kind, "kind", "", "only this kind: "+kindsOfFindings())
	cmd.Flags().StringVar(&state, "state", string(store.FindingOpen), "open, answered or ended")
	return cmd
}

func kindsOfFindings() string {
	return strings.Join(each(gatehouse.FindingKinds(), func(k gatehouse.FindingKind) string { return string(k) }), ", ")
}

func checkFindings(kind, state string) error {
	if kind != "" && !slices.Contains(gatehouse.FindingKinds(), gatehouse.FindingKind(kind)) {
		return usageError{fmt.Errorf("there is no kind of findings %q; there are: %s", kind, kindsOfFindings())}
	}
	if !slices.Contains([]store.FindingState{store.FindingOpen, store.FindingAnswered, store.FindingEnded}, store.FindingState(state)) {
		return usageError{fmt.Errorf("findings are open, answered or ended, not %q", state)}
	}
	return nil
}

func findings(tx *store.Tx, key string, kind gatehouse.FindingKind, state store.FindingState) ([]findingJSON, error) {
	of, err := findConnector(tx, key)
	if err != nil {
		return nil, err
	}
	all, err := every(func(at store.Cursor) (store.Page[gatehouse.Finding], error) {
		return tx.Findings(store.FindingFilter{ConnectorID: of.ID, Kind: kind, State: state}, at)
	})
	return each(all, func(f gatehouse.Finding) findingJSON {
		return findingJSON{
			f.ID, of.Key, string(f.Kind), string(store.StateOf(f, tx.Now())), f.AccountID, string(f.ResourceID), f.Subject, f.Why.Sentence(),
			reach.FindingAdvice(f.Kind).Sentence(), f.FirstSeenAt, f.EndedAt, f.Answer.By, f.Answer.Reason, f.Answer.Until,
		}
	}), err
}

func printFindings(p *printer, all []findingJSON) {
	rows := each(all, func(f findingJSON) []string {
		return []string{f.Kind, f.Subject, f.Why, f.Advice, p.when(f.FirstSeenAt)}
	})
	p.table("Nothing.", []string{"KIND", "SUBJECT", "WHAT", "WHAT TO DO", "SINCE"}, rows)
}
