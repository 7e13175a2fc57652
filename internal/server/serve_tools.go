package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"gatehouse/internal/access"
	"gatehouse/internal/config"
	"gatehouse/internal/credentials"
	"gatehouse/internal/op"
	"gatehouse/internal/seal"
	"gatehouse/internal/self"
	"gatehouse/internal/session"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// Tools is what commands work with: the database of an installation and the
// rules that the pages go by, without a server. A server may run meanwhile, and
// carries out the jobs that are added here.
type Tools struct {
	Store    *store.Store
	Users    *users.Users
	Local    *credentials.Credentials
	Sessions *session.Manager
	SignIn   *signin.Service
	Self     *self.Self
	Access   *access.Service
	Provider *op.Provider

	server *Server
}

// MailReady says whether what is mailed reaches anybody.
func (t *Tools) MailReady() bool { return t.server.mailer.Ready() }

// OpenTools opens the database of an installation that is there. It makes
// neither a database nor a key file, and takes nothing over from the
// configuration: that is the server's to do.
func OpenTools(ctx context.Context, o Options) (*Tools, error) {
	if path, ok := sqlitePath(o.Config); ok && !exists(path) {
		return nil, fmt.Errorf("the database %s is not there; the first gatehouse serve makes it", path)
	}
	if !exists(o.Config.KeyFile) {
		return nil, fmt.Errorf("the key file %s is not there; it belongs to the database and is made by the first gatehouse serve, so correct key_file, or restore the file from a backup", o.Config.KeyFile)
	}
	s := newServer(o)
	err := s.openLow(ctx, o)
	if err == nil {
		s.assemble(o)
		err = s.store.View(ctx, func(tx *store.Tx) error {
			_, err := tx.SigningKeys() // sealed since the first start
			return err
		})
	}
	if err != nil {
		return nil, errors.Join(otherKey(o.Config, err), s.Close())
	}
	return s.tools(), nil
}

func (s *Server) tools() *Tools {
	return &Tools{Store: s.store, Users: s.users, Local: s.credentials, Sessions: s.sessions, SignIn: s.signIn, Self: s.ownSelf(), Access: s.access, Provider: s.provider, server: s}
}

// OpenOrMakeTools is OpenTools, and makes the database and its key file where
// neither is there, as the first gatehouse serve would.
func OpenOrMakeTools(ctx context.Context, o Options) (*Tools, error) {
	path, isFile := sqlitePath(o.Config)
	if exists(o.Config.KeyFile) || isFile && exists(path) {
		return OpenTools(ctx, o)
	}
	s, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return s.tools(), nil
}

// URL is what browsers see, without a slash at the end.
func (t *Tools) URL() string { return t.server.config.URL }

// KeyFile is the file of the key that seals the database's secrets.
func (t *Tools) KeyFile() string { return t.server.config.KeyFile }

// Close closes the database.
func (t *Tools) Close() error { return t.server.Close() }

func sqlitePath(c *config.Config) (string, bool) { return strings.CutPrefix(c.Database, "sqlite:") }

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// lostKey refuses to make a new key file for a database that has one already:
// it would open nothing, and hide that the right one is missing.
func lostKey(c *config.Config) error {
	path, ok := sqlitePath(c)
	if !ok || exists(c.KeyFile) {
		return nil
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil //nolint:nilerr // no database yet, or store says what is wrong with it
	}
	return fmt.Errorf("the key file %s is not there, but the database %s is, and its secrets can be read with its own key file only: correct key_file, or restore the file from a backup", c.KeyFile, path)
}

// otherKey says in a sentence that the key file is not the database's.
func otherKey(c *config.Config, err error) error {
	if !errors.Is(err, seal.ErrUnseal) {
		return err
	}
	return fmt.Errorf("the key file %s is not the one that this database was sealed with: correct key_file or database, or restore the two from the same backup: %w", c.KeyFile, err)
}
