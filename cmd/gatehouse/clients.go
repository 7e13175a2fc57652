package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/clientrules"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

func (c *cli) clients() *cobra.Command {
	return group("clients", "See, add and change the apps that people sign in to", c.clientsList(), c.clientsShow(), c.clientsAdd(),
		c.clientsSet(), c.clientsRenew(), c.clientsTurn("enable"), c.clientsTurn("disable"), c.clientsRemove())
}

// clientJSON is a client as --json shows one; the keys are those of the REST
// API. The secret is there only when it was just made.
type clientJSON struct {
	ID           string    `json:"id"`
	Secret       string    `json:"secret,omitempty"`
	Name         string    `json:"name"`
	Public       bool      `json:"public"`
	RedirectURIs []string  `json:"redirect_uris"`
	Scopes       []string  `json:"scopes"`
	GrantTypes   []string  `json:"grant_types"`
	RequirePKCE  bool      `json:"require_pkce"`
	Trusted      bool      `json:"trusted"`
	GroupsFrom   string    `json:"groups_from"`
	GroupsOnly   []string  `json:"groups_only"`
	Owner        string    `json:"owner,omitempty"` // username
	App          string    `json:"app,omitempty"`
	Enabled      bool      `json:"enabled"`
	On           bool      `json:"on"`
	Managed      string    `json:"managed_by"`
	UpdatedAt    time.Time `json:"updated_at,omitzero"`
	clientrules.Values

	more [][2]string // the settings of its protocol that are set, for people
}

func showClient(tx *store.Tx, c gatehouse.Client) (clientJSON, error) {
	shown := clientJSON{
		ID: c.ID, Name: c.Name, Public: c.Public(), RedirectURIs: orNone(c.RedirectURIs), Scopes: orNone(c.Scopes),
		GrantTypes: c.GrantTypes, RequirePKCE: c.RequirePKCE, Trusted: c.Trusted, GroupsFrom: c.Settings.GroupsFrom,
		GroupsOnly: orNone(c.Settings.GroupsOnly), App: c.ConnectorKey, Enabled: c.Enabled, On: c.On(), Managed: string(c.Managed), UpdatedAt: c.UpdatedAt,
		Values: clientrules.Tell(c),
	}
	for _, set := range clientrules.Settings() {
		if text := set.Text(c); text != "" {
			shown.more = append(shown.more, [2]string{set.Name, text})
		}
	}
	if len(shown.GrantTypes) == 0 {
		shown.GrantTypes = []string{"authorization_code", "refresh_token"}
	}
	if c.OwnerID == "" {
		return shown, nil
	}
	u, err := tx.User(c.OwnerID)
	shown.Owner = u.Username
	return shown, err
}

func orNone(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}

// findClient finds a client by its Application ID.
func findClient(tx *store.Tx, id string) (gatehouse.Client, error) {
	found, err := tx.Client(id)
	return found, missing(err, "no client has the Application ID %s; gatehouse clients list shows them", id)
}

func (c *cli) clientsList() *cobra.Command {
	return c.dataCommand(data{
		use: "list", short: "List the clients, the apps that people sign in to", example: "  gatehouse clients list\n  gatehouse clients list --json",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			all := []clientJSON{}
			err := t.Store.View(ctx, func(tx *store.Tx) error {
				found, err := tx.Clients()
				all = all[:0]
				for _, f := range found {
					shown, err := showClient(tx, f)
					if err != nil {
						return err
					}
					all = append(all, shown)
				}
				return err
			})
			if err != nil {
				return err
			}
			return c.print(all, func(p *printer) {
				p.table("There are no clients. They are named under clients in the configuration, or added by gatehouse clients add.",
					[]string{"APPLICATION ID", "NAME", "KIND", "ON", "OF", "MANAGED BY", "SCOPES"}, each(all, func(s clientJSON) []string {
						kind := "confidential"
						if s.Public {
							kind = "public"
						}
						return []string{s.ID, s.Name, kind, yes(s.On), cmp.Or(s.Owner, s.App, "all"), s.Managed, strings.Join(s.Scopes, " ")}
					}))
			})
		},
	})
}

// told prints a client with the secret that was just made for it.
func (c *cli) told(s clientJSON) error {
	return c.print(s, func(p *printer) {
		p.line("Name            %s", s.Name)
		p.line("Application ID  %s", s.ID)
		if s.Secret != "" {
			p.line("Secret          %s", s.Secret)
		}
		p.line("Redirect URIs   %s", strings.Join(s.RedirectURIs, " "))
		p.line("Scopes          %s", strings.Join(s.Scopes, " "))
		p.line("Grant types     %s", strings.Join(s.GrantTypes, " "))
		p.line("PKCE required   %s", yes(s.RequirePKCE))
		p.line("Trusted         %s", yes(s.Trusted))
		p.line("Groups of       %s", cmp.Or(s.GroupsFrom, "the only GitLab connector"))
		if len(s.GroupsOnly) > 0 {
			p.line("Only groups     %s", strings.Join(s.GroupsOnly, " "))
		}
		for _, set := range s.more {
			p.line("%-15s %s", set[0], strings.ReplaceAll(set[1], "\n", " "))
		}
		p.line("Belongs to      %s", cmp.Or(s.Owner, s.App, "the whole installation"))
		p.line("On              %s", yes(s.On))
		p.line("Managed by      %s", s.Managed)
	})
}

func (c *cli) clientsShow() *cobra.Command {
	return c.dataCommand(data{
		use: "show ID", short: "Show a client", example: "  gatehouse clients show wiki", args: exactly("ID"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var s clientJSON
			err := t.Store.View(ctx, func(tx *store.Tx) error {
				found, err := findClient(tx, args[0])
				if err != nil {
					return err
				}
				s, err = showClient(tx, found)
				return err
			})
			if err != nil {
				return err
			}
			return c.told(s)
		},
	})
}

// clientFlags are what can be set of a client.
type clientFlags struct {
	name, groupsFrom, app                     string
	redirects, scopes, grants, only, goodbyes []string
	pkce, trusted                             bool
	lives                                     [4]time.Duration // as lifeFlags
}

// lifeFlags are the flags of a client's own lifetimes.
func lifeFlags() [4]string {
	return [4]string{"access-lifetime", "id-lifetime", "refresh-lifetime", "refresh-absolute-lifetime"}
}

// flagOf is the flag of a setting of the protocol.
func flagOf(s clientrules.Setting) string { return strings.ReplaceAll(s.Name, "_", "-") }

func (f *clientFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "what people read when they are asked whether they allow it")
	flags.StringSliceVar(&f.redirects, "redirect-uri", nil, "where the app takes people back to (may be repeated)")
	flags.StringSliceVar(&f.goodbyes, "post-logout-redirect-uri", nil, "where a sign-out may lead back to (may be repeated)")
	flags.StringSliceVar(&f.scopes, "scopes", nil, "openid, profile, email, read_user, read_api, api, offline_access, provider_tokens; commas between")
	flags.StringSliceVar(&f.grants, "grant-types", nil, "commas between; none: authorization_code and refresh_token")
	flags.BoolVar(&f.pkce, "require-pkce", true, "false for apps that do not speak PKCE")
	flags.BoolVar(&f.trusted, "trusted", false, "nobody is asked for consent")
	flags.StringVar(&f.groupsFrom, "groups-from", "", "key of the connector whose groups it is told, or none")
	flags.StringSliceVar(&f.only, "groups-only", nil, "full paths: only these groups and what lies in them")
	flags.StringVar(&f.app, "app", "", "key of the connector whose owners look after it")
	for i, name := range lifeFlags() {
		flags.DurationVar(&f.lives[i], name, 0, "how long such a token is good, such as 2h; 0: as everywhere")
	}
	for _, s := range clientrules.Settings() {
		usage := s.Name + ", as in the configuration file"
		if s.Choices != nil {
			usage += ": " + strings.Join(s.Choices, ", ")
		}
		switch s.Of(new(gatehouse.Client)).(type) {
		case *bool:
			flags.Bool(flagOf(s), false, usage)
		case *[]string:
			flags.String(flagOf(s), "", usage+"; spaces between")
		default:
			flags.String(flagOf(s), "", usage)
		}
	}
}

// over puts what was said on the command line over a client.
func (f *clientFlags) over(cmd *cobra.Command, to *gatehouse.Client) error {
	for flag, set := range map[string]func(){
		"name": func() { to.Name = f.name }, "redirect-uri": func() { to.RedirectURIs = f.redirects },
		"post-logout-redirect-uri": func() { to.PostLogoutRedirectURIs = f.goodbyes }, "scopes": func() { to.Scopes = f.scopes },
		"grant-types": func() { to.GrantTypes = f.grants }, "require-pkce": func() { to.RequirePKCE = f.pkce },
		"trusted": func() { to.Trusted = f.trusted }, "groups-from": func() { to.Settings.GroupsFrom = f.groupsFrom },
		"groups-only": func() { to.Settings.GroupsOnly = f.only }, "app": func() { to.ConnectorKey = f.app },
	} {
		if cmd.Flags().Changed(flag) {
			set()
		}
	}
	l := &to.Settings.Lifetimes
	for i, life := range []*time.Duration{&l.Access, &l.ID, &l.Refresh, &l.RefreshAbsolute} {
		if cmd.Flags().Changed(lifeFlags()[i]) {
			*life = f.lives[i]
		}
	}
	for _, s := range clientrules.Settings() {
		if flag := cmd.Flags().Lookup(flagOf(s)); flag != nil && flag.Changed {
			if err := s.Set(to, flag.Value.String()); err != nil {
				return usageError{fmt.Errorf("--%s: %s", flag.Name, err.Sentence())}
			}
		}
	}
	return nil
}

func (c *cli) clientsAdd() *cobra.Command {
	var f clientFlags
	var public bool
	var cmd *cobra.Command
	cmd = c.dataCommand(data{
		use: "add --name NAME --redirect-uri URI", short: "Add a client, and print its secret, this once",
		example: "  gatehouse clients add --name Wiki --redirect-uri https://wiki.example.com/callback --scopes openid,profile,email",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			draft := gatehouse.Client{Scopes: []string{"openid", "profile", "email"}, RequirePKCE: true}
			if err := f.over(cmd, &draft); err != nil {
				return err
			}
			var s clientJSON
			err := t.Store.Update(ctx, func(tx *store.Tx) error {
				made, secret, err := t.Access.Apps.AddClient(tx, c.operator(), draft, !public)
				if err != nil {
					return err
				}
				s, err = showClient(tx, made)
				s.Secret = secret
				return err
			})
			if err != nil {
				return err
			}
			return c.told(s)
		},
	})
	f.add(cmd)
	cmd.Flags().BoolVar(&public, "public", false, "it cannot keep a secret: an app in a browser or on a device")
	return cmd
}

// changeClient does one thing to a client, and says what came of it.
func (c *cli) changeClient(ctx context.Context, t *server.Tools, id string, do func(*store.Tx, gatehouse.Client) (gatehouse.Client, string, error), say func(clientJSON) error) error {
	var s clientJSON
	err := t.Store.Update(ctx, func(tx *store.Tx) error {
		found, err := findClient(tx, id)
		if err != nil {
			return err
		}
		changed, secret, err := do(tx, found)
		if err != nil {
			return err
		}
		s, err = showClient(tx, changed)
		s.Secret = secret
		return err
	})
	if err != nil {
		return err
	}
	return say(s)
}

func (c *cli) clientsSet() *cobra.Command {
	var f clientFlags
	var cmd *cobra.Command
	cmd = c.dataCommand(data{
		use: "set ID", short: "Change what is named of a client of the dashboard", example: "  gatehouse clients set 5832… --groups-from gitlab --groups-only eng,ops/core", args: exactly("ID"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			return c.changeClient(ctx, t, args[0], func(tx *store.Tx, found gatehouse.Client) (gatehouse.Client, string, error) {
				if err := f.over(cmd, &found); err != nil {
					return found, "", err
				}
				return t.Access.Apps.SetClient(tx, c.operator(), found)
			}, c.told)
		},
	})
	f.add(cmd)
	return cmd
}

func (c *cli) clientsRenew() *cobra.Command {
	return c.dataCommand(data{
		use: "renew-secret ID", short: "Give a client a new secret, and print it, this once; the old one is good no more", example: "  gatehouse clients renew-secret 5832…", args: exactly("ID"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			return c.changeClient(ctx, t, args[0], func(tx *store.Tx, found gatehouse.Client) (gatehouse.Client, string, error) {
				return t.Access.Apps.RenewClientSecret(tx, c.operator(), found.ID, found.UpdatedAt)
			}, func(s clientJSON) error { return c.print(s, func(p *printer) { p.line("%s", s.Secret) }) })
		},
	})
}

func (c *cli) clientsTurn(verb string) *cobra.Command {
	short := "Let people sign in to a client of the dashboard"
	if verb == "disable" {
		short = "Let nobody sign in to a client of the dashboard any more; its tokens open nothing"
	}
	return c.dataCommand(data{
		use: verb + " ID", short: short, example: "  gatehouse clients " + verb + " 5832…", args: exactly("ID"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			return c.changeClient(ctx, t, args[0], func(tx *store.Tx, found gatehouse.Client) (gatehouse.Client, string, error) {
				found.Enabled = verb == "enable"
				changed, err := t.Access.Apps.ChangeClient(tx, c.operator(), found)
				return changed, "", err
			}, func(s clientJSON) error {
				return c.print(s, func(p *printer) { p.line("The client %s is %sd.", s.Name, verb) })
			})
		},
	})
}

func (c *cli) clientsRemove() *cobra.Command {
	var sure bool
	cmd := c.dataCommand(data{
		use: "remove ID --yes", short: "Remove a client of the dashboard: its tokens end, and what people allowed it is forgotten", example: "  gatehouse clients remove 5832… --yes", args: exactly("ID"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			if !sure {
				return usageError{fmt.Errorf("say --yes: nobody can sign in to a client that is removed, and its Application ID never comes back")}
			}
			return c.changeClient(ctx, t, args[0], func(tx *store.Tx, found gatehouse.Client) (gatehouse.Client, string, error) {
				return found, "", t.Access.Apps.RemoveClient(tx, c.operator(), found.ID, found.UpdatedAt)
			}, func(s clientJSON) error {
				return c.print(s, func(p *printer) { p.line("The client %s is removed.", s.Name) })
			})
		},
	})
	cmd.Flags().BoolVar(&sure, "yes", false, "really")
	return cmd
}
