// Package server puts everything together: it opens the database and the
// outside systems that the configuration names, mounts the pages and protocols,
// runs the jobs, and ends all of it in order. The list of kinds of apps is here,
// and so is development mode.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/apps"
	"gatehouse/internal/config"
	"gatehouse/internal/credentials"
	"gatehouse/internal/geoip"
	"gatehouse/internal/jobs"
	"gatehouse/internal/lists"
	"gatehouse/internal/mail"
	"gatehouse/internal/op"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/pats"
	"gatehouse/internal/provided"
	"gatehouse/internal/seal"
	"gatehouse/internal/session"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin"
	"gatehouse/internal/web/api"
	"gatehouse/internal/web/entry"
	"gatehouse/internal/web/hooks"
	"gatehouse/internal/web/portal"
	"gatehouse/internal/web/ui"
)

// Options of a Server. Config is needed.
type Options struct {
	Config *config.Config
	Log    *slog.Logger    // nil: discard
	Clock  gatehouse.Clock // nil: time.Now
	// Development opens what only `gatehouse dev` may have: the mark on the
	// pages and the metrics on the public address.
	Development bool

	builtIn      map[string]apps.BuiltIn // credentials of stand-ins, by kind; nil: none
	outsideLimit time.Duration           // of calls of outside systems; 0: the usual ones
}

// mounter is a package of pages.
type mounter interface{ Mount(mux *http.ServeMux) }

// Server is one node of Gatehouse.
type Server struct {
	options Options
	config  *config.Config
	log     *slog.Logger
	dev     bool

	certificate *certificate  // nil: plain HTTP
	mutual      *op.MutualTLS // nil: clients have no certificates

	store       *store.Store
	disposable  *lists.Disposable
	outgoing    *outgoing.Maker
	meters      *meters
	runner      *jobs.Runner
	quick       *jobs.Runner // for what people wait for, beside pulls that take long
	mailer      *mail.Mailer
	ui          *ui.UI
	sessions    *session.Manager
	users       *users.Users
	credentials *credentials.Credentials
	places      portal.Places // nil: nobody knows where an address is
	provided    *provided.Provided
	signIn      *signin.Service
	provider    *op.Provider
	access      *access.Service
	pages       []mounter
}

// Open opens a node: the key file, the database (its schema is brought up to
// date), what the configuration file names. It serves nothing yet.
func Open(ctx context.Context, o Options) (*Server, error) {
	s := newServer(o)
	if err := lostKey(o.Config); err != nil {
		return nil, err
	}
	if err := s.openCertificate(o); err != nil {
		return nil, err
	}
	if err := s.openLow(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.assemble(o)
	if err := s.adopt(ctx); err != nil {
		return nil, errors.Join(otherKey(o.Config, err), s.Close())
	}
	return s, nil
}

func newServer(o Options) *Server {
	s := &Server{options: o, config: o.Config, log: o.Log, dev: o.Development}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

func (s *Server) openLow(ctx context.Context, o Options) error {
	c := o.Config
	box, err := seal.Open(c.KeyFile)
	if err != nil {
		return fmt.Errorf("open the key file: %w", err)
	}
	if s.meters, err = newMeters(); err != nil {
		return fmt.Errorf("make the meters: %w", err)
	}
	if err := s.openFiles(); err != nil {
		return err
	}
	s.store, err = store.Open(ctx, c.Database, store.Options{Seal: box, Clock: o.Clock, Log: s.log})
	if err != nil {
		return err
	}
	return s.meters.gauge("approvals_waiting", s.waiting)
}

// openFiles opens what the configuration names beside the database: at the start,
// and again at each reload.
func (s *Server) openFiles() (err error) {
	if s.disposable, err = lists.OpenDisposable(s.config.SignUp.DisposableDomainsFile); err != nil {
		return err
	}
	if s.config.GeoIPFile != "" {
		places, err := geoip.Open(s.config.GeoIPFile, s.options.Clock, s.log)
		if err != nil {
			return err
		}
		s.places = places
	}
	if s.mutual, err = openMutualTLS(s.config); err != nil {
		return err
	}
	return s.openOutgoing()
}

func (s *Server) openOutgoing() (err error) {
	s.outgoing, err = outgoing.New(outgoing.Options{
		Allow: s.config.Outgoing.Allow, Clock: s.options.Clock, Log: s.log,
		Observe: func(_ string, status int, took time.Duration) {
			s.meters.Observe("outgoing_request", took, "class", class(status))
		},
	})
	if err != nil {
		return fmt.Errorf("open outgoing requests: %w", err)
	}
	return nil
}

// assemble makes the parts and hands them to each other. It opens nothing.
func (s *Server) assemble(o Options) {
	c, secure := o.Config, strings.HasPrefix(o.Config.URL, "https://")
	open := &apps.Apps{
		Store: s.store, Kinds: Kinds(), Outgoing: s.outgoing, Clock: o.Clock, Log: s.log, Metrics: s.meters, Development: o.Development,
		URL: c.URL, BuiltIn: o.builtIn, Limit: o.outsideLimit,
	}
	s.sessions = &session.Manager{Store: s.store, Clock: o.Clock, Log: s.log, Metrics: s.meters, URL: c.URL, Secure: secure}
	s.ui = &ui.UI{Log: s.log, Metrics: s.meters, Clock: o.Clock, Secure: secure, Development: o.Development, Waiting: s.badges}
	s.credentials = &credentials.Credentials{
		Store: s.store, Clock: o.Clock, Metrics: s.meters, URL: c.URL, Rules: credentials.Rules(c.LocalSignIn),
	}
	s.users = &users.Users{
		Store: s.store, Clock: o.Clock, Metrics: s.meters, Admins: c.Admins, URL: c.URL,
		FileSignUp: users.FileSignUp{SignUp: c.SignUp.SignUp, Named: c.SignUp.Named}, Disposable: s.disposable,
		Credentials: s.credentials,
	}
	s.provided = &provided.Provided{Store: s.store, Doors: open, Clock: o.Clock, Log: s.log, Metrics: s.meters}
	s.signIn = &signin.Service{
		Store: s.store, Apps: open, Users: s.users, Sessions: s.sessions, Provided: s.provided, Local: s.credentials,
		URL: c.URL, Clock: o.Clock, Log: s.log, Metrics: s.meters, Development: o.Development,
	}
	personal := &pats.Tokens{Store: s.store, Log: s.log, Metrics: s.meters}
	limiter := &ui.Limiter{Clock: o.Clock} // one for all that a stranger can begin
	s.provider = &op.Provider{
		Store: s.store, UI: s.ui, Sessions: s.sessions, Personal: personal, Provided: s.provided, Limiter: limiter, Registering: op.RegistrationPace{
			Each: &ui.Limiter{Every: time.Minute, Burst: 10, Clock: o.Clock}, All: &ui.Limiter{Every: 5 * time.Second, Burst: 100, Clock: o.Clock},
		}, Refusals: &ui.Limiter{Clock: o.Clock}, URL: c.URL, Clock: o.Clock, Log: s.log, Metrics: s.meters,
		Lifetimes: op.Lifetimes{
			Code: c.Lifetimes.Code, Access: c.Lifetimes.Access, ID: c.Lifetimes.ID,
			Refresh: c.Lifetimes.Refresh, RefreshAbsolute: c.Lifetimes.RefreshAbsolute,
		},
		KeySchedule:    op.KeySchedule{Every: c.SigningKeys.RotateEvery, Announce: c.SigningKeys.Announce},
		RequirePushed:  c.RequirePushed,
		MutualTLS:      s.mutual,
		Web:            s.webOf,
		ProviderLogout: s.signIn.ProviderLogout,
		Registration:   registrationOf(c.Registration),
	}
	observe := func(kind, outcome string, took time.Duration) {
		s.meters.Observe("job", took, "kind", kind, "outcome", outcome)
	}
	s.runner = &jobs.Runner{Store: s.store, Clock: o.Clock, Log: s.log, Observe: observe}
	s.quick = &jobs.Runner{Store: s.store, Clock: o.Clock, Log: s.log, Observe: observe}
	s.access = &access.Service{Store: s.store, Apps: open, Jobs: s.runner, Quick: s.quick, Clock: o.Clock, Log: s.log, Metrics: s.meters}
	s.access.Register()
	s.provider.Register(s.runner)
	s.openMail(o)
	s.registerCleaning()
	s.registerExpiry()
	s.registerRotation()
	s.pages = []mounter{
		&entry.Entry{UI: s.ui, SignIn: s.signIn, Sessions: s.sessions, Leave: s.provider, Limiter: limiter},
		&portal.Portal{
			UI: s.ui, URL: c.URL, Store: s.store, Sessions: s.sessions, SignIn: s.signIn, Provided: s.provided, Personal: personal,
			Local: s.credentials, Places: s.places, Self: s.ownSelf(), MailReady: s.mailer.Ready(), Limiter: limiter,
			NoOwnApplications: c.NoOwnApplications,
		},
		&admin.Admin{
			UI: s.ui, Store: s.store, Sessions: s.sessions, Users: s.users, Access: s.access, Findings: s.access, Personal: personal, Invites: s.signIn, Apps: open, SignIn: s.signIn, URL: c.URL,
			Proofs: s.ownSelf(), Locks: s.credentials, MailReady: s.mailer.Ready, Mailbox: s.mailboxPath(), Matches: s.access.Matches(),
		},
		&api.API{
			UI: s.ui, Store: s.store, Sessions: s.sessions, Users: s.users, Access: s.access, Findings: s.access, Apps: open, Provided: s.provided, Personal: personal, Provider: s.provider, Invites: s.signIn, Locks: s.credentials, URL: c.URL,
			Proofs: s.ownSelf(), MailReady: s.mailer.Ready, Matches: s.access.Matches(),
		},
	}
	s.pages = append(s.pages, &hooks.Hooks{
		Store: s.store, Apps: open, Access: s.access, Log: s.log, Metrics: s.meters, Clock: o.Clock,
		Refusals: &ui.Limiter{Clock: o.Clock, Every: time.Second, Burst: 60},
	})
	s.pages = append(s.pages, s.mailboxPages()...)
}

// adopt writes what the file names, and makes the provider's first key.
func (s *Server) adopt(ctx context.Context) error {
	file := apps.File{Connections: s.config.Connections(), Clients: s.config.Clients, Connectors: s.config.Connectors}
	err := s.store.Update(ctx, func(tx *store.Tx) error { return s.access.Apps.Adopt(tx, file) })
	if err != nil {
		return fmt.Errorf("take over what the configuration names: %w", err)
	}
	return s.provider.EnsureKeys(ctx)
}

// Claim makes the one-time address by which the first administrator comes in,
// valid for a day; "" when an administrator can sign in already.
func (s *Server) Claim(ctx context.Context) (string, error) {
	needed, err := s.signIn.NeedsClaim(ctx)
	if err != nil || !needed {
		return "", err
	}
	token, err := s.signIn.MakeLink(ctx, signin.PurposeClaim, "", 24*time.Hour)
	return s.config.URL + "/sign-in/claim?token=" + token, err
}

// Run serves on the listener and works on jobs until ctx ends, then lets what
// is under way come to its end. metrics may be nil.
func (s *Server) Run(ctx context.Context, public, metrics net.Listener) error {
	return newFront(s).run(ctx, public, metrics)
}

// work carries out jobs and listens to apps until ctx ends.
func (s *Server) work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.runner.Run(ctx) })
	g.Go(func() error { return s.quick.Run(ctx) })
	g.Go(func() error { return s.access.Listen(ctx) })
	return g.Wait()
}

func (s *Server) serve(web *http.Server, l net.Listener) error {
	if s.certificate == nil {
		return web.Serve(l)
	}
	web.TLSConfig = s.tlsConfig()
	return web.ServeTLS(l, "", "")
}

// shutdown gives answers under way ten seconds.
func shutdown(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var errs []error
	for _, srv := range servers {
		if err := srv.Shutdown(ctx); err != nil {
			errs = append(errs, srv.Close())
		}
	}
	return errors.Join(errs...)
}

// retire ends what this Server does on its own and lets go of what no other
// shares: at its end, and when a reload has put another in its place.
func (s *Server) retire() {
	if s.provided != nil {
		s.provided.Wait()
	}
	if s.outgoing != nil {
		s.outgoing.CloseIdle()
	}
}

// Close closes what Open opened.
func (s *Server) Close() error {
	var errs []error
	s.retire()
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.meters != nil {
		errs = append(errs, s.meters.close(context.Background()))
	}
	return errors.Join(errs...)
}

func errCrossSite() error {
	return gatehouse.Errorf(gatehouse.Forbidden, "This form was sent from another site, so nothing was done. Open the page here and send it again.")
}
