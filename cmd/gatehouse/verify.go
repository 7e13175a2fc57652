package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/certify"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

// maxPublicKey bounds the file of a public key, in bytes.
const maxPublicKey = 16 << 10

func (c *cli) verify() *cobra.Command {
	var keyFile string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check completeness certificates, without the installation that made them",
		Long: `Checks the completeness certificates in a file and says in words what they prove
and what they do not. It needs no configuration, no database and no network: only
the public key of the installation, which gatehouse keys certificate shows. Have
that key from the installation itself, and not from who gave you the certificates.`,
		Example: "  gatehouse verify gitlab.certificates --key gatehouse-certificates.pem",
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := readPublicKey(keyFile)
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("open the certificates: %w", err)
			}
			defer f.Close()
			report, err := certify.Verify(f, key)
			if err != nil {
				return fmt.Errorf("%s does not hold: %w", args[0], err)
			}
			return c.print(report, func(p *printer) { printReport(p, report) })
		},
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "file with the public key in PEM (needed)")
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON")
	return cmd
}

func readPublicKey(file string) (ed25519.PublicKey, error) {
	if file == "" {
		return nil, usageError{errors.New("--key FILE is missing: without the public key, anybody could have made the certificates; gatehouse keys certificate shows it")}
	}
	f, err := os.Open(file) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("open the public key: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPublicKey))
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	key, err := certify.ParsePublic(text)
	if err != nil {
		return nil, fmt.Errorf("%s is of no use as --key: %w", file, err)
	}
	return key, nil
}

func printReport(p *printer, r certify.Report) {
	for i, chain := range r.Chains {
		if i > 0 {
			p.line("")
		}
		printChain(p, chain, r.Last[i])
	}
	p.line("")
	p.line("This proves: the holder of the key %s signed these records of what was read, they were not", r.Key)
	p.line("changed since, and of each connector none between the first and the last is missing.")
	p.line("It does not prove that the app told the truth or showed everything, that nothing was there which")
	p.line("the token could not see, what the single entries were, that there is no newer certificate, or")
	p.line("that the clock of the installation was right.")
}

func printChain(p *printer, chain certify.Chain, s certify.Statement) {
	p.line("%s (%s, %s): certificates %d to %d hold.", s.Connector.Key, s.Connector.Kind, s.Connector.URL, chain.First, chain.Last)
	if chain.First > 1 {
		p.line("Those before number %d are not in the file; it names the digest of the one before it.", chain.First)
	}
	p.line("The last one is of the sync that began %s and ended %s.", p.when(s.BeganAt), p.when(s.EndedAt))
	if s.Released {
		p.line("It was held, since much would have vanished, and a person let it through.")
	}
	if s.App.Admin {
		p.line("By the app's word, the token of %s saw everything.", s.App.Actor)
	} else {
		p.line("The token was not one that sees everything: what it was not shown is not counted here.")
	}
	for _, step := range s.Steps {
		p.line("  %s: %d pages, %d requests, %d accounts, %d groups and projects, %d memberships, %d shares",
			step.Name, step.Pages, step.Requests, step.Accounts, step.Resources, step.Grants, step.Shares)
	}
	p.line("Known since: %d accounts, %d groups and projects, %d memberships, %d shares.", s.Known.Accounts, s.Known.Resources, s.Known.Grants, s.Known.Shares)
	printUnseen(p, s)
	p.line("Digest of the last one: %s", chain.Digest)
}

func printUnseen(p *printer, s certify.Statement) {
	if s.Gaps.Count == 0 {
		p.line("No group or project is known of which something could not be seen.")
	} else {
		p.line("Of %d groups and projects something could not be seen:", s.Gaps.Count)
	}
	const shown = 20
	for i, g := range s.Gaps.First {
		if i == shown {
			p.line("  and %d more", s.Gaps.Count-shown)
			break
		}
		p.line("  %s: %s", g.Resource, g.Why)
	}
	for _, n := range s.Notes {
		p.line("Note: %s", n)
	}
}

func (c *cli) keysCertificate() *cobra.Command {
	return c.dataCommand(data{
		use: "certificate", short: "Show the public key by which completeness certificates are checked", example: "  gatehouse keys certificate > gatehouse-certificates.pem",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			var id, text string
			err := t.Store.View(ctx, func(tx *store.Tx) (err error) {
				id, text, err = access.CertificatePublic(tx)
				return missing(err, "there is no key yet: it is made with the first certificate, when a sync has ended well")
			})
			if err != nil {
				return err
			}
			return c.print(map[string]string{"id": id, "public_key": text}, func(p *printer) {
				for line := range strings.Lines(text) {
					p.line("%s", strings.TrimSpace(line))
				}
			})
		},
	})
}

func (c *cli) connectorsCertificates() *cobra.Command {
	var pull string
	cmd := c.dataCommand(data{
		use: "certificates KEY", short: "Write out the completeness certificates of a connector",
		long: `Writes the completeness certificates of a connector, the oldest first, each on a
line: one for every sync that ended well. gatehouse verify checks such a file.`,
		example: "  gatehouse connectors certificates gitlab > gitlab.certificates", args: exactly("KEY"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var found []gatehouse.Certificate
			err := t.Store.View(ctx, func(tx *store.Tx) (err error) {
				found, err = certificatesOf(tx, args[0], pull)
				return err
			})
			if err != nil {
				return err
			}
			for _, kept := range found {
				if _, err := fmt.Fprintln(c.out, kept.Body); err != nil {
					return fmt.Errorf("write certificate %d of %s: %w", kept.Number, kept.CreatedAt.Format(time.DateOnly), err)
				}
			}
			return nil
		},
	})
	cmd.Flags().StringVar(&pull, "pull", "", "only that of the sync with this id")
	return cmd
}

// certificatesOf are all certificates of a connector, or that of one pull.
func certificatesOf(tx *store.Tx, key, pull string) ([]gatehouse.Certificate, error) {
	of, err := findConnector(tx, key)
	if err != nil {
		return nil, err
	}
	if pull == "" {
		return every(func(c store.Cursor) (store.Page[gatehouse.Certificate], error) { return tx.Certificates(of.ID, c) })
	}
	one, err := tx.CertificateOf(pull)
	if err == nil && one.ConnectorID != of.ID {
		err = gatehouse.NotFound
	}
	return []gatehouse.Certificate{one}, missing(err, "%s has no certificate of a sync %s", of.Key, pull)
}
