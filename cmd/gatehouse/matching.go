package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

// matchJSON says whose an account is, and why. Its keys are those of the REST API.
type matchJSON struct {
	Connector string `json:"connector"`
	ID        string `json:"id"`
	Username  string `json:"username"`
	UserID    string `json:"user_id"`
	MatchedBy string `json:"matched_by"`
	MatchNote string `json:"match_note"`
}

// rematchAccount changes whose one account is, and tells it.
func (c *cli) rematchAccount(ctx context.Context, t *server.Tools, key, name string, do func(tx *store.Tx, a gatehouse.Account) error) error {
	var is matchJSON
	whose := "nobody"
	err := t.Store.Update(ctx, func(tx *store.Tx) error {
		of, err := findConnector(tx, key)
		if err != nil {
			return err
		}
		a, err := findAccount(tx, of, name)
		if err != nil {
			return err
		}
		if err := do(tx, a); err != nil {
			return err
		}
		if a, err = tx.Account(of.ID, a.ID); err != nil {
			return err
		}
		is = matchJSON{of.Key, a.ID, a.Username, a.UserID, a.Match, a.MatchNote}
		if a.UserID == "" {
			return nil
		}
		u, err := tx.User(a.UserID)
		whose = u.Username + " (" + a.Match + ")"
		return err
	})
	if err != nil {
		return err
	}
	return c.print(is, func(p *printer) { p.line("The account %s of %s is matched to: %s.", is.Username, is.Connector, whose) })
}

func (c *cli) accessMatch() *cobra.Command {
	var key, note string
	cmd := withConnector(c.dataCommand(data{
		use: "match ACCOUNT USER", short: "Say by hand whose an account is",
		long: `Says by hand whose an account of a connected app is, whatever it was before. Pulls
leave it so. An account is named by its username there, or by id:ID; USER is a
username, number, id or verified address.`,
		example: "  gatehouse access match deploy-bot li.na --note 'asked for it in May'", args: exactly("ACCOUNT", "USER"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			return c.rematchAccount(ctx, t, key, args[0], func(tx *store.Tx, a gatehouse.Account) error {
				u, err := t.Access.Matches().User(tx, args[1])
				if err != nil {
					return err
				}
				return t.Access.Matches().Set(tx, c.operator(), a.ConnectorID, a.ID, u.ID, note)
			})
		},
	}), &key)
	cmd.Flags().StringVar(&note, "note", "", "why; stays with the match")
	return cmd
}

func (c *cli) accessUnmatch() *cobra.Command {
	var key string
	return withConnector(c.dataCommand(data{
		use: "unmatch ACCOUNT", short: "Forget whose an account is, and look for its user anew",
		long: `Forgets whose an account of a connected app is, also what was said by hand, and
looks for its user anew: by identity, verified address and rules. An account is
named by its username there, or by id:ID.`,
		example: "  gatehouse access unmatch deploy-bot", args: exactly("ACCOUNT"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			return c.rematchAccount(ctx, t, key, args[0], func(tx *store.Tx, a gatehouse.Account) error {
				return t.Access.Matches().Reset(tx, c.operator(), a.ConnectorID, a.ID)
			})
		},
	}), &key)
}

// maxRulesText bounds what is read of rules, in bytes.
const maxRulesText = 64 << 10

func (c *cli) accessRules() *cobra.Command {
	var key string
	var stdin bool
	cmd := withConnector(c.dataCommand(data{
		use: "rules", short: "Show or set the rules by which accounts are matched to users",
		long: `Shows the rules by which accounts of a connected app are matched to users, one a
line: a field of users (email, username, id, identity.CONNECTION), = and an
expression over account. With --stdin, those on standard input take their place,
and what the old ones matched is matched anew by a running server.`,
		example: "  echo 'email = lower(account.username) + \"@example.com\"' | gatehouse access rules --stdin",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			return c.matchRules(ctx, t, key, stdin)
		},
	}), &key)
	cmd.Flags().BoolVar(&stdin, "stdin", false, "set the rules to those on standard input; none: no rules")
	return cmd
}

func (c *cli) matchRules(ctx context.Context, t *server.Tools, key string, set bool) error {
	var given []gatehouse.MatchRule
	if set {
		text, err := io.ReadAll(io.LimitReader(c.in, maxRulesText))
		if err != nil {
			return fmt.Errorf("read the rules: %w", err)
		}
		if given, err = access.ParseMatchRules(string(text)); err != nil {
			return err
		}
	}
	var rules []gatehouse.MatchRule
	err := t.Store.Update(ctx, func(tx *store.Tx) error {
		of, err := findConnector(tx, key)
		if err != nil {
			return err
		}
		if set {
			if err := t.Access.Matches().SetRules(tx, c.operator(), of.ID, given); err != nil {
				return err
			}
		}
		rules, err = tx.MatchRules(of.ID)
		return err
	})
	if err != nil {
		return err
	}
	type ruleJSON struct {
		Field      string `json:"field"`
		Expression string `json:"expression"`
	}
	all := each(rules, func(r gatehouse.MatchRule) ruleJSON { return ruleJSON(r) })
	return c.print(all, func(p *printer) {
		p.table("There are no rules: accounts are matched by identity and verified address, or by hand.", []string{"FIELD", "EXPRESSION"},
			each(all, func(r ruleJSON) []string { return []string{r.Field, r.Expression} }))
	})
}

func (c *cli) accessRematch() *cobra.Command {
	var key string
	var manual bool
	cmd := withConnector(c.dataCommand(data{
		use: "rematch", short: "Forget all matches of an app, and match its accounts anew",
		long: `Forgets to whom the accounts of a connected app are matched, and has a running
server match them anew. What was set by hand stays, unless --manual is given.`,
		example: "  gatehouse access rematch --connector gitlab",
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			var done struct {
				Forgotten int64 `json:"forgotten"`
			}
			err := t.Store.Update(ctx, func(tx *store.Tx) error {
				of, err := findConnector(tx, key)
				if err != nil {
					return err
				}
				done.Forgotten, err = t.Access.Matches().ResetAll(tx, c.operator(), of.ID, manual)
				return err
			})
			if err != nil {
				return err
			}
			return c.print(done, func(p *printer) {
				p.line("%d matches are forgotten; a running server matches the accounts anew.", done.Forgotten)
			})
		},
	}), &key)
	cmd.Flags().BoolVar(&manual, "manual", false, "forget those that were set by hand, too")
	return cmd
}
