package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"syscall"

	"golang.org/x/sync/errgroup"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/integration"
)

// ServeOptions say how to run for real.
type ServeOptions struct {
	Config *config.Config
	Log    *slog.Logger
	Out    io.Writer // the ready line, and the first administrator's address
	// Reload tells to take up the configuration that Load then reads. nil: never.
	Reload <-chan os.Signal
	Load   func() (*config.Config, error)
}

// Serve runs a node by a configuration until ctx ends.
func Serve(ctx context.Context, o ServeOptions) (err error) {
	if err := Check(o.Config, o.Log); err != nil {
		return err
	}
	public, err := listen(ctx, o.Config.Listen, "listen")
	if err != nil {
		return err
	}
	defer func() { _ = public.Close() }() // closed already when it was served
	var metrics net.Listener
	if o.Config.MetricsListen != "" {
		if metrics, err = listen(ctx, o.Config.MetricsListen, "metrics_listen"); err != nil {
			return err
		}
		defer func() { _ = metrics.Close() }()
	}
	s, err := Open(ctx, Options{Config: o.Config, Log: o.Log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	claim, err := s.Claim(ctx)
	if err != nil {
		return err
	}
	if claim != "" {
		fmt.Fprintf(o.Out, "There is no administrator yet. This address makes one; it works once, for a day:\n%s\n", claim)
	}
	if o.Reload == nil {
		fmt.Fprintf(o.Out, "ready %s (listening on %s)\n", o.Config.URL, public.Addr())
		return s.Run(ctx, public, metrics)
	}
	release, err := holdPidFile(pidFile(o.Config))
	if err != nil {
		o.Log.Warn("gatehouse reload will not find this server", "error", err)
	} else {
		defer release()
	}
	fmt.Fprintf(o.Out, "ready %s (listening on %s)\n", o.Config.URL, public.Addr())
	f := newFront(s)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.run(ctx, public, metrics) })
	g.Go(func() error { return f.listenForReloads(ctx, o.Reload, o.Load) })
	debug.FreeOSMemory() // what starting alone needed; people are served meanwhile
	return g.Wait()
}

func listen(ctx context.Context, address, setting string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(address)
		return nil, fmt.Errorf("port %s is in use by another program; end it, or change %s: %s", port, setting, address)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: listen on %s: %w", setting, address, err)
	}
	return l, nil
}

// Check opens, without speaking to anybody, every connection and connector that
// the configuration names, so that a wrong setting is told before anything runs.
func Check(c *config.Config, log *slog.Logger) error {
	env := integration.Env{HTTP: &http.Client{}, Clock: nil, Log: log}
	var errs []error
	for _, connection := range c.Connections() {
		errs = append(errs, checkConnection(connection, env))
	}
	for _, connector := range c.Connectors {
		errs = append(errs, checkConnector(connector, env))
	}
	return errors.Join(errs...)
}

func checkConnection(c gatehouse.Connection, env integration.Env) error {
	k, ok := kind(c.Kind)
	if !ok || k.OpenConnection == nil {
		return fmt.Errorf("omniauth.providers: %s is of the kind %q, by which this build signs nobody in (it knows %s); name one of them by the key kind", c.Name, c.Kind, kindNames())
	}
	if _, err := k.OpenConnection(c, env); err != nil {
		return fmt.Errorf("omniauth.providers: %w", err)
	}
	if k.ConnectionAuthority == nil {
		return nil
	}
	if _, err := k.ConnectionAuthority(c); err != nil {
		return fmt.Errorf("omniauth.providers: %w", err)
	}
	return nil
}

func checkConnector(c gatehouse.Connector, env integration.Env) error {
	k, ok := kind(c.Kind)
	if !ok {
		return fmt.Errorf("connectors: %s is of the kind %q, which this build does not know (it knows %s)", c.Name, c.Kind, kindNames())
	}
	if k.OpenConnector == nil {
		return fmt.Errorf("connectors: %s: this build signs people in with %s but cannot keep it in order yet", c.Name, k.Title)
	}
	if _, err := k.OpenConnector(c, env); err != nil {
		return fmt.Errorf("connectors: %w", err)
	}
	return nil
}

func kind(name string) (integration.Kind, bool) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, true
		}
	}
	return integration.Kind{}, false
}

// KnowsConnection says whether this build signs people in by a kind.
func KnowsConnection(name string) bool {
	k, ok := kind(name)
	return ok && k.OpenConnection != nil
}

func kindNames() string {
	names := ""
	for i, k := range Kinds() {
		if i > 0 {
			names += ", "
		}
		names += k.Name
	}
	return names
}
