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
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/demo"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	dingtalktwin "gatehouse/internal/twin/dingtalk"
	gitlabtwin "gatehouse/internal/twin/gitlab"
	openidtwin "gatehouse/internal/twin/openid"
	"gatehouse/internal/users"
	"gatehouse/internal/web/mailbox"
)

// DevOptions say where `gatehouse dev` runs.
type DevOptions struct {
	Addr string    // host:port of Gatehouse; the twins and the demo take the next four ports
	Data string    // folder for everything that is kept; made with 0700
	Out  io.Writer // the ready lines
	Log  *slog.Logger

	Clients []string // files with a clients section, for apps to try out; none: the demo app only

	prepare func(*dev, *config.Config) // lets a test reach the stand-ins and the configuration before anything is served; nil: nothing to prepare
}

// devLinkTime is how long the printed link to the dashboard is good. It is used
// up by its first use.
const devLinkTime = 12 * time.Hour

// Dev runs Gatehouse with stand-ins for GitLab, DingTalk and an OpenID provider,
// and a demo app beside it, on loopback, until ctx ends.
func Dev(ctx context.Context, o DevOptions) error {
	places, err := o.places()
	if err != nil {
		return err
	}
	listeners, err := places.listen(ctx)
	if err != nil {
		return err
	}
	defer func() {
		for _, l := range listeners {
			_ = l.Close() // those that a server took are closed already
		}
	}()
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	d := &dev{DevOptions: o, places: places}
	if err := d.open(ctx); err != nil {
		return errors.Join(err, d.close())
	}
	return errors.Join(d.run(ctx, listeners), d.close())
}

// places are the addresses of a development installation.
type places struct{ hub, gitlab, dingtalk, demo, openid string }

// places works the addresses out of --addr.
func (o DevOptions) places() (places, error) {
	host, port, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return places{}, fmt.Errorf("--addr %s is not host:port, as in 127.0.0.1:8080", o.Addr)
	}
	n, err := strconv.Atoi(port)
	switch {
	case err != nil || n < 0 || n > 65535:
		return places{}, fmt.Errorf("--addr %s: %q is not a port number", o.Addr, port)
	case n == 0:
		return places{}, fmt.Errorf("--addr %s: port 0 would be another port at each start, but the addresses are registered with the twins and the demo app; name a port, as in %s:8080", o.Addr, host)
	case n > 65531:
		return places{}, fmt.Errorf("--addr %s: the twins and the demo app need the next four ports, and %d is the last there is", o.Addr, 65535)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return places{}, fmt.Errorf("--addr %s: development mode signs anybody in as anybody, so it listens on loopback only, as in 127.0.0.1:%d", o.Addr, n)
	}
	at := func(i int) string { return net.JoinHostPort(host, strconv.Itoa(n+i)) }
	return places{hub: at(0), gitlab: at(1), dingtalk: at(2), demo: at(3), openid: at(4)}, nil
}

// listen takes all ports or none.
func (p places) listen(ctx context.Context) ([]net.Listener, error) {
	var all []net.Listener
	for _, address := range []string{p.hub, p.gitlab, p.dingtalk, p.demo, p.openid} {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", address)
		if err == nil {
			all = append(all, l)
			continue
		}
		for _, taken := range all {
			_ = taken.Close()
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			_, port, _ := net.SplitHostPort(address)
			return nil, fmt.Errorf("port %s is in use by another program (%s is needed); end it, or choose five free ports in a row with --addr", port, address)
		}
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return all, nil
}

// dev is a running development installation.
type dev struct {
	DevOptions
	places

	hub      *Server
	gitlab   *gitlabtwin.Twin
	dingtalk *dingtalktwin.Twin
	openid   *openidtwin.Twin
	demo     *demo.App
	link     string
}

// Credentials of the stand-ins. They open nothing but the stand-ins, which
// listen on loopback.
const (
	devGitLabApp    = "development-gitlab-application-id"
	devGitLabSecret = "gloas-development-only"
	devGitLabToken  = "glpat-development-only"
	devDemoClient   = "demo"
	devDemoSecret   = "development-only-demo-secret"
	devHookSecret   = "development-only-hook-secret"
)

// configuration is what an operator would write to get what dev has.
func (d *dev) configuration() string {
	hub, gitlab, dingtalk, demoApp, openid := "http://"+d.places.hub, "http://"+d.places.gitlab, "http://"+d.places.dingtalk, "http://"+d.places.demo, "http://"+d.places.openid
	return fmt.Sprintf(`# Written by gatehouse dev at each start; changes to it are lost.
url: %q
listen: %q
database: sqlite:gatehouse.db
key_file: gatehouse.key
omniauth:
  allow_single_sign_on: [dingtalk, gitlab, openid_connect]
  block_auto_created_users: false
  auto_link_user: [dingtalk, gitlab, openid_connect]
  sync_profile_from_provider: true
  providers:
    - name: dingtalk
      label: DingTalk
      app_id: %q
      app_secret: %q
      args: {email_verified: true, client_options: {login_url: %[5]q, api_url: %[5]q, oapi_url: %[5]q, jsapi_url: "%[5]s/dingtalk-jsapi/dingtalk.open.js"}}
    - name: gitlab
      label: GitLab
      app_id: %[6]q
      app_secret: %[7]q
      args: {client_options: {site: %[8]q}}
    - name: openid_connect
      label: Company sign-in
      args:
        issuer: %[14]q
        discovery: true
        scope: [openid, profile, email, groups]
        logout: true
        client_options: {identifier: %[15]q, secret: %[16]q}
clients:
  - id: %[9]q
    secret: %[10]q
    name: Demo app
    redirect_uris: [%[11]q]
    scopes: [openid, profile, email, read_user]
connectors:
  - name: GitLab
    kind: gitlab
    url: %[8]q
    personal_access_token: %[12]q
    hook_secret: %[13]q
  - name: DingTalk
    kind: dingtalk
    app_id: %[3]q
    app_secret: %[4]q
    api_url: %[5]q
    oapi_url: %[5]q
    mode: stream
    email_verified: true
outgoing: {allow: ["127.0.0.0/8", "::1/128"]}
`, hub, d.places.hub, dingtalktwin.DemoAppKey, dingtalktwin.DemoAppSecret, dingtalk,
		devGitLabApp, devGitLabSecret, gitlab, devDemoClient, devDemoSecret, demoApp+"/callback", devGitLabToken, devHookSecret,
		openid, openidtwin.DemoClientID, openidtwin.DemoClientSecret)
}

func (d *dev) open(ctx context.Context) error {
	text := d.configuration()
	path := filepath.Join(d.Data, "gatehouse.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	c, warnings, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return fmt.Errorf("read the configuration that dev wrote: %w", err)
	}
	for _, w := range warnings {
		d.Log.Warn(w.String())
	}
	if err := d.addClients(c); err != nil {
		return err
	}
	if err := d.openTwins(); err != nil {
		return err
	}
	builtIn, err := d.builtIn()
	if err != nil {
		return err
	}
	if d.prepare != nil {
		d.prepare(d, c)
	}
	d.demo = &demo.App{URL: "http://" + d.places.demo, Issuer: c.URL, ClientID: devDemoClient, ClientSecret: devDemoSecret, Log: d.Log}
	if d.hub, err = Open(ctx, Options{Config: c, Log: d.Log, Development: true, builtIn: builtIn}); err != nil {
		return err
	}
	admin, err := d.hub.developmentAdministrator(ctx)
	if err != nil {
		return err
	}
	token, err := d.hub.signIn.MakeLink(ctx, signin.PurposeDev, admin.ID, devLinkTime)
	d.link = c.URL + "/sign-in/link?token=" + token
	return err
}

func (d *dev) openTwins() (err error) {
	d.gitlab, err = gitlabtwin.New(gitlabtwin.Config{
		URL: "http://" + d.places.gitlab, State: filepath.Join(d.Data, "twin-gitlab.json"), AskAlways: true,
	})
	if err != nil {
		return fmt.Errorf("open the GitLab twin: %w", err)
	}
	d.gitlab.AddToken(gitlabtwin.Token{Value: devGitLabToken, UserID: 1, Name: "Gatehouse", Scopes: []string{"api"}})
	d.gitlab.AddHook(gitlabtwin.Hook{URL: "http://" + d.places.hub + "/hooks/gitlab", Token: devHookSecret})
	d.dingtalk, err = dingtalktwin.New(dingtalktwin.Config{URL: "http://" + d.places.dingtalk, State: filepath.Join(d.Data, "twin-dingtalk.json")})
	if err != nil {
		return fmt.Errorf("open the DingTalk twin: %w", err)
	}
	d.openid, err = openidtwin.New(openidtwin.Config{URL: "http://" + d.places.openid, State: filepath.Join(d.Data, "twin-openid.json"), AskAlways: true})
	if err != nil {
		return fmt.Errorf("open the OpenID twin: %w", err)
	}
	return nil
}

// developmentAdministrator is the account that the printed link signs in.
func (s *Server) developmentAdministrator(ctx context.Context) (u gatehouse.User, err error) {
	const name = "dev-administrator"
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		if u, err = tx.UserByUsername(name); gatehouse.KindOf(err) != gatehouse.NotFound {
			return err
		}
		by := gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "gatehouse dev"}
		u, err = s.users.Make(tx, by, users.New{Username: name, Name: "Development administrator", Role: gatehouse.RoleSuperAdministrator})
		return err
	})
	return u, err
}

// run serves them all until ctx ends.
func (d *dev) run(ctx context.Context, l []net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.hub.Run(ctx, l[0], nil) })
	for i, h := range []http.Handler{d.gitlab, d.dingtalk, d.demo, d.openid} {
		srv := newHTTPServer(h, d.Log)
		g.Go(func() error { return ended(srv.Serve(l[i+1])) })
		g.Go(func() error {
			<-ctx.Done()
			// Ends requests that hang by a fault, so that the servers can end.
			_ = errors.Join(d.gitlab.Close(), d.dingtalk.Close(), d.openid.Close())
			return shutdown([]*http.Server{srv})
		})
	}
	d.print()
	return g.Wait()
}

// print tells every address, each on a line of its own.
func (d *dev) print() {
	for _, line := range [][2]string{
		{"demo app", "http://" + d.places.demo + "/"},
		{"dashboard", d.link},
		{"my account", "http://" + d.places.hub + "/user"},
		{"mailbox", "http://" + d.places.hub + mailbox.Path},
		{"gitlab twin", "http://" + d.places.gitlab + "/"},
		{"dingtalk twin", "http://" + d.places.dingtalk + "/"},
		{"openid twin", "http://" + d.places.openid + "/"},
		{"data", d.Data},
		{"ready", "http://" + d.places.hub + "/"},
	} {
		fmt.Fprintf(d.Out, "%-14s %s\n", line[0], line[1])
	}
}

func (d *dev) close() error {
	var errs []error
	if d.hub != nil {
		errs = append(errs, d.hub.Close())
	}
	if d.gitlab != nil {
		errs = append(errs, d.gitlab.Close())
	}
	if d.dingtalk != nil {
		errs = append(errs, d.dingtalk.Close())
	}
	if d.openid != nil {
		errs = append(errs, d.openid.Close())
	}
	return errors.Join(errs...)
}
