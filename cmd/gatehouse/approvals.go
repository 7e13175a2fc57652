package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

func (c *cli) approvals() *cobra.Command {
	return group("approvals", "See who asked for an account, and what was answered", c.approvalsList())
}

// approvalJSON is a request for an account as --json shows one; the keys are
// those of the REST API.
type approvalJSON struct {
	ID          string    `json:"id"`
	UserID      string    `json:"user_id"`
	Number      int64     `json:"number"`
	Username    string    `json:"username"`
	Name        string    `json:"name"`
	Email       string    `json:"email"`
	Connection  string    `json:"connection"`
	Message     string    `json:"message"`
	Verdict     string    `json:"verdict"`
	Reason      string    `json:"reason"`
	DecidedBy   string    `json:"decided_by"`
	RequestedAt time.Time `json:"requested_at"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	DecidedAt   time.Time `json:"decided_at,omitzero"`
}

// waits is the verdict of those who have none.
const waits = "waiting"

func (c *cli) approvalsList() *cobra.Command {
	var verdict string
	cmd := c.dataCommand(data{
		use: "list", short: "List requests for approval, the newest first",
		long: `List requests for approval, the newest first: those that wait for an answer, or with
--verdict others. They are answered by gatehouse users approve and gatehouse users deny.`,
		example: "  gatehouse approvals list\n  gatehouse approvals list --verdict denied --json",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			f, err := approvalFilter(verdict)
			if err != nil {
				return err
			}
			var all []approvalJSON
			err = t.Store.View(ctx, func(tx *store.Tx) error {
				all, err = readApprovals(tx, f)
				return err
			})
			if err != nil {
				return err
			}
			return c.print(all, func(p *printer) { printApprovals(p, verdict, all) })
		},
	})
	cmd.Flags().StringVar(&verdict, "verdict", waits, "waiting, approved, denied, expired, withdrawn or any")
	return cmd
}

func approvalFilter(verdict string) (store.ApprovalFilter, error) {
	switch v := gatehouse.Verdict(verdict); v {
	case waits:
		return store.ApprovalFilter{}, nil
	case "any":
		return store.ApprovalFilter{All: true}, nil
	case gatehouse.VerdictApproved, gatehouse.VerdictDenied, gatehouse.VerdictExpired, gatehouse.VerdictWithdrawn:
		return store.ApprovalFilter{Verdict: v}, nil
	case gatehouse.VerdictOpen:
	}
	return store.ApprovalFilter{}, usageError{fmt.Errorf("--verdict %s is not one of waiting, approved, denied, expired, withdrawn and any", verdict)}
}

func readApprovals(tx *store.Tx, f store.ApprovalFilter) ([]approvalJSON, error) {
	found, err := every(func(at store.Cursor) (store.Page[gatehouse.Approval], error) { return tx.Approvals(f, at) })
	if err != nil {
		return nil, fmt.Errorf("read the requests: %w", err)
	}
	names, err := connectionNames(tx)
	if err != nil {
		return nil, fmt.Errorf("read the connections: %w", err)
	}
	all := []approvalJSON{}
	for _, a := range found {
		u, err := tx.User(a.UserID)
		if err != nil {
			return nil, fmt.Errorf("read user %s: %w", a.UserID, err)
		}
		all = append(all, approvalJSON{
			ID: a.ID, UserID: u.ID, Number: u.Number, Username: u.Username, Name: u.Name, Email: u.Email, Connection: names[a.ConnectionID],
			Message: a.Message, Verdict: string(a.Verdict), Reason: a.Reason, DecidedBy: a.DecidedBy,
			RequestedAt: a.RequestedAt, ExpiresAt: a.ExpiresAt, DecidedAt: a.DecidedAt,
		})
	}
	return all, nil
}

func printApprovals(p *printer, verdict string, all []approvalJSON) {
	if verdict == waits {
		p.table("Nobody waits.", []string{"NUMBER", "USERNAME", "NAME", "E-MAIL", "BY", "ASKED", "UNTIL", "MESSAGE"}, each(all, func(a approvalJSON) []string {
			return []string{fmt.Sprint(a.Number), a.Username, a.Name, a.Email, a.Connection, p.when(a.RequestedAt), p.when(a.ExpiresAt), a.Message}
		}))
		return
	}
	p.table("There are none.", []string{"NUMBER", "USERNAME", "NAME", "BY", "ASKED", "VERDICT", "ANSWERED", "ANSWERED BY", "REASON"}, each(all, func(a approvalJSON) []string {
		was := a.Verdict
		if was == "" {
			was = waits
		}
		return []string{fmt.Sprint(a.Number), a.Username, a.Name, a.Connection, p.when(a.RequestedAt), was, p.when(a.DecidedAt), a.DecidedBy, a.Reason}
	}))
}
