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

// newsJSON is how a connector hears of changes, as --json shows it.
type newsJSON struct {
	Connector  string    `json:"connector"`
	Receives   bool      `json:"receives"`
	LastAt     time.Time `json:"last_at,omitzero"`
	LastEvent  string    `json:"last_event"`
	Received   int64     `json:"received"`
	Waiting    int64     `json:"waiting"`
	Refused    int64     `json:"refused"`
	RefusedAt  time.Time `json:"refused_at,omitzero"`
	RefusedWhy string    `json:"refused_why,omitempty"`
	Feed       string    `json:"feed,omitempty"`
	FeedError  string    `json:"feed_error,omitempty"`
	GlancedAt  time.Time `json:"glanced_at,omitzero"`
}

func (c *cli) connectorsNews() *cobra.Command {
	return c.dataCommand(data{
		use: "news KEY", short: "Show how a connector hears of changes between its syncs", example: "  gatehouse connectors news gitlab", args: exactly("KEY"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var of gatehouse.Connector
			var n gatehouse.News
			err := t.Store.View(ctx, func(tx *store.Tx) (err error) {
				if of, err = findConnector(tx, args[0]); err == nil {
					n, err = tx.News(of.ID)
				}
				return err
			})
			if err != nil {
				return err
			}
			found := newsJSON{
				Connector: of.Key, Receives: of.HookSecret != "", LastAt: n.LastAt, LastEvent: n.LastEvent, Received: n.Received, Waiting: n.Waiting,
				Refused: n.Refused, RefusedAt: n.RefusedAt, RefusedWhy: n.RefusedWhy.Sentence(), Feed: string(n.Feed), FeedError: n.FeedError.Sentence(), GlancedAt: n.GlancedAt,
			}
			return c.print(found, func(p *printer) { printNews(p, found) })
		},
	})
}

func printNews(p *printer, n newsJSON) {
	p.fields([][2]string{
		{"Connector", n.Connector},
		{"Hooks received", yes(n.Receives)},
		{"Last news", p.when(n.LastAt)},
		{"It was", n.LastEvent},
		{"Received", fmt.Sprint(n.Received)},
		{"Not looked up yet", fmt.Sprint(n.Waiting)},
		{"Refused", fmt.Sprint(n.Refused)},
		{"Last refused", p.when(n.RefusedAt)},
		{"Because", n.RefusedWhy},
		{"Listening", n.Feed},
		{"Broken off because", n.FeedError},
		{"Last quick look", p.when(n.GlancedAt)},
	}...)
}

func (c *cli) connectorsHookSecret() *cobra.Command {
	return c.dataCommand(data{
		use: "hook-secret KEY", short: "Give a connector a new secret for hooks, and show it this once",
		long: `Gives a connector a new secret for hooks and shows it this once. The one before is
good no more. Enter it in the app with the address URL/hooks/KEY. The secret of a
connector of the configuration file is changed there: hook_secret.`,
		example: "  gatehouse connectors hook-secret people", args: exactly("KEY"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var of gatehouse.Connector
			var secret string
			err := t.Store.Update(ctx, func(tx *store.Tx) (err error) {
				if of, err = findConnector(tx, args[0]); err == nil {
					secret, err = t.Access.NewHookSecret(tx, c.operator(), of.ID)
				}
				return err
			})
			if err != nil {
				return err
			}
			return c.print(map[string]string{"connector": of.Key, "secret": secret}, func(p *printer) { p.line("%s", secret) })
		},
	})
}
