// Package config reads the configuration file of `gatehouse serve` and the
// environment variables that it names into one checked struct. Whatever is
// wrong with the file is said with line, column and what was expected, all of
// it at once, and never with the value of a secret.
package config

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"gatehouse"
)

// maxFile bounds a configuration file.
const maxFile = 1 << 20

// Config is a whole configuration, checked, with its defaults put in.
type Config struct {
	URL            string // what browsers see and the issuer; without a slash at the end
	Listen         string // host:port; default ":8080"
	TLS            TLS
	MutualTLS      MutualTLS
	Database       string   // "sqlite:" and an absolute path, or "postgres://…"; default sqlite:gatehouse.db
	KeyFile        string   // absolute; default gatehouse.key
	Admins         []string // addresses in lower case
	OmniAuth       OmniAuth
	Clients        []gatehouse.Client
	SignUp         SignUp
	Connectors     []gatehouse.Connector // Status and what the store fills in are not set
	Outgoing       Outgoing
	SMTP           SMTP
	TrustedProxies []netip.Prefix // who may say X-Forwarded-For; none: nobody
	MetricsListen  string         // host:port; "": no metrics
	Lifetimes      Lifetimes
	RequirePushed  bool // authorization requests come by /oauth/par alone
	SigningKeys    SigningKeys
	LocalSignIn    LocalSignIn
	Registration   Registration
	GeoIPFile      string // absolute; "": the place of an address is not shown
	KeepAccounts   bool   // account_deletion: false; people cannot delete their own account
	// NoOwnApplications leaves the making of applications to administrators
	// (GitLab's user_oauth_applications, turned round).
	NoOwnApplications bool
}

// TLS names the files with the certificate chain and its key (PEM), absolute.
// Both are "" when Gatehouse itself speaks plain HTTP.
type TLS struct {
	Cert, Key string
}

// Outgoing is what Gatehouse may connect to besides public addresses and the
// hosts that the file itself names.
type Outgoing struct {
	Allow []netip.Prefix
}

// SMTP is the mail server. Host is "" when there is none.
type SMTP struct {
	Host     string
	Port     int // default 587; 465 when TLS is "tls", 25 when it is "none"
	Username string
	Password string
	From     string // as in a From header: Gatehouse <id@example.com>
	TLS      string // SMTPStartTLS (default), SMTPImplicitTLS or SMTPNoTLS
}

// How mail is sent.
const (
	SMTPStartTLS    = "starttls" // required, not only tried
	SMTPImplicitTLS = "tls"
	SMTPNoTLS       = "none"
)

// Lifetimes says how long what the provider gives is good.
type Lifetimes struct {
	Code            time.Duration // of an authorization code; default 60 s, at most 10 min
	Access          time.Duration // of an access token; default 2 h
	ID              time.Duration // of an ID token; default 2 min
	Refresh         time.Duration // of a refresh token from its issue; default 720 h
	RefreshAbsolute time.Duration // of all refresh tokens of one sign-in; default 4320 h
}

// SigningKeys says when the provider's keys are followed by new ones.
type SigningKeys struct {
	RotateEvery time.Duration // how long a key signs; default 2160 h (90 days)
	Announce    time.Duration // how long a new one is published before it signs; default 24 h
}

// Load reads and checks the file. Relative paths in it are relative to its
// folder. env is os.LookupEnv outside of tests. An error about what the file
// says is an *Error.
func Load(path string, env func(string) (string, bool)) (*Config, []Warning, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	if info.IsDir() {
		return nil, nil, fmt.Errorf("read configuration: %s is a folder; name the file in it", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	c, r, err := parse(path, data, env)
	if r != nil && r.clearSecret.line > 0 && info.Mode().Perm()&0o004 != 0 && runtime.GOOS != "windows" {
		r.warn(r.clearSecret, "every user of this machine can read this secret (the file's mode is %04o); write ${NAME} and put it into the environment, or: chmod 600 %s",
			info.Mode().Perm(), path)
	}
	return c, r.sortedWarnings(), err
}

// Parse checks a configuration that was read from the file of that name. It
// does not read anything else but env.
func Parse(name string, data []byte, env func(string) (string, bool)) (*Config, []Warning, error) {
	c, r, err := parse(name, data, env)
	return c, r.sortedWarnings(), err
}

func parse(name string, data []byte, env func(string) (string, bool)) (*Config, *reader, error) {
	if len(data) > maxFile {
		return nil, nil, &Error{Problems: []Problem{{File: name, Line: 1, Column: 1, Message: fmt.Sprintf("the file is longer than %d bytes, which no configuration is", maxFile)}}}
	}
	base, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	r := newReader(name, base, data, env)
	root := r.tree(data)
	if len(r.problems) > 0 && root == nil {
		return nil, r, r.err()
	}
	c := r.config(root)
	if err := r.err(); err != nil {
		return nil, r, err
	}
	return c, r, nil
}

// AsError is the *Error in the chain, if there is one.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

func (r *reader) config(root *value) *Config {
	s := r.section(root, "")
	c := &Config{
		URL:               r.baseURL(s),
		Listen:            r.listen(s, "listen", ":8080"),
		TLS:               r.tls(s),
		MutualTLS:         r.mutualTLS(s),
		Database:          r.database(s),
		KeyFile:           r.file(s.text("key_file", "gatehouse.key")),
		Admins:            r.addresses(s, "admins"),
		OmniAuth:          r.omniAuth(s),
		SignUp:            r.signUp(s),
		Clients:           r.clients(s),
		Connectors:        r.connectors(s),
		SMTP:              r.smtp(s),
		MetricsListen:     r.listen(s, "metrics_listen", ""),
		Lifetimes:         r.lifetimes(s),
		RequirePushed:     s.flag("require_pushed_authorization_requests", false),
		Registration:      r.registration(s),
		SigningKeys:       r.signingKeys(s),
		LocalSignIn:       r.localSignIn(s),
		GeoIPFile:         r.file(s.text("geoip_file", "")),
		KeepAccounts:      !s.flag("account_deletion", true),
		NoOwnApplications: !s.flag("user_oauth_applications", true),
	}
	r.groupsOfClients(s, c.Clients, c.Connectors)
	r.numbersOfClients(s, c.Clients, c.Connections())
	out := r.section(s.get("outgoing"), s.at("outgoing"))
	c.Outgoing.Allow = r.prefixes(out, "allow", "every address inside your networks can be reached by whoever may enter an address")
	out.done()
	c.TrustedProxies = r.prefixes(s, "trusted_proxies", "whoever connects can then say any address to be theirs")
	if v := s.get("metrics_listen"); v != nil && c.MetricsListen == c.Listen {
		r.problem(v, s.at("metrics_listen"), "is the same address as listen; metrics are not for everybody, so they need one of their own")
	}
	s.done()
	return c
}
