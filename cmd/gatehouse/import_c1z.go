package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/integration/c1z"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

// c1zImport is one run of import c1z.
type c1zImport struct {
	key, name, sync  string
	verified, dryRun bool
}

// importTime bounds the reading of one file.
const importTime = 15 * time.Minute

func (c *cli) importC1Z() *cobra.Command {
	var i c1zImport
	cmd := c.dataCommand(data{
		use: "c1z FILE", short: "Take over who exists in an app and what they may reach, from a .c1z sync file",
		long: `Reads a .c1z file of the first format (SQLite), as the open-source connectors of
many apps write it, and takes its last whole sync for the truth about the app, as
if the app had been read: what is not in it counts as gone, and when that is more
than the brake allows, the import is held for a person to look at.

The connector is made when there is none of that name. Import each new file into
the same one, and its history grows.`,
		example: "  gatehouse import c1z sync.c1z --connector okta --dry-run\n  gatehouse import c1z sync.c1z --connector okta --name Okta --verified-emails", args: exactly("FILE"),
		run: func(ctx context.Context, t *server.Tools, args []string) error { return c.runC1Z(ctx, t, args[0], i) },
	})
	flags := cmd.Flags()
	flags.StringVar(&i.key, "connector", "", "key of the connector (needed)")
	flags.StringVar(&i.name, "name", "", "what people call the app, of a connector that is made (default: its key)")
	flags.StringVar(&i.sync, "sync", "", "id of the sync in the file (default: the last that is whole)")
	flags.BoolVar(&i.verified, "verified-emails", false, "the app verifies addresses, so match accounts to people by them; kept for later files")
	flags.BoolVar(&i.dryRun, "dry-run", false, "only tell what is in the file")
	return cmd
}

// c1zJSON is what an import tells.
type c1zJSON struct {
	Connector string             `json:"connector"`
	Sync      string             `json:"sync"`
	SyncEnded time.Time          `json:"sync_ended,omitzero"`
	Holds     gatehouse.Progress `json:"holds"`
	Notes     []string           `json:"notes,omitempty"`
	Pull      *pullJSON          `json:"pull,omitempty"` // none of a dry run
}

func (c *cli) runC1Z(ctx context.Context, t *server.Tools, path string, i c1zImport) error {
	if i.key == "" {
		return usageError{errors.New("name the connector with --connector KEY")}
	}
	ctx, cancel := context.WithTimeout(ctx, importTime)
	defer cancel()
	into, err := c1zConnector(ctx, t, i)
	if err != nil {
		return err
	}
	source, run, err := readC1Z(ctx, path, i.sync, c1z.Verified(into))
	if err != nil {
		return err
	}
	told := c1zJSON{Connector: i.key, Sync: run.ID, SyncEnded: run.Ended, Holds: source.Counts(), Notes: each(source.Notes(), gatehouse.Note.Sentence)}
	if !i.dryRun {
		pull, err := c.takeC1Z(ctx, t, into, source)
		if err != nil {
			return err
		}
		shown := showPull(pull)
		told.Pull = &shown
	}
	return c.print(told, func(p *printer) { printC1Z(p, told) })
}

// c1zConnector is the connector to import into, as it is or as it would be made.
func c1zConnector(ctx context.Context, t *server.Tools, i c1zImport) (into gatehouse.Connector, err error) {
	err = t.Store.View(ctx, func(tx *store.Tx) error {
		into, err = tx.ConnectorByKey(i.key)
		return err
	})
	if errors.Is(err, gatehouse.NotFound) {
		into, err = gatehouse.Connector{Key: i.key, Name: i.name, Kind: c1z.Name, Enabled: true}, nil
		if into.Name == "" {
			into.Name = i.key
		}
	}
	if err == nil && into.Kind != c1z.Name {
		err = fmt.Errorf("the connector %s reads its app by itself (%s), so no file can be imported into it; name another one", i.key, into.Kind)
	}
	if i.verified {
		c1z.SetVerified(&into)
	}
	return into, err
}

func readC1Z(ctx context.Context, path, sync string, verified bool) (source *c1z.Source, run c1z.Run, err error) {
	from, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, run, fmt.Errorf("read the file: %w", err)
	}
	defer from.Close()
	f, err := c1z.Open(ctx, from, "", c1z.Limits{})
	if err != nil {
		return nil, run, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	runs, err := f.Runs(ctx)
	if err != nil {
		return nil, run, err
	}
	if run, err = c1z.Choose(runs, sync); err != nil {
		return nil, run, err
	}
	source, err = f.Source(ctx, run, verified)
	return source, run, err
}

func (c *cli) takeC1Z(ctx context.Context, t *server.Tools, into gatehouse.Connector, source *c1z.Source) (gatehouse.Pull, error) {
	saved, err := t.Access.Put(ctx, c.operator(), into)
	if err != nil {
		return gatehouse.Pull{}, err
	}
	return t.Access.Import(ctx, c.operator(), saved.ID, source)
}

func printC1Z(p *printer, told c1zJSON) {
	p.line("The sync %s, which ended %s, has %s.", clean(told.Sync), p.when(told.SyncEnded), counted(told.Holds))
	for _, note := range told.Notes {
		p.line("note: %s", note)
	}
	switch {
	case told.Pull == nil:
		p.line("Nothing was changed.")
	case told.Pull.State == string(gatehouse.PullHeld):
		p.line("The import is held, and nothing is changed until somebody lets it through on the dashboard: %s.", told.Pull.Error)
	default:
		p.line("It is imported into %s: %d rows changed. A running server matches the accounts to people.", told.Connector, told.Pull.Written)
	}
}
