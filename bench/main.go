// Command bench measures Gatehouse on this machine: how many sign-ins a second
// it answers, how fast it is ready, what memory it needs when nothing happens,
// and what it takes to read a GitLab whole. It builds the real binary, runs it on
// loopback in a temporary folder, and prints each figure beside what limits it
// and the mark to reach. It is run by hand and is no test: a mark that is missed
// is told, and the exit code stays 0. Run it on a machine that does nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// longest bounds a whole run, whatever hangs.
const longest = 10 * time.Minute

// measurement is one part of a run.
type measurement struct {
	name, what string
	run        func(*bench, context.Context) error
}

func measurements() []measurement {
	return []measurement{
		{"signin", "sign-ins a second through /oauth/authorize and /oauth/token, and what limits them", (*bench).signIn},
		{"flows", "requests a second of each flow of the provider, on one core", (*bench).flows},
		{"tokens", "memory over 100,000 issued tokens, and their removal in small steps", (*bench).tokens},
		{"federated", "sign-ins a second through a GitLab and back, a session at the end", (*bench).federated},
		{"start", "from starting the process to being ready", (*bench).start},
		{"memory", "memory of the idle process, size of the binary", (*bench).memory},
		{"pull", "reading a GitLab of 5,000 users, 500 groups and 2,000 projects, or of another -size", (*bench).pull},
	}
}

// bench is what the measurements share.
type bench struct {
	out      io.Writer
	dir      string // everything is below it, and it is removed at the end
	binary   string // the built gatehouse
	profile  string // folder for profiles of the hub, "": none
	size     string // of the company whose GitLab is read
	postgres string // address of a server where databases may be made, "": none
	seconds  time.Duration
	only     string                        // of the flows: those whose names contain it
	ended    []func(context.Context) error // what must be undone at the end, the last first
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 { // this binary again, as another process of a measurement
		switch args[0] {
		case childTwin:
			return twinMain(ctx, args[1:])
		case childHub:
			return hubMain(ctx, args[1:])
		}
	}
	b := &bench{out: out, postgres: os.Getenv(postgresServer)}
	wanted, err := b.flags(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	return errors.Join(b.all(ctx, wanted), b.end())
}

// flags reads the command line and gives the measurements that it names, or all.
func (b *bench) flags(args []string) ([]measurement, error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&b.dir, "dir", os.TempDir(), "`folder` for the databases; its disk decides what durable writes cost")
	f.StringVar(&b.profile, "profile", "", "write CPU and heap profiles of the hub to this `folder` (then the hub is not the released binary)")
	f.StringVar(&b.only, "only", "", "of the flows: those whose names contain this `text`")
	f.StringVar(&b.size, "size", "medium", "`size` of the GitLab that pull reads: small (500 users), medium (5,000) or large (50,000)")
	f.DurationVar(&b.seconds, "for", 4*time.Second, "how long each sign-in figure is measured")
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "go run ./bench [flags] [name…]\n\n")
		for _, m := range measurements() {
			fmt.Fprintf(f.Output(), "  %-8s %s\n", m.name, m.what)
		}
		fmt.Fprintf(f.Output(), "\n%s names a PostgreSQL server where databases may be made.\n\n", postgresServer)
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if b.seconds < 100*time.Millisecond || b.seconds > time.Minute {
		return nil, fmt.Errorf("-for %s is not between 100ms and 1m", b.seconds)
	}
	if _, err := sized(b.size); err != nil {
		return nil, err
	}
	return named(f.Args())
}

func named(names []string) ([]measurement, error) {
	all := measurements()
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(m measurement) bool { return m.name == name }) {
			return nil, fmt.Errorf("there is no measurement %q; see -help", name)
		}
	}
	return slices.DeleteFunc(all, func(m measurement) bool { return !slices.Contains(names, m.name) }), nil
}

func (b *bench) all(ctx context.Context, wanted []measurement) (err error) {
	if b.dir, err = os.MkdirTemp(b.dir, "gatehouse-bench-"); err != nil {
		return err
	}
	b.ended = append(b.ended, func(context.Context) error { return os.RemoveAll(b.dir) })
	if b.profile != "" {
		if b.profile, err = filepath.Abs(b.profile); err == nil {
			err = os.MkdirAll(b.profile, 0o750)
		}
		if err != nil {
			return err
		}
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	fmt.Fprint(b.out, machine(b.dir))
	for _, m := range wanted {
		began := time.Now()
		fmt.Fprintf(b.out, "\n%s: %s\n\n", m.name, m.what)
		if err := m.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		fmt.Fprintf(b.out, "(%s, in %s)\n", load(), time.Since(began).Round(time.Second))
	}
	return nil
}

// end undoes everything, also after an interrupt.
func (b *bench) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	for _, undo := range slices.Backward(b.ended) {
		errs = append(errs, undo(ctx))
	}
	return errors.Join(errs...)
}

// folder makes a folder for one measurement.
func (b *bench) folder(name string) (string, error) {
	dir := filepath.Join(b.dir, strings.ReplaceAll(name, " ", "-"))
	return dir, os.Mkdir(dir, 0o700)
}
