package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/op"
	"gatehouse/internal/seal"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

func (c *cli) keys() *cobra.Command {
	return group("keys", "Look after the keys that seal secrets and sign tokens", c.keysRotateSeal(), c.keysRotateSigning(), c.keysCertificate())
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

// signingKey is a new key as the command tells it.
type signingKey struct {
	Algorithm string    `json:"algorithm"`
	Key       string    `json:"key,omitempty"`
	SignsFrom time.Time `json:"signs_from,omitzero"`
	Announced bool      `json:"announced_before"` // nothing was done, since one waits already
}

func (c *cli) keysRotateSigning() *cobra.Command {
	var (
		algorithm string
		atOnce    bool
	)
	cmd := c.dataCommand(data{
		use: "rotate-signing", short: "Announce new signing keys",
		long: `Makes new keys for signing ID tokens and access tokens. A new key is published
for a day (signing_keys.announce) before it signs, and the old one stays until the
last token that it signed has ended. With --at-once the old keys go now: for when
one may be in other hands. What they signed is then worth nothing.`,
		example: "  gatehouse keys rotate-signing --algorithm ES256",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			algorithms := op.SigningAlgorithms()
			if algorithm != "" {
				if !slices.Contains(algorithms, algorithm) {
					return usageError{fmt.Errorf("--algorithm is one of %s, not %q", strings.Join(algorithms, ", "), algorithm)}
				}
				algorithms = []string{algorithm}
			}
			var made []signingKey
			for _, a := range algorithms {
				k, rotated, err := t.Provider.RotateKey(ctx, c.operator(), a, atOnce)
				if err != nil {
					return err
				}
				made = append(made, signingKey{Algorithm: a, Key: k.ID, SignsFrom: k.ActiveAt, Announced: !rotated})
			}
			return c.print(made, func(p *printer) {
				for _, k := range made {
					if k.Announced {
						p.line("%s: a new key is announced already.", k.Algorithm)
						continue
					}
					p.line("%s: %s signs from %s.", k.Algorithm, k.Key, p.when(k.SignsFrom))
				}
			})
		},
	})
	cmd.Flags().StringVar(&algorithm, "algorithm", "", "only of this algorithm (RS256, ES256, EdDSA)")
	cmd.Flags().BoolVar(&atOnce, "at-once", false, "take the old keys away now")
	return cmd
}
