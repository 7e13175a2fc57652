package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/lists"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// triedJSON is somebody of a dry run as --json shows them; the keys are those of
// the REST API.
type triedJSON struct {
	Subject    string `json:"subject"`
	Username   string `json:"username"`
	Name       string `json:"name"`
	Email      string `json:"email"`
	NowOutcome string `json:"now_outcome"`
	NowRule    string `json:"now_rule"`
	Outcome    string `json:"outcome"`
	Rule       string `json:"rule"`
	Reason     string `json:"reason"`
	UserID     string `json:"user_id"`
	UserName   string `json:"user_username"`
	Changed    bool   `json:"changed"`
}

func showTried(t users.Tried) triedJSON {
	args := make([]any, len(t.Then.Args))
	for i, a := range t.Then.Args {
		args[i] = a
	}
	p := t.Person.Profile
	return triedJSON{
		Subject: t.Person.Subject, Username: p.Username, Name: p.Name, Email: p.Email,
		NowOutcome: string(t.Now.Outcome), NowRule: t.Now.Rule, Outcome: string(t.Then.Outcome), Rule: t.Then.Rule,
		Reason: gatehouse.Errorf("", t.Then.Reason, args...).Sentence(), UserID: t.User.ID, UserName: t.User.Username, Changed: t.Changed(),
	}
}

// trial are the rules that a dry run proposes.
type trial struct {
	newPeople, autoLink, from string
	domains                   []string
}

func (t trial) over(r gatehouse.ConnectionRules) (gatehouse.ConnectionRules, error) {
	switch n := gatehouse.NewPeople(t.newPeople); n {
	case "":
	case gatehouse.NewPeopleOff, gatehouse.NewPeopleLinkOnly, gatehouse.NewPeopleRequestAccess, gatehouse.NewPeoplePending, gatehouse.NewPeopleCreate:
		r.SetNewPeople(n)
	default:
		return r, usageError{fmt.Errorf("--new-people is off, link_only, request_access, create_pending or create, not %q", t.newPeople)}
	}
	switch t.autoLink {
	case "":
	case "true", "false":
		r.AutoLinkUser = t.autoLink == "true"
	default:
		return r, usageError{fmt.Errorf("--auto-link-user is true or false, not %q", t.autoLink)}
	}
	if len(t.domains) > 0 {
		r.TrustedDomains = t.domains
	}
	for _, d := range t.domains {
		if _, err := lists.Parse(d); err != nil {
			return r, usageError{err}
		}
	}
	return r, nil
}

func (c *cli) usersDryRun() *cobra.Command {
	var t trial
	cmd := c.dataCommand(data{
		use: "dry-run CONNECTION", short: "Say what other rules would decide about people; nothing is written",
		long: `Say what other rules of a connection would decide about people, one after another,
and why. Nothing is written. Without proposed rules it says what holds today.

The people are those who have come by the connection (--from identities), those
who were not let in lately (--from refused), or the accounts that a connector
read (--from and its key).`,
		example: "  gatehouse users dry-run gitlab --new-people create_pending --trusted-domain example.com --from refused",
		args:    exactly("CONNECTION"),
		run: func(ctx context.Context, tools *server.Tools, args []string) error {
			var all []users.Tried
			err := tools.Store.View(ctx, func(tx *store.Tx) (err error) {
				all, err = dryRun(tx, tools.Users, args[0], t)
				return err
			})
			if err != nil {
				return err
			}
			return c.print(each(all, showTried), func(p *printer) { printTried(p, all) })
		},
	})
	f := cmd.Flags()
	f.StringVar(&t.newPeople, "new-people", "", "propose off, link_only, request_access, create_pending or create")
	f.StringVar(&t.autoLink, "auto-link-user", "", "propose true or false")
	f.StringSliceVar(&t.domains, "trusted-domain", nil, "propose these trusted domains")
	f.StringVar(&t.from, "from", users.TryIdentities, "identities, refused, or the key of a connector")
	return cmd
}

func dryRun(tx *store.Tx, u *users.Users, name string, t trial) ([]users.Tried, error) {
	c, err := tx.ConnectionByName(name)
	if err != nil {
		return nil, missing(err, "there is no connection %s; its name is the one in the callback address", clean(name))
	}
	people, err := u.PeopleOf(tx, c, t.from)
	if err != nil {
		return nil, missing(err, "there is no connector %s; --from takes identities, refused or the key of a connector", clean(t.from))
	}
	if c.Rules, err = t.over(c.Rules); err != nil {
		return nil, err
	}
	return u.DryRun(tx, c, people)
}

// printTried prints a dry run: how many by outcome, and a line for everybody.
func printTried(p *printer, all []users.Tried) {
	counts, changed := map[gatehouse.Outcome]int{}, 0
	for _, t := range all {
		counts[t.Then.Outcome]++
		if t.Changed() {
			changed++
		}
	}
	var parts []string
	for _, o := range []struct {
		outcome gatehouse.Outcome
		words   string
	}{
		{gatehouse.OutcomeSignedIn, "signed in"},
		{gatehouse.OutcomeLinked, "linked to accounts"},
		{gatehouse.OutcomeCreated, "given new accounts"},
		{gatehouse.OutcomePending, "waiting for approval"},
		{gatehouse.OutcomeRefused, "not let in"},
		{gatehouse.OutcomeFailed, "not known by any id"},
	} {
		if n := counts[o.outcome]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o.words))
		}
	}
	if len(all) > 0 {
		p.line("%d people: %s. For %d it would come out otherwise than today.\n", len(all), strings.Join(parts, ", "), changed)
	}
	p.table("There is nobody to try it with.", []string{"PERSON", "E-MAIL", "OUTCOME", "AS", "RULE", "TODAY"}, each(all, func(t users.Tried) []string {
		v, today := t.Person, "the same"
		if t.Changed() {
			today = string(t.Now.Outcome)
		}
		return []string{cmp.Or(v.Profile.Name, v.Profile.Username, v.Subject), v.Profile.Email, string(t.Then.Outcome), t.User.Username, t.Then.Rule, today}
	}))
}
