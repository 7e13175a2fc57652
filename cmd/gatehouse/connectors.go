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

func (c *cli) connectors() *cobra.Command {
	return group("connectors", "See and keep the connectors, by which apps are read", c.connectorsList(), c.connectorsShow(), c.connectorsSync(),
		c.connectorsAdd(), c.connectorsEdit(), c.connectorsProbe(), c.connectorsTurn("pause"), c.connectorsTurn("resume"), c.connectorsDelete(),
		c.connectorsNews(), c.connectorsHookSecret(), c.connectorsCertificates())
}

// connectorJSON is a connector as --json shows one. Its secrets are not shown.
type connectorJSON struct {
	Key        string    `json:"key"`
	Name       string    `json:"name"`
	Kind       string    `json:"kind"`
	URL        string    `json:"url"`
	Enabled    bool      `json:"enabled"`
	Managed    string    `json:"managed_by"`
	Status     string    `json:"status"`
	StatusText string    `json:"status_text"`
	PulledAt   time.Time `json:"pulled_at,omitzero"`
	Owners     []string  `json:"owners"`
	Schedule   string    `json:"schedule"`
	TimeZone   string    `json:"time_zone"`
	PausedAt   time.Time `json:"paused_at,omitzero"`
	TokenEnds  string    `json:"token_ends,omitempty"` // date
}

func showConnector(c gatehouse.Connector) connectorJSON {
	return connectorJSON{
		Key: c.Key, Name: c.Name, Kind: c.Kind, URL: c.URL, Enabled: c.Enabled, Managed: string(c.Managed),
		Status: string(c.Status), StatusText: c.StatusText.Sentence(), PulledAt: c.PulledAt,
		Owners: orNone(c.Owners), Schedule: c.Schedule, TimeZone: c.TimeZone, PausedAt: c.PausedAt, TokenEnds: c.Seen.ExpiresAt,
	}
}

// pullJSON is a pull as --json shows one.
type pullJSON struct {
	ID        string             `json:"id"`
	State     string             `json:"state"`
	StartedAt time.Time          `json:"started_at"`
	EndedAt   time.Time          `json:"ended_at,omitzero"`
	Progress  gatehouse.Progress `json:"progress"`
	Written   int64              `json:"written"`
	Error     string             `json:"error,omitempty"`
	Notes     []string           `json:"notes,omitempty"`

	Steps []gatehouse.PullStep `json:"steps,omitempty"`
}

func showPull(p gatehouse.Pull) pullJSON {
	return pullJSON{
		ID: p.ID, State: string(p.State), StartedAt: p.StartedAt, EndedAt: p.EndedAt, Progress: p.Progress,
		Written: p.Written, Error: p.Error.Sentence(), Notes: each(p.Notes, gatehouse.Note.Sentence), Steps: p.Steps,
	}
}

func (c *cli) connectorsList() *cobra.Command {
	return c.dataCommand(data{
		use: "list", short: "List the connectors and how they are", example: "  gatehouse connectors list",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			var all []gatehouse.Connector
			err := t.Store.View(ctx, func(tx *store.Tx) (err error) {
				all, err = tx.Connectors()
				return err
			})
			if err != nil {
				return err
			}
			return c.print(each(all, showConnector), func(p *printer) {
				p.table("There are no connectors. They are named under connectors in the configuration, or added by gatehouse connectors add.",
					[]string{"KEY", "NAME", "KIND", "STATUS", "ENABLED", "LAST READ", "WHY"},
					each(all, func(c gatehouse.Connector) []string {
						return []string{c.Key, c.Name, c.Kind, string(c.Status), yes(c.Enabled), p.when(c.PulledAt), c.StatusText.Sentence()}
					}))
			})
		},
	})
}

// findConnector finds a connector by its key; "" is the only one there is.
func findConnector(tx *store.Tx, key string) (gatehouse.Connector, error) {
	if key != "" {
		found, err := tx.ConnectorByKey(key)
		return found, missing(err, "no connector has the key %s; gatehouse connectors list shows them", key)
	}
	all, err := tx.Connectors()
	switch {
	case err != nil:
		return gatehouse.Connector{}, err
	case len(all) == 0:
		return gatehouse.Connector{}, errors.New("there are no connectors")
	case len(all) > 1:
		return gatehouse.Connector{}, usageError{errors.New("there are several connectors; name one with --connector KEY")}
	}
	return all[0], nil
}

// lastPulls is how many pulls are shown.
const lastPulls = 10

// oneConnector is a connector with what is known of its app.
type oneConnector struct {
	connectorJSON
	Accounts  int64      `json:"accounts"`
	Resources int64      `json:"resources"`
	Grants    int64      `json:"grants"`
	Shares    int64      `json:"shares"`
	Pulls     []pullJSON `json:"pulls"`
}

func (c *cli) connectorsShow() *cobra.Command {
	return c.dataCommand(data{
		use: "show KEY", short: "Show how a connector is, what it knows, and its last syncs", example: "  gatehouse connectors show gitlab", args: exactly("KEY"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var found oneConnector
			err := t.Store.View(ctx, func(tx *store.Tx) (err error) {
				found, err = readConnector(tx, args[0])
				return err
			})
			if err != nil {
				return err
			}
			return c.print(found, func(p *printer) { printConnector(p, found) })
		},
	})
}

func readConnector(tx *store.Tx, key string) (oneConnector, error) {
	found, err := findConnector(tx, key)
	if err != nil {
		return oneConnector{}, err
	}
	has, err := tx.CountCurrent(found.ID)
	if err != nil {
		return oneConnector{}, fmt.Errorf("count: %w", err)
	}
	pulls, err := tx.Pulls(found.ID, store.Cursor{Limit: lastPulls})
	if err != nil {
		return oneConnector{}, fmt.Errorf("read the pulls: %w", err)
	}
	return oneConnector{showConnector(found), has.Accounts, has.Resources, has.Grants, has.Shares, each(pulls.Items, showPull)}, nil
}

func printConnector(p *printer, c oneConnector) {
	p.fields([][2]string{
		{"Key", c.Key},
		{"Name", c.Name},
		{"Kind", c.Kind},
		{"Address", c.URL},
		{"Status", c.Status},
		{"Why", c.StatusText},
		{"Enabled", yes(c.Enabled)},
		{"Managed by", c.Managed},
		{"Owners", strings.Join(c.Owners, " ")},
		{"Schedule", strings.TrimSpace(c.Schedule + " " + c.TimeZone)},
		{"Token ends", c.TokenEnds},
		{"Last read", p.when(c.PulledAt)},
		{"Accounts", fmt.Sprint(c.Accounts)},
		{"Groups and projects", fmt.Sprint(c.Resources)},
		{"Direct memberships", fmt.Sprint(c.Grants)},
		{"Shares", fmt.Sprint(c.Shares)},
	}...)
	p.line("")
	p.table("It was never read.", []string{"SYNC BEGAN", "ENDED", "STATE", "READ", "CHANGED", "WHY"}, each(c.Pulls, func(pull pullJSON) []string {
		return []string{p.when(pull.StartedAt), p.when(pull.EndedAt), pull.State, counted(pull.Progress), fmt.Sprint(pull.Written), pull.Error}
	}))
	if len(c.Pulls) > 0 {
		for _, s := range c.Pulls[0].Steps {
			p.line("step: %s, %s, %d requests, %s", s.Name, counted(gatehouse.Progress{Accounts: s.Accounts, Resources: s.Resources, Grants: s.Grants, Shares: s.Shares}),
				s.Requests, time.Duration(s.Millis)*time.Millisecond)
		}
		for _, note := range c.Pulls[0].Notes {
			p.line("note: %s", note)
		}
	}
}

func counted(p gatehouse.Progress) string {
	return fmt.Sprintf("%d accounts, %d groups and projects, %d memberships, %d shares", p.Accounts, p.Resources, p.Grants, p.Shares)
}

func (c *cli) connectorsSync() *cobra.Command {
	var wait bool
	cmd := c.dataCommand(data{
		use: "sync KEY", short: "Have a connector read its app now",
		long: `Has a connector read its app now. The command only asks for it: a running server
with the same database carries it out. One that is under way is not begun twice.`,
		example: "  gatehouse connectors sync gitlab\n  gatehouse connectors sync gitlab --wait", args: exactly("KEY"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var of gatehouse.Connector
			var job string
			err := t.Store.Update(ctx, func(tx *store.Tx) (err error) {
				if of, err = findConnector(tx, args[0]); err == nil {
					job, err = t.Access.SyncNow(tx, c.operator(), of.ID)
				}
				return err
			})
			if err != nil {
				return err
			}
			if wait {
				return c.follow(ctx, t, of, job)
			}
			return c.print(map[string]string{"connector": of.Key, "job": job}, func(p *printer) {
				p.line("The sync of %s has been asked for; gatehouse connectors show %s tells how it goes.", of.Key, of.Key)
			})
		},
	})
	cmd.Flags().BoolVar(&wait, "wait", false, "follow the sync, and end with its outcome")
	return cmd
}
