package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/internal/config"
)

// lookAgain is how often the certificate's files are looked at.
const lookAgain = time.Minute

// certificate is the server's own, read again when its files have changed, so
// that a renewal needs no restart. A renewal that cannot be read is logged, and
// the old one stays.
type certificate struct {
	files config.TLS
	clock gatehouse.Clock
	log   *slog.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed [2]time.Time // of the files that were loaded
	looked  time.Time
}

// openCertificate reads the certificate that the configuration names, if any.
func (s *Server) openCertificate(o Options) error {
	if o.Config.TLS.Cert == "" {
		return nil
	}
	s.certificate = &certificate{files: o.Config.TLS, clock: o.Clock, log: s.log, looked: o.Clock.Now()}
	return s.certificate.load()
}

// load reads the files.
func (c *certificate) load() error {
	changed, err := c.times()
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return fmt.Errorf("tls: the certificate %s and the key %s cannot be used: %w", c.files.Cert, c.files.Key, err)
	}
	c.loaded, c.changed = &pair, changed
	return nil
}

func (c *certificate) times() (t [2]time.Time, err error) {
	cert, err1 := os.Stat(c.files.Cert)
	key, err2 := os.Stat(c.files.Key)
	if err := errors.Join(err1, err2); err != nil {
		return t, err
	}
	return [2]time.Time{cert.ModTime(), key.ModTime()}, nil
}

// get gives the certificate for a connection.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.clock.Now(); now.Sub(c.looked) >= lookAgain || now.Before(c.looked) {
		c.looked = now
		c.renew()
	}
	return c.loaded, nil
}

func (c *certificate) renew() {
	if changed, err := c.times(); err == nil && changed == c.changed {
		return
	}
	if err := c.load(); err != nil {
		c.log.Error("the certificate was changed and cannot be read; the old one stays in use", "error", err)
		return
	}
	c.log.Info("the certificate was changed and is in use", "cert", c.files.Cert)
}
