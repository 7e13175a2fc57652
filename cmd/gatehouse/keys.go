package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/seal"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

func (c *cli) keys() *cobra.Command {
	return group("keys", "Look after the key that seals secrets in the database", c.keysRotateSeal())
}

func (c *cli) keysRotateSeal() *cobra.Command {
	return c.dataCommand(data{
		use: "rotate-seal", short: "Add a new key to the key file; from now on it seals",
		long: `Adds a new key to the key file. What is sealed from now on is sealed with it, and
what was sealed before still opens with the old keys, which stay in the file.
Afterwards back up the key file, give it to all nodes that share the database,
and restart them.`,
		example: "  gatehouse keys rotate-seal",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			file := t.KeyFile()
			if err := seal.Rotate(file); err != nil {
				return fmt.Errorf("rotate the key file: %w", err)
			}
			err := t.Store.Update(ctx, func(tx *store.Tx) error {
				return tx.Record(gatehouse.Event{Actor: c.operator(), Action: "seal.rotated", Target: "installation/seal"})
			})
			if err != nil {
				return fmt.Errorf("the key file has a new key, but the audit log could not be written: %w", err)
			}
			return c.print(map[string]string{"key_file": file}, func(p *printer) {
				p.line("%s has a new key. Back it up, and restart gatehouse serve.", file)
			})
		},
	})
}
