package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/server"
)

// streams are the process's own.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// cli is what the commands share.
type cli struct {
	streams
	env        func(string) (string, bool)
	configPath string
	logLevel   string
	logJSON    bool
	json       bool // --json of a command on data

	clock gatehouse.Clock // nil: time.Now
	local *time.Location  // of the times that are shown; nil: the machine's
	poll  time.Duration   // how often a sync that is waited for is looked at; 0: usualPoll
}

func (c *cli) zone() *time.Location {
	if c.local != nil {
		return c.local
	}
	return time.Local
}

// usageError is a wrong command line or configuration.
type usageError struct{ error }

// Unwrap gives the error itself.
func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var u usageError
	if _, bad := config.AsError(err); bad || errors.As(err, &u) {
		return exitUsage
	}
	return exitFailed
}

func newRoot(c *cli) *cobra.Command {
	root := &cobra.Command{
		Use:   "gatehouse",
		Short: "Sign people in, be their apps' OpenID provider, and keep GitLab in order",
		Long: `Gatehouse signs people in with DingTalk, GitLab or any OpenID provider, is one
OpenID provider (GitLab-compatible) to their apps, and keeps GitLab in order.

To try it out, with stand-ins for GitLab and DingTalk and nothing to configure:

  gatehouse dev`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.PersistentFlags().StringVar(&c.logLevel, "log-level", "", "debug, info, warn or error (default info; dev: warn)")
	root.PersistentFlags().BoolVar(&c.logJSON, "log-json", false, "write the log as JSON lines")
	root.AddCommand(c.dev(), c.serve(), c.reload(), c.check(), c.versionCommand(),
		c.users(), c.approvals(), c.connections(), c.clients(), c.connectors(), c.access(), c.decisions(), c.keys(), c.mail(), c.tokens(), c.registrationTokens(), c.imports(), c.verify())
	refuseArguments(root)
	return root
}

// refuseArguments has every command below say what is wrong with arguments that
// it does not take.
func refuseArguments(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		switch {
		case sub.Args != nil:
		case sub.HasSubCommands():
			sub.Args = knownCommand
		default:
			sub.Args = noArguments
		}
		refuseArguments(sub)
	}
}

// knownCommand refuses a command that is not there.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usageError{fmt.Errorf("%s has no command %q%s; see %s --help", cmd.CommandPath(), args[0], hint, cmd.CommandPath())}
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no argument such as %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())}
	}
	return nil
}

// withConfig gives a command the flag --config.
func (c *cli) withConfig(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&c.configPath, "config", "", "configuration file (default $GATEHOUSE_CONFIG, then ./gatehouse.yml)")
	return cmd
}

// load reads the configuration that --config or the environment names. Its
// warnings go to the log.
func (c *cli) load(log *slog.Logger) (*config.Config, error) {
	fromEnv, _ := c.env("GATEHOUSE_CONFIG")
	read, warnings, err := config.Load(cmp.Or(c.configPath, fromEnv, "gatehouse.yml"), c.env)
	for _, w := range warnings {
		log.Warn(w.String())
	}
	if err != nil {
		return nil, usageError{err}
	}
	return read, nil
}

// checked is load of a configuration whose parts fit together too.
func (c *cli) checked(log *slog.Logger) (*config.Config, error) {
	read, err := c.load(log)
	if err != nil {
		return nil, err
	}
	if err := server.Check(read, log); err != nil {
		return nil, usageError{err}
	}
	return read, nil
}

func (c *cli) logger(standard slog.Level) (*slog.Logger, error) {
	level := standard
	if c.logLevel != "" {
		if err := level.UnmarshalText([]byte(c.logLevel)); err != nil {
			return nil, usageError{fmt.Errorf("--log-level %s is not one of debug, info, warn and error", c.logLevel)}
		}
	}
	o := &slog.HandlerOptions{Level: level}
	if c.logJSON {
		return slog.New(slog.NewJSONHandler(c.err, o)), nil
	}
	return slog.New(slog.NewTextHandler(c.err, o)), nil
}

func (c *cli) dev() *cobra.Command {
	o := server.DevOptions{Out: c.out}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine, with stand-ins for GitLab and DingTalk and a demo app",
		Long: `Runs Gatehouse with stand-ins for GitLab, DingTalk and an OpenID provider and a demo app, on
loopback.
Nothing needs to be configured, and nobody needs a password: it is for trying out
and developing, never for real people.

The twins of GitLab and DingTalk, the demo app and the twin of an OpenID provider
take the four ports after --addr.
Everything is kept in --data, and is there again at the next start.`,
		Example: "  gatehouse dev\n  gatehouse dev --addr 127.0.0.1:9000 --data /tmp/gatehouse\n  gatehouse dev --clients examples/go/gatehouse.yml",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Log, err = c.logger(slog.LevelWarn); err != nil {
				return err
			}
			return server.Dev(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Addr, "addr", "127.0.0.1:8080", "host and port of Gatehouse")
	cmd.Flags().StringVar(&o.Data, "data", ".gatehouse", "folder for everything that is kept")
	cmd.Flags().StringArrayVar(&o.Clients, "clients", nil, "file with a clients section, for an app to try out (may be repeated)")
	return cmd
}

func (c *cli) serve() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Run for real, by a configuration file",
		Example: "  gatehouse serve --config /etc/gatehouse/gatehouse.yml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := c.logger(slog.LevelInfo)
			if err != nil {
				return err
			}
			read, err := c.load(log)
			if err != nil {
				return err
			}
			hangUp := make(chan os.Signal, 1)
			signal.Notify(hangUp, syscall.SIGHUP)
			defer signal.Stop(hangUp)
			return server.Serve(cmd.Context(), server.ServeOptions{
				Config: read, Log: log, Out: c.out,
				Reload: hangUp, Load: func() (*config.Config, error) { return c.load(log) },
			})
		},
	}
	return c.withConfig(cmd)
}

// reloadPatience is how long a server may take to reload.
const reloadPatience = 30 * time.Second

func (c *cli) reload() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the running server take up its configuration file",
		Long: `Checks the configuration file, has the gatehouse serve of the same key file take it
up, and tells what came of it. Nobody is signed out, and no request is dropped. A
file that is wrong leaves the running configuration in force. Settings that only a
restart can change are named. SIGHUP does the same.`,
		Example: "  gatehouse reload --config /etc/gatehouse/gatehouse.yml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := c.logger(slog.LevelInfo)
			if err != nil {
				return err
			}
			read, err := c.checked(log)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), reloadPatience)
			defer cancel()
			look := time.NewTicker(50 * time.Millisecond)
			defer look.Stop()
			waiting, err := server.Reload(ctx, read, look.C)
			if err != nil {
				return err
			}
			p := &printer{to: c.out}
			p.line("The configuration is in force.")
			if len(waiting) > 0 {
				p.line("These wait for a restart: %s.", strings.Join(waiting, ", "))
			}
			return p.err
		},
	}
	return c.withConfig(cmd)
}

func (c *cli) check() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Check the configuration file and tell everything that is wrong with it",
		Example: "  gatehouse check --config /etc/gatehouse/gatehouse.yml",
		RunE: func(*cobra.Command, []string) error {
			log, err := c.logger(slog.LevelInfo)
			if err != nil {
				return err
			}
			read, err := c.checked(log)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.out, "The configuration is in order: %d connections, %d clients, %d connectors.\n",
				len(read.Connections()), len(read.Clients), len(read.Connectors))
			return err
		},
	}
	return c.withConfig(cmd)
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Tell the version",
		Example: "  gatehouse version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(c.out, "gatehouse", version())
			return err
		},
	}
}

// version is what the build knows of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			v += " " + s.Value[:12]
		}
	}
	return v + " " + info.GoVersion
}
