// Package apps opens the connections and connectors that are stored, keeps them
// open while their settings are unchanged, and stands between them and the rest
// of the program: every call of an outside system has a deadline, is measured,
// writes no secret to the log, and cannot bring the program down.
package apps

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/store"
)

// Apps opens apps. It is used by pointer and is safe for concurrent use.
type Apps struct {
	Store       *store.Store
	Kinds       []integration.Kind
	Outgoing    *outgoing.Maker
	Clock       gatehouse.Clock
	Log         *slog.Logger      // nil: discard
	Metrics     gatehouse.Metrics // nil: none
	Development bool
	URL         string             // what browsers see, without a slash at the end
	BuiltIn     map[string]BuiltIn // by kind; development alone has any
	// Limit is how long a call may take at most, in place of the limits of each
	// kind of call (a person waits 30 s for a provider); 0: those.
	Limit time.Duration

	mu   sync.Mutex
	open map[string]opened // by "connection/…" or "connector/…" and id

	authorities sync.Map // *x509.CertPool by its PEM, so that one that stays has one pool of connections
}

// opened is what was opened for a row, and the row as it was then.
type opened struct {
	row   string
	value any
}

// What a connector's client may take: lists of an app are long, and slow to make.
const (
	connectorTimeout  = 35 * time.Second
	connectorMaxBytes = 32 << 20
)

func (a *Apps) log() *slog.Logger {
	if a.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return a.Log
}

// Kind finds a kind by its name.
func (a *Apps) Kind(name string) (integration.Kind, bool) {
	for _, k := range a.Kinds {
		if k.Name == name {
			return k, true
		}
	}
	return integration.Kind{}, false
}

// Door opens a connection, or gives what is open. A connection that is disabled
// is Forbidden, and is returned with the error; one that does not exist is
// NotFound; one whose settings are wrong is Invalid.
func (a *Apps) Door(ctx context.Context, connectionID string) (gatehouse.Connection, integration.Door, error) {
	return a.door(ctx, false, func(tx *store.Tx) (gatehouse.Connection, error) { return tx.Connection(connectionID) })
}

// DoorByName is Door for the name that stands in addresses.
func (a *Apps) DoorByName(ctx context.Context, name string) (gatehouse.Connection, integration.Door, error) {
	return a.door(ctx, false, func(tx *store.Tx) (gatehouse.Connection, error) { return tx.ConnectionByName(name) })
}

// DoorToTest is DoorByName for an administrator who tries a connection, which
// may be disabled.
func (a *Apps) DoorToTest(ctx context.Context, name string) (gatehouse.Connection, integration.Door, error) {
	return a.door(ctx, true, func(tx *store.Tx) (gatehouse.Connection, error) { return tx.ConnectionByName(name) })
}

func (a *Apps) door(ctx context.Context, disabledToo bool, read func(*store.Tx) (gatehouse.Connection, error)) (gatehouse.Connection, integration.Door, error) {
	var c gatehouse.Connection
	err := a.Store.View(ctx, func(tx *store.Tx) (err error) {
		c, err = read(tx)
		return err
	})
	switch {
	case errors.Is(err, gatehouse.NotFound):
		return c, integration.Door{}, gatehouse.Errorf(gatehouse.NotFound, "There is no such way to sign in. Go back to the sign-in page and choose one.")
	case err != nil:
		return c, integration.Door{}, fmt.Errorf("read the connection: %w", err)
	case !c.Enabled && !disabledToo:
		return c, integration.Door{}, gatehouse.Errorf(gatehouse.Forbidden, "Signing in with %s has been disabled. Use another way to sign in, or ask an administrator.", label(c))
	}
	d, err := kept(a, "connection/"+c.ID, c, func() (integration.Door, error) { return a.openDoor(c) })
	return c, d, err
}

func label(c gatehouse.Connection) string {
	if c.Label != "" {
		return c.Label
	}
	return c.Name
}

// Connector opens a connector, or gives what is open. Whether it is enabled is
// for the caller: a paused one can still be asked what it sees.
func (a *Apps) Connector(ctx context.Context, connectorID string) (gatehouse.Connector, integration.Connected, error) {
	var c gatehouse.Connector
	err := a.Store.View(ctx, func(tx *store.Tx) (err error) {
		c, err = tx.Connector(connectorID)
		return err
	})
	switch {
	case errors.Is(err, gatehouse.NotFound):
		return c, integration.Connected{}, gatehouse.Errorf(gatehouse.NotFound, "There is no such connector.")
	case err != nil:
		return c, integration.Connected{}, fmt.Errorf("read connector %s: %w", connectorID, err)
	}
	settings := c // what says nothing about how to open it must not open it anew
	settings.Status, settings.StatusText, settings.PulledAt, settings.UpdatedAt = "", gatehouse.Note{}, time.Time{}, time.Time{}
	settings.PausedAt, settings.Seen, settings.Alarm = time.Time{}, gatehouse.Sighting{}, gatehouse.Alarm{}
	d, err := kept(a, "connector/"+c.ID, settings, func() (integration.Connected, error) { return a.openConnector(c) })
	return c, d, err
}

// kept gives what is open for a row that has not changed, or opens it. Opening
// speaks to nobody, so it may happen under the lock.
func kept[T any](a *Apps, key string, row any, open func() (T, error)) (T, error) {
	is, err := json.Marshal(row)
	if err != nil {
		var none T
		return none, fmt.Errorf("compare %s: %w", key, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if o, ok := a.open[key]; ok && o.row == string(is) {
		return o.value.(T), nil
	}
	v, err := open()
	if err != nil {
		delete(a.open, key)
		return v, err
	}
	if a.open == nil {
		a.open = map[string]opened{}
	}
	a.open[key] = opened{row: string(is), value: v}
	return v, nil
}

func (a *Apps) openDoor(c gatehouse.Connection) (integration.Door, error) {
	k, ok := a.Kind(c.Kind)
	if !ok || k.OpenConnection == nil {
		return integration.Door{}, gatehouse.Errorf(gatehouse.Invalid, "The connection %s is of the kind %q, by which this build cannot sign people in. Correct its kind.", c.Name, c.Kind)
	}
	c, err := a.withBuiltIn(c)
	if err != nil {
		return integration.Door{}, err
	}
	var hosts []string
	if c.Managed == gatehouse.ManagedByFile && k.ConnectionHosts != nil {
		hosts = k.ConnectionHosts(c)
	}
	roots, err := a.roots(k, c)
	if err != nil {
		return integration.Door{}, fmt.Errorf("open the connection %s: %w", c.Name, err)
	}
	secrets := []string{c.AppSecret}
	log := a.log().With("connection", c.Name, "kind", c.Kind)
	env := a.env(outgoing.ClientOptions{OpenURLs: hosts, RootCAs: roots}, log, secrets)
	d, err := sheltered(func() (integration.Door, error) { return k.OpenConnection(c, env) })
	if err != nil {
		return integration.Door{}, fmt.Errorf("open the connection %s: %w", c.Name, hush(err, secrets))
	}
	return a.guard(k.Name, label(c), env.Log, secrets).door(d), nil
}

// roots are the authorities that a connection's provider may be certified by:
// the system's and its own. nil: the system's.
func (a *Apps) roots(k integration.Kind, c gatehouse.Connection) (*x509.CertPool, error) {
	if k.ConnectionAuthority == nil {
		return nil, nil
	}
	pem, err := k.ConnectionAuthority(c)
	if err != nil || pem == "" {
		return nil, err
	}
	if known, ok := a.authorities.Load(pem); ok {
		return known.(*x509.CertPool), nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM([]byte(pem))
	kept, _ := a.authorities.LoadOrStore(pem, pool)
	return kept.(*x509.CertPool), nil
}

func (a *Apps) openConnector(c gatehouse.Connector) (integration.Connected, error) {
	k, ok := a.Kind(c.Kind)
	if !ok || k.OpenConnector == nil {
		return integration.Connected{}, gatehouse.Errorf(gatehouse.Invalid, "The connector %s is of the kind %q, which this build cannot keep in order. Correct its kind.", c.Key, c.Kind)
	}
	var hosts []string
	if c.Managed == gatehouse.ManagedByFile && k.ConnectorHosts != nil {
		hosts = k.ConnectorHosts(c)
	}
	secrets := append(slices.Collect(maps.Values(c.Secrets)), c.Token, c.HookSecret)
	log := a.log().With("connector", c.Key, "kind", c.Kind)
	env := a.env(outgoing.ClientOptions{OpenURLs: hosts, MaxBytes: connectorMaxBytes, Timeout: connectorTimeout}, log, secrets)
	d, err := sheltered(func() (integration.Connected, error) { return k.OpenConnector(c, env) })
	if err != nil {
		return integration.Connected{}, fmt.Errorf("open the connector %s: %w", c.Key, hush(err, secrets))
	}
	return a.guard(k.Name, c.Name, env.Log, secrets).connected(d), nil
}

// sheltered makes a panic of a kind an error.
func sheltered[T any](open func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = gatehouse.Errorf(gatehouse.Invalid, "Its settings could not be understood. Check them, and report this as a fault of Gatehouse.").
				Because(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return open()
}

func (a *Apps) env(o outgoing.ClientOptions, log *slog.Logger, secrets []string) integration.Env {
	return integration.Env{
		HTTP:        a.Outgoing.ClientWith(o),
		Clock:       a.Clock,
		Log:         slog.New(redacting{log.Handler(), secrets}),
		Development: a.Development,
	}
}

func (a *Apps) guard(kind, name string, log *slog.Logger, secrets []string) *guard {
	m := a.Metrics
	if m == nil {
		m = gatehouse.NoMetrics{}
	}
	return &guard{kind: kind, name: name, log: log, metrics: m, secrets: secrets, limit: a.Limit}
}
