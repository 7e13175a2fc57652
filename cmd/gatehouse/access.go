package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/reach"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

func (c *cli) access() *cobra.Command {
	return group("access", "See who reaches what in a connected app, and why", c.accessWho(), c.accessOf(), c.accessFindings(), c.accessMatch(), c.accessUnmatch(), c.accessRules(), c.accessRematch())
}

// pathJSON is one reason why an account reaches something.
type pathJSON struct {
	Kind     string    `json:"kind"`
	Role     string    `json:"role"`
	Level    int       `json:"level"`
	Until    time.Time `json:"until,omitzero"`
	Sentence string    `json:"sentence"`
}

func showPaths(kind string, paths []reach.Path) []pathJSON {
	return each(paths, func(p reach.Path) pathJSON {
		return pathJSON{string(p.Kind), reach.RoleName(kind, p.Role), p.Role.Level, p.Until, reach.Sentence(i18n.English, kind, p)}
	})
}

// accountJSON is as much of an account as says who it is.
type accountJSON struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Type     string `json:"type"`
	State    string `json:"state"`
	UserID   string `json:"user_id"`
}

func showAccount(a gatehouse.Account) accountJSON {
	return accountJSON{a.ID, a.Username, a.Name, a.Email, string(a.Type), a.State, a.UserID}
}

// resourceJSON is as much of a resource as says what it is.
type resourceJSON struct {
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	Path       string `json:"path"`
	Name       string `json:"name"`
	Visibility string `json:"visibility"`
	State      string `json:"state"`
}

func showResource(r gatehouse.Resource) resourceJSON {
	return resourceJSON{string(r.ID), string(r.Kind), r.Path, r.Name, r.Visibility, r.State}
}

// reacherJSON is an account that reaches the resource in question.
type reacherJSON struct {
	Account accountJSON `json:"account"`
	Role    string      `json:"role"`
	Level   int         `json:"level"`
	Paths   []pathJSON  `json:"paths"`
}

// whoJSON says who reaches a resource.
type whoJSON struct {
	Connector string        `json:"connector"`
	Resource  resourceJSON  `json:"resource"`
	Reachers  []reacherJSON `json:"reachers"`
	Gaps      []string      `json:"gaps,omitempty"` // what could not be seen: others may reach it too
}

// withConnector gives a command the flag --connector.
func withConnector(cmd *cobra.Command, key *string) *cobra.Command {
	cmd.Flags().StringVar(key, "connector", "", "key of the connector (default: the only one there is)")
	return cmd
}

func (c *cli) accessWho() *cobra.Command {
	var key string
	return withConnector(c.dataCommand(data{
		use: "who PATH", short: "Show who reaches a group or project, with which role, and by every path",
		example: "  gatehouse access who engineering/web/shop --connector gitlab", args: exactly("PATH"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var found whoJSON
			err := t.Store.View(ctx, func(tx *store.Tx) (err error) {
				found, err = who(tx, key, args[0])
				return err
			})
			if err != nil {
				return err
			}
			return c.print(found, func(p *printer) { printWho(p, found) })
		},
	}), &key)
}

func who(tx *store.Tx, key, path string) (whoJSON, error) {
	of, err := findConnector(tx, key)
	if err != nil {
		return whoJSON{}, err
	}
	r, err := findResource(tx, of, path)
	if err != nil {
		return whoJSON{}, err
	}
	answer, err := reach.OnResource(tx, of.ID, r.ID)
	if err != nil {
		return whoJSON{}, err
	}
	return whoJSON{of.Key, showResource(answer.Resource), each(answer.Reachers, func(r reach.Reacher) reacherJSON {
		return reacherJSON{showAccount(r.Account), reach.RoleName(of.Kind, r.Role), r.Role.Level, showPaths(of.Kind, r.Paths)}
	}), each(answer.Gaps, func(u reach.Unseen) string { return u.Sentence(i18n.English) })}, nil
}

// findResource finds a group or project by its full path, and names what is
// near it where there is none.
func findResource(tx *store.Tx, of gatehouse.Connector, path string) (gatehouse.Resource, error) {
	path = strings.Trim(path, "/")
	all, err := every(func(at store.Cursor) (store.Page[gatehouse.Resource], error) {
		return tx.Resources(of.ID, store.ResourceFilter{Search: path}, at)
	})
	if err != nil {
		return gatehouse.Resource{}, err
	}
	var near []string
	for _, r := range all {
		if strings.EqualFold(r.Path, path) {
			return r, nil
		}
		near = append(near, r.Path)
	}
	switch {
	case of.PulledAt.IsZero():
		return gatehouse.Resource{}, fmt.Errorf("nothing is known of %s yet; it was never read to its end", of.Key)
	case len(near) == 0:
		return gatehouse.Resource{}, fmt.Errorf("no group or project of %s has the full path %s", of.Key, path)
	}
	return gatehouse.Resource{}, fmt.Errorf("no group or project of %s has the full path %s; what has it in its path or name: %s", of.Key, path, some(near))
}

// some names the first of many.
func some(all []string) string {
	const most = 5
	if len(all) > most {
		return fmt.Sprintf("%s and %d more", clean(strings.Join(all[:most], ", ")), len(all)-most)
	}
	return clean(strings.Join(all, ", "))
}

func printWho(p *printer, w whoJSON) {
	p.line("%s (%s of %s) is reached by %d accounts.\n", w.Resource.Path, w.Resource.Kind, w.Connector, len(w.Reachers))
	var rows [][]string
	for _, r := range w.Reachers {
		rows = append(rows, withReasons(p, []string{cmp.Or(r.Account.Username, "id:"+r.Account.ID), r.Account.Name, r.Account.State}, r.Paths)...)
	}
	p.table("Nobody.", []string{"ACCOUNT", "NAME", "STATE", "ROLE", "WHY"}, rows)
	for _, gap := range w.Gaps {
		p.line("Not seen: %s Others may reach it too.\n", gap)
	}
}

// withReasons is a row for each path, the best first; what is the same is not
// repeated.
func withReasons(p *printer, first []string, paths []pathJSON) [][]string {
	var rows [][]string
	for i, path := range paths {
		row := make([]string, len(first), len(first)+2)
		if i == 0 {
			copy(row, first)
		}
		why := path.Sentence
		if !path.Until.IsZero() {
			why += " (until " + p.when(path.Until) + ")"
		}
		rows = append(rows, append(row, path.Role, why))
	}
	return rows
}

// reachedJSON is a resource that the account in question reaches.
type reachedJSON struct {
	Resource resourceJSON `json:"resource"`
	Role     string       `json:"role"`
	Level    int          `json:"level"`
	Paths    []pathJSON   `json:"paths"`
}

// ofJSON says what an account reaches.
type ofJSON struct {
	Connector string        `json:"connector"`
	Account   accountJSON   `json:"account"`
	Reached   []reachedJSON `json:"reached"`
}

func (c *cli) accessOf() *cobra.Command {
	var key string
	return withConnector(c.dataCommand(data{
		use: "of ACCOUNT", short: "Show what an account of an app reaches, with which role, and by every path",
		long: `Shows what an account of a connected app reaches, with which role, and by every
path. An account is named by its username there, or by id:ID.`,
		example: "  gatehouse access of li.na --connector gitlab", args: exactly("ACCOUNT"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var found ofJSON
			err := t.Store.View(ctx, func(tx *store.Tx) (err error) {
				found, err = of(tx, key, args[0])
				return err
			})
			if err != nil {
				return err
			}
			return c.print(found, func(p *printer) { printOf(p, found) })
		},
	}), &key)
}

func of(tx *store.Tx, key, name string) (ofJSON, error) {
	in, err := findConnector(tx, key)
	if err != nil {
		return ofJSON{}, err
	}
	account, err := findAccount(tx, in, name)
	if err != nil {
		return ofJSON{}, err
	}
	all, err := reach.OfAccount(tx, in.ID, account.ID)
	if err != nil {
		return ofJSON{}, err
	}
	return ofJSON{in.Key, showAccount(account), each(all, func(r reach.Reached) reachedJSON {
		return reachedJSON{showResource(r.Resource), reach.RoleName(in.Kind, r.Role), r.Role.Level, showPaths(in.Kind, r.Paths)}
	})}, nil
}

func findAccount(tx *store.Tx, in gatehouse.Connector, name string) (gatehouse.Account, error) {
	if id, ok := strings.CutPrefix(name, "id:"); ok {
		a, err := tx.Account(in.ID, id)
		return a, missing(err, "no account of %s has the id %s", in.Key, id)
	}
	all, err := every(func(at store.Cursor) (store.Page[gatehouse.Account], error) {
		return tx.Accounts(in.ID, store.AccountFilter{Search: name}, at)
	})
	if err != nil {
		return gatehouse.Account{}, err
	}
	var found []gatehouse.Account
	for _, a := range all {
		if strings.EqualFold(a.Username, name) {
			found = append(found, a)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return gatehouse.Account{}, fmt.Errorf("no account of %s has the username %s; an account can be named by id:ID, too", in.Key, name)
	}
	return gatehouse.Account{}, usageError{errors.New("several accounts have this username: name one by id:" + some(each(found, func(a gatehouse.Account) string { return a.ID })))}
}

func printOf(p *printer, o ofJSON) {
	p.line("%s (%s) of %s reaches %d groups and projects.\n", cmp.Or(o.Account.Username, o.Account.ID), o.Account.Name, o.Connector, len(o.Reached))
	var rows [][]string
	for _, r := range o.Reached {
		rows = append(rows, withReasons(p, []string{r.Resource.Path, r.Resource.Kind}, r.Paths)...)
	}
	p.table("Nothing.", []string{"PATH", "KIND", "ROLE", "WHY"}, rows)
}
