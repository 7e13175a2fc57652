package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

// connectorFlags are what can be set of a connector.
type connectorFlags struct {
	name, url, schedule, zone string
	owners                    []string
	settings, secretFiles     map[string]string
	token                     bool
}

func (f *connectorFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "what people call the app")
	flags.StringVar(&f.url, "url", "", "address of the app")
	flags.BoolVar(&f.token, "token-stdin", false, "read the token (access token, AppSecret) from standard input")
	flags.StringToStringVar(&f.settings, "setting", nil, "a setting of the kind, NAME=VALUE (may be repeated); an empty value takes it away")
	flags.StringToStringVar(&f.secretFiles, "secret-file", nil, "a further secret of the kind, NAME=FILE that holds it (may be repeated)")
	flags.StringSliceVar(&f.owners, "owner", nil, "e-mail address of an owner (may be repeated); all of them")
	flags.StringVar(&f.schedule, "schedule", "", "an interval (30m, 6h) or a cron expression (\"0 3 * * 1-5\")")
	flags.StringVar(&f.zone, "time-zone", "", "of a cron expression, such as Asia/Shanghai")
}

// over puts what was said on the command line over a connector. Secrets that are
// not said stay as they are.
func (f *connectorFlags) over(c *cli, cmd *cobra.Command, to *gatehouse.Connector) (err error) {
	to.Token, to.Secrets, to.Seen = "", map[string]string{}, gatehouse.Sighting{}
	for flag, set := range map[string]func(){
		"name": func() { to.Name = f.name }, "url": func() { to.URL = f.url }, "owner": func() { to.Owners = f.owners },
		"schedule": func() { to.Schedule = f.schedule }, "time-zone": func() { to.TimeZone = f.zone },
	} {
		if cmd.Flags().Changed(flag) {
			set()
		}
	}
	settings := maps.Clone(to.Settings)
	if settings == nil {
		settings = map[string]string{}
	}
	maps.Copy(settings, f.settings)
	to.Settings = settings
	for name, file := range f.secretFiles {
		text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
		if err != nil {
			return fmt.Errorf("read the secret %s: %w", name, err)
		}
		to.Secrets[name] = strings.TrimSpace(string(text))
	}
	if f.token {
		to.Token, err = c.secretFromStdin("token")
	}
	return err
}

func (c *cli) connectorsAdd() *cobra.Command {
	var f connectorFlags
	var kind, key, app string
	var cmd *cobra.Command
	cmd = c.dataCommand(data{
		use: "add --kind KIND --url URL --token-stdin", short: "Add a connector, once its app has let it in",
		long: `Adds a connector. The app is asked first who the token is there and what it may
see; what is missing is said, and nothing is added then. A running server with the
same database reads the app.`,
		example: "  gatehouse connectors add --kind gitlab --url https://gitlab.example.com --owner ann@example.com --token-stdin < token",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			var draft gatehouse.Connector
			err := t.Store.View(ctx, func(tx *store.Tx) (err error) {
				draft, err = t.Access.Apps.NewConnector(tx, kind, gatehouse.AppRef(app))
				return missing(err, "there is no app %s; write connection/ID, client/ID or connector/KEY", app)
			})
			if err != nil {
				return err
			}
			if key != "" {
				draft.Key = key
			}
			if err := f.over(c, cmd, &draft); err != nil {
				return err
			}
			made, err := t.Access.Put(ctx, c.operator(), draft)
			if err != nil {
				return err
			}
			return c.print(showConnector(made), func(p *printer) {
				printSighting(p, made.Seen)
				p.line("The connector %s is added; gatehouse connectors show %s tells how its first sync goes.", made.Key, made.Key)
			})
		},
	})
	f.add(cmd)
	cmd.Flags().StringVar(&kind, "kind", "gitlab", "gitlab or dingtalk")
	cmd.Flags().StringVar(&key, "key", "", "what stands in addresses and commands, and never changes (default made of the kind)")
	cmd.Flags().StringVar(&app, "app", "", "the app that it is added to: connection/ID, client/ID or connector/KEY (default a new one)")
	return cmd
}

func (c *cli) connectorsEdit() *cobra.Command {
	var f connectorFlags
	var cmd *cobra.Command
	cmd = c.dataCommand(data{
		use: "edit KEY", short: "Change what is named of a connector of the dashboard; a new token is tried before it takes the place of the old one",
		example: "  gatehouse connectors edit gitlab --schedule \"0 3 * * *\" --time-zone Asia/Shanghai\n  gatehouse connectors edit gitlab --token-stdin < token", args: exactly("KEY"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			found, err := lookForConnector(ctx, t, args[0])
			if err != nil {
				return err
			}
			if err := f.over(c, cmd, &found); err != nil {
				return err
			}
			saved, err := t.Access.Put(ctx, c.operator(), found)
			if err != nil {
				return err
			}
			return c.print(showConnector(saved), func(p *printer) { p.line("The connector %s is changed.", saved.Key) })
		},
	})
	f.add(cmd)
	return cmd
}

func lookForConnector(ctx context.Context, t *server.Tools, key string) (found gatehouse.Connector, err error) {
	err = t.Store.View(ctx, func(tx *store.Tx) error {
		found, err = findConnector(tx, key)
		return err
	})
	return found, err
}

// connectorsTurn pauses a connector, or lets it read again.
func (c *cli) connectorsTurn(verb string) *cobra.Command {
	short := "Read nothing of an app until it is resumed; nothing is lost"
	if verb == "resume" {
		short = "Read a paused app again"
	}
	return c.dataCommand(data{
		use: verb + " KEY", short: short, example: "  gatehouse connectors " + verb + " gitlab", args: exactly("KEY"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var found gatehouse.Connector
			err := t.Store.Update(ctx, func(tx *store.Tx) (err error) {
				if found, err = findConnector(tx, args[0]); err != nil {
					return err
				}
				turn := t.Access.Pause
				if verb == "resume" {
					turn = t.Access.Resume
				}
				if err := turn(tx, c.operator(), found.ID); err != nil {
					return err
				}
				found, err = tx.Connector(found.ID)
				return err
			})
			if err != nil {
				return err
			}
			return c.print(showConnector(found), func(p *printer) { p.line("The connector %s is %sd.", found.Key, verb) })
		},
	})
}

// sightingJSON is what a probe found as --json shows it.
type sightingJSON struct {
	Version   string   `json:"version"`
	Edition   string   `json:"edition"`
	Actor     string   `json:"actor"`
	Admin     bool     `json:"admin"`
	Scopes    []string `json:"scopes"`
	ExpiresAt string   `json:"expires_at"`
	Notes     []string `json:"notes"`
}

func (c *cli) connectorsProbe() *cobra.Command {
	return c.dataCommand(data{
		use: "probe KEY", short: "Ask an app who the token is there and what it may see", example: "  gatehouse connectors probe gitlab", args: exactly("KEY"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			found, err := lookForConnector(ctx, t, args[0])
			if err != nil {
				return err
			}
			seen, err := t.Access.Apps.ProbeConnector(ctx, found.ID)
			if err != nil {
				return err
			}
			shown := sightingJSON{seen.Version, seen.Edition, seen.Actor, seen.Admin, orNone(seen.Scopes), seen.ExpiresAt, each(seen.Notes, gatehouse.Note.Sentence)}
			return c.print(shown, func(p *printer) { printSighting(p, seen) })
		},
	})
}

func printSighting(p *printer, s gatehouse.Sighting) {
	sees := "a part"
	if s.Admin {
		sees = "everything"
	}
	p.fields([][2]string{
		{"Version", strings.TrimSpace(s.Version + " " + s.Edition)},
		{"Token of", s.Actor},
		{"Sees", sees},
		{"Scopes", strings.Join(s.Scopes, " ")},
		{"Token ends", s.ExpiresAt},
	}...)
	for _, n := range s.Notes {
		p.line("note: %s", n.Sentence())
	}
}

func (c *cli) connectorsDelete() *cobra.Command {
	var sure, history bool
	cmd := c.dataCommand(data{
		use: "delete KEY --yes", short: "Disconnect an app; what was read of it is kept, unless --history deletes that too",
		example: "  gatehouse connectors delete gitlab --yes\n  gatehouse connectors delete gitlab --history --yes", args: exactly("KEY"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			if !sure {
				return usageError{errors.New("say --yes: the token and other secrets of the connector are deleted")}
			}
			var found gatehouse.Connector
			err := t.Store.Update(ctx, func(tx *store.Tx) (err error) {
				if found, err = findConnector(tx, args[0]); err != nil {
					return err
				}
				return t.Access.Remove(tx, c.operator(), found.ID, found.UpdatedAt, history)
			})
			if err != nil {
				return err
			}
			return c.print(map[string]string{"key": found.Key}, func(p *printer) {
				if history {
					p.line("The connector %s is deleted, with all that was read of its app.", found.Key)
					return
				}
				p.line("The app of %s is disconnected. What was read of it is kept.", found.Key)
			})
		},
	})
	cmd.Flags().BoolVar(&sure, "yes", false, "really")
	cmd.Flags().BoolVar(&history, "history", false, "delete the connector with accounts, memberships and their history")
	return cmd
}
