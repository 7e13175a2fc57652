package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var examples []string
	for _, sub := range commands {
		examples = append(examples, sub.Example)
	}
	cmd.Example = strings.Join(examples, "\n")
	cmd.AddCommand(commands...)
	return cmd
}

// data is a command on the data of an installation.
type data struct {
	use, short, long string
	example          string
	args             cobra.PositionalArgs // nil: none
	make             bool                 // a new installation is made where there is none
	run              func(ctx context.Context, t *server.Tools, args []string) error
}

// dataCommand gives such a command its flags, and its tools when it runs.
func (c *cli) dataCommand(d data) *cobra.Command {
	cmd := &cobra.Command{Use: d.use, Short: d.short, Long: d.long, Example: d.example, Args: d.args}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.withTools(cmd.Context(), d.make, func(t *server.Tools) error { return d.run(cmd.Context(), t, args) })
	}
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON")
	return c.withConfig(cmd)
}

// withTools opens the installation that the configuration names. What there is
// to remark about the configuration was said when the server started.
func (c *cli) withTools(ctx context.Context, makes bool, do func(*server.Tools) error) (err error) {
	log, err := c.logger(slog.LevelError)
	if err != nil {
		return err
	}
	read, err := c.load(log)
	if err != nil {
		return err
	}
	open := server.OpenTools
	if makes {
		open = server.OpenOrMakeTools
	}
	t, err := open(ctx, server.Options{Config: read, Log: log, Clock: c.clock})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	return do(t)
}

// operator is who runs the command: the system's user, and by sudo who that was
// before.
func (c *cli) operator() gatehouse.Actor {
	name := "uid unknown"
	if u, err := user.Current(); err == nil {
		name = cmp.Or(u.Username, "uid "+u.Uid)
	}
	if before, _ := c.env("SUDO_USER"); before != "" && before != name {
		name = before + " as " + name
	}
	return gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: clean(name)}
}

// print writes v as JSON where that was asked for, else as text.
func (c *cli) print(v any, text func(p *printer)) error {
	if c.json {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	p := &printer{to: c.out, zone: c.zone()}
	text(p)
	return p.err
}

// exactly wants arguments, which are named for the message.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return usageError{fmt.Errorf("%s needs %s; see %s --help", cmd.CommandPath(), strings.Join(names, " and "), cmd.CommandPath())}
	}
}

// pageSize is how much is read at once.
const pageSize = 200

// every reads all pages of a list.
func every[T any](list func(store.Cursor) (store.Page[T], error)) ([]T, error) {
	all := []T{}
	for c := (store.Cursor{Limit: pageSize}); ; {
		page, err := list(c)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		c.After = page.Next
	}
}

// missing makes NotFound a sentence that says what is not there.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, gatehouse.NotFound) {
		return fmt.Errorf(format, args...)
	}
	return err
}
