package store

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"gatehouse"
)

// postgres is a pool of connections to a PostgreSQL server, which several
// nodes may share.
type postgres struct {
	db *sql.DB
	// line is where those wait who run again, one after another, so that they are
	// not in each other's way once more.
	line chan struct{}
}

const (
	postgresConnections = 24
	oldestPostgres      = 150000 // server_version_num
)

func openPostgres(ctx context.Context, address string, _ Options) (*postgres, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "The address of the PostgreSQL database is not right. Write postgres://USER:PASSWORD@HOST:PORT/NAME.")
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	for name, value := range map[string]string{
		"application_name":                    "gatehouse",
		"idle_in_transaction_session_timeout": "60s", // a node that hangs does not hold its locks for ever
		"lock_timeout":                        "10s",
		"jit":                                 "off", // compiling a query takes longer than any of ours should
	} {
		if _, set := cfg.RuntimeParams[name]; !set {
			cfg.RuntimeParams[name] = value
		}
	}
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(postgresConnections)
	db.SetMaxIdleConns(postgresConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := preparePostgres(ctx, db); err != nil {
		db.Close() //nolint:errcheck // the first error is the one to tell
		return nil, err
	}
	return &postgres{db: db, line: make(chan struct{}, 1)}, nil
}

func preparePostgres(ctx context.Context, db *sql.DB) error {
	var version int
	var encoding string
	err := db.QueryRowContext(ctx, `select cast(current_setting('server_version_num') as integer), current_setting('server_encoding')`).
		Scan(&version, &encoding)
	if err != nil {
		return explain(err)
	}
	if version < oldestPostgres {
		return gatehouse.Errorf(gatehouse.Invalid, "The PostgreSQL server is too old (%d). Gatehouse needs version 15 or later.", version/10000)
	}
	if encoding != "UTF8" {
		return gatehouse.Errorf(gatehouse.Invalid, "The PostgreSQL database has the encoding %s. Gatehouse needs one that was created with encoding UTF8.", encoding)
	}
	return migrate(ctx, goose.DialectPostgres, db, postgresDialect())
}

func (p *postgres) close() error { return p.db.Close() }

func (p *postgres) view(ctx context.Context, fn func(querier) error) error {
	return p.once(ctx, "begin isolation level repeatable read read only", fn)
}

// ask needs no transaction: one statement sees one picture.
func (p *postgres) ask(ctx context.Context, fn func(querier) error) error {
	return p.on(ctx, func(c *pgx.Conn) error { return fn(&postgresTx{conn: c}) })
}

// The bounds of trying again: enough for a burst of writers of one row.
const (
	mostRuns     = 40
	firstPause   = time.Millisecond
	longestPause = 100 * time.Millisecond
)

// How transactions that write begin. Repeatable read is what PostgreSQL calls
// snapshot isolation.
const (
	asIfAlone   = "begin isolation level serializable"
	withOwnRows = "begin isolation level repeatable read"
)

// update runs fn again when the server found that it did not run as if alone.
func (p *postgres) update(ctx context.Context, own bool, fn func(querier) error) error {
	begin := asIfAlone
	if own {
		begin = withOwnRows
	}
	err := p.once(ctx, begin, fn)
	if err == nil || !again(err) {
		return err
	}
	return p.rerun(ctx, begin, fn, err)
}

// rerun runs fn until nobody is in its way. The pause is for those on other
// nodes; those of this one wait in line, though none longer than a pause: who
// is before them may have much to do.
func (p *postgres) rerun(ctx context.Context, begin string, fn func(querier) error, err error) error {
	pause := firstPause
	duplicates := 0
	for run := 2; ; run++ {
		if isDuplicate(err) {
			duplicates++
		}
		// A duplicate that stays is not one that another writer made meanwhile.
		if run == mostRuns || duplicates > 2 {
			return err
		}
		if err := sleep(ctx, pause/2+rand.N(pause)); err != nil {
			return err
		}
		err = p.inLine(ctx, func() error { return p.once(ctx, begin, fn) })
		if err == nil || !again(err) {
			return err
		}
		pause = min(2*pause, longestPause)
	}
}

// inLine runs fn when its turn has come, or after longestPause.
func (p *postgres) inLine(ctx context.Context, fn func() error) error {
	t := time.NewTimer(longestPause)
	defer t.Stop()
	select {
	case p.line <- struct{}{}:
		defer func() { <-p.line }()
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return fn()
}

func (p *postgres) once(ctx context.Context, begin string, fn func(querier) error) error {
	return p.on(ctx, func(c *pgx.Conn) error {
		tx := began(c, begin)
		defer tx.end(ctx)
		if err := fn(tx); err != nil {
			return err
		}
		return tx.commit(ctx)
	})
}

// on lends a connection, without what database/sql would do at each statement.
func (p *postgres) on(ctx context.Context, fn func(*pgx.Conn) error) error {
	pooled, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer pooled.Close() //nolint:errcheck // gives it back
	return pooled.Raw(func(c any) error {
		return fn(c.(*stdlib.Conn).Conn()) //nolint:forcetypeassert // that is the driver
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
