// Package c1z reads and writes the open .c1z sync files, by which connectors of
// other software hand on who exists in an app and what they may reach. A
// connector of this kind has no address and no token: it is fed by files, each
// of which is taken as a whole pull.
package c1z

import (
	"context"
	"iter"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
)

// Name is the name of the kind.
const Name = "c1z"

// verifiedSetting says that the app has verified the addresses of its accounts.
const verifiedSetting = "verified_emails"

// Kind is the kind of apps that are told of by files.
func Kind() integration.Kind {
	return integration.Kind{
		Name: Name, Title: ".c1z file", FedByFiles: true,
		OpenConnector: func(gatehouse.Connector, integration.Env) (integration.Connected, error) {
			return integration.Connected{}, nil
		},
		ConnectorForm: integration.ConnectorForm{
			Summary: "Accounts, resources and memberships of any app, from the .c1z files of an open-source connector.",
			Icon:    "door",
			Guide: []string{
				"Run the connector of the app (baton-…), which writes a file sync.c1z in the first format.",
				"On the server, run gatehouse import c1z sync.c1z --connector with the name from below. Repeat it whenever there is a new file.",
			},
			Fields: []integration.Field{{
				Arg: verifiedSetting, Label: "Addresses are verified", Type: integration.FlagField, Usual: "false",
				Help: "The app verifies the addresses of its accounts, or an administrator sets them. Only then are accounts matched to people by their address.",
			}},
		},
	}
}

// Verified says whether a connector's addresses count as verified by its app.
func Verified(c gatehouse.Connector) bool { return c.Settings[verifiedSetting] == "true" }

// SetVerified has a connector's addresses count as verified by its app.
func SetVerified(c *gatehouse.Connector) {
	settings := map[string]string{verifiedSetting: "true"}
	for name, value := range c.Settings {
		settings[name] = value
	}
	settings[verifiedSetting] = "true"
	c.Settings = settings
}

// Source is one run of a file as a source that is read once.
type Source struct {
	run  Run
	page integration.Page
}

// Source reads a run of the file whole. What is wrong with it is Invalid.
func (f *File) Source(ctx context.Context, run Run, verified bool) (*Source, error) {
	c, err := f.read(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	page, err := translate(c, verified)
	return &Source{run, page}, err
}

// Counts says how much there is.
func (s *Source) Counts() gatehouse.Progress {
	return gatehouse.Progress{
		Accounts: int64(len(s.page.Accounts)), Resources: int64(len(s.page.Resources)),
		Grants: int64(len(s.page.Grants)), Shares: int64(len(s.page.Shares)),
	}
}

// Notes tell what of the file was left out.
func (s *Source) Notes() []gatehouse.Note { return s.page.Notes }

// Probe says of which run it is.
func (s *Source) Probe(context.Context) (integration.Probe, error) {
	return integration.Probe{Version: "c1z v1", Actor: strings.ToValidUTF8(s.run.ID, ""), Admin: true}, nil
}

// atOnce is how much is in a page.
const atOnce = 500

// Pull gives all of it. There is no place to go on from: a file is read again.
func (s *Source) Pull(ctx context.Context, _ integration.Checkpoint) iter.Seq2[integration.Page, error] {
	return func(yield func(integration.Page, error) bool) {
		for p := range s.pages() {
			if err := ctx.Err(); err != nil {
				yield(integration.Page{}, err)
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

func (s *Source) pages() iter.Seq[integration.Page] {
	return func(yield func(integration.Page) bool) {
		if !yield(integration.Page{Notes: s.page.Notes}) {
			return
		}
		for some := range slices.Chunk(s.page.Accounts, atOnce) {
			if !yield(integration.Page{Step: "accounts", Accounts: some}) {
				return
			}
		}
		for some := range slices.Chunk(s.page.Resources, atOnce) {
			if !yield(integration.Page{Step: "groups", Resources: some}) {
				return
			}
		}
		for some := range slices.Chunk(s.page.Grants, atOnce) {
			if !yield(integration.Page{Step: "groups", Grants: some}) {
				return
			}
		}
		for some := range slices.Chunk(s.page.Shares, atOnce) {
			if !yield(integration.Page{Step: "shares", Shares: some}) {
				return
			}
		}
	}
}

// Account says that nothing can be read afresh.
func (s *Source) Account(context.Context, string) (gatehouse.Account, []gatehouse.Grant, error) {
	return gatehouse.Account{}, nil, gatehouse.Errorf(gatehouse.Unavailable, "This app is told of by files, so nothing can be read afresh.")
}
