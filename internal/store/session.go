package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"gatehouse"
)

// session is one SQLite connection with the statements that were prepared on
// it. Preparing costs more than running for nearly everything we ask.
type session struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

// mostStatements bounds the prepared statements of a connection.
const mostStatements = 512

func newSession(ctx context.Context, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, statements: map[string]*sql.Stmt{}}, nil
}

func (s *session) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := s.statements[query]; ok {
		return st, nil
	}
	if len(s.statements) >= mostStatements {
		s.forget()
	}
	st, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.statements[query] = st
	return st, nil
}

func (s *session) forget() {
	for query, st := range s.statements {
		st.Close() //nolint:errcheck // a statement that does not close goes with its connection
		delete(s.statements, query)
	}
}

// ExecContext is for querier.
func (s *session) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := s.prepared(ctx, query) //nolint:sqlclosecheck // it is kept for the next time
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

// QueryContext is for querier.
func (s *session) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := s.prepared(ctx, query) //nolint:sqlclosecheck // it is kept for the next time
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

// broken says whether the connection itself is lost, so that another is needed.
func broken(err error) bool {
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

// run runs a statement that nobody's context may interrupt: begin, commit …
func (s *session) run(query string) error {
	_, err := s.ExecContext(context.Background(), query)
	return err
}

func (s *session) close() error {
	s.forget()
	return s.conn.Close()
}

// readers lends the connections that read. They are opened when they are needed.
type readers struct {
	db   *sql.DB
	free chan *session // nil: may be opened
	quit chan struct{}
}

func newReaders(db *sql.DB, n int) *readers {
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	r := &readers{db: db, free: make(chan *session, n), quit: make(chan struct{})}
	for range n {
		r.free <- nil
	}
	return r
}

var errClosed = gatehouse.Errorf(gatehouse.Unavailable, "Gatehouse is shutting down. Try again in a moment.")

func (r *readers) take(ctx context.Context) (*session, error) {
	select {
	case <-r.quit:
		return nil, errClosed
	default:
	}
	select {
	case s := <-r.free:
		if s != nil {
			return s, nil
		}
		s, err := newSession(ctx, r.db)
		if err != nil {
			r.free <- nil
		}
		return s, err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.quit:
		return nil, errClosed
	}
}

// give takes a connection back; nil is one that was lost.
func (r *readers) give(s *session) { r.free <- s }

// close waits until all are back, and closes them.
func (r *readers) close() error {
	select {
	case <-r.quit:
		return nil
	default:
		close(r.quit)
	}
	var errs []error
	for range cap(r.free) {
		if s := <-r.free; s != nil {
			errs = append(errs, s.close())
		}
	}
	return errors.Join(errs...)
}
