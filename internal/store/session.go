package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"gatehouse"
)

// opener opens connections of SQLite. They are used without database/sql, which
// would lock, copy and start a goroutine at each statement, and have nothing to
// do: a connection of ours has one user at a time.
type opener struct {
	driver  driver.Driver
	address string
}

// session is one SQLite connection with the statements that were prepared on
// it. Preparing costs more than running for nearly everything we ask.
type session struct {
	conn       driver.Conn // nil: closed
	statements map[string]*statement
	args       []driver.NamedValue // of the last statement; its memory is used again
}

// statement is one that was prepared, with the argument for each of its places.
type statement struct {
	driver.Stmt
	order []int // nil: as they are numbered
}

// mostStatements bounds the prepared statements of a connection.
const mostStatements = 512

func newSession(o opener) (*session, error) {
	conn, err := o.driver.Open(o.address)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, statements: map[string]*statement{}}, nil
}

func (s *session) prepared(query string) (*statement, error) {
	if s.conn == nil {
		return nil, driver.ErrBadConn
	}
	if st, ok := s.statements[query]; ok {
		return st, nil
	}
	if len(s.statements) >= mostStatements {
		s.forget()
	}
	text, order, ok := positional(query)
	if !ok {
		text, order = query, nil
	}
	st, err := s.conn.Prepare(text)
	if err != nil {
		return nil, err
	}
	s.statements[query] = &statement{st, order}
	return s.statements[query], nil
}

func (s *session) forget() {
	for query, st := range s.statements {
		st.Close() //nolint:errcheck // a statement that does not close goes with its connection
		delete(s.statements, query)
	}
}

// bind makes arguments what the driver takes, each at its place.
func (s *session) bind(st *statement, args []any) ([]driver.NamedValue, error) {
	s.args = s.args[:0]
	for place := range max(len(st.order), len(args)) {
		i := place
		if st.order != nil {
			if place == len(st.order) {
				break
			}
			i = st.order[place]
		}
		if i >= len(args) {
			return nil, fmt.Errorf("store: a statement has no argument $%d", i+1)
		}
		v, err := value(args[i])
		if err != nil {
			return nil, fmt.Errorf("store: argument $%d: %w", i+1, err)
		}
		s.args = append(s.args, driver.NamedValue{Ordinal: place + 1, Value: v})
	}
	return s.args, nil
}

func value(a any) (driver.Value, error) {
	switch v := a.(type) {
	case nil, string, int64, []byte, bool:
		return v, nil
	}
	return driver.DefaultParameterConverter.ConvertValue(a)
}

// exec is for querier.
func (s *session) exec(ctx context.Context, query string, args []any) (int64, error) {
	st, err := s.prepared(query)
	if err != nil {
		return 0, err
	}
	bound, err := s.bind(st, args)
	if err != nil {
		return 0, err
	}
	r, err := st.Stmt.(driver.StmtExecContext).ExecContext(ctx, bound) //nolint:forcetypeassert // the driver has it
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// send is for querier: there is no way that could be saved.
func (s *session) send(ctx context.Context, query string, args []any) error {
	_, err := s.exec(ctx, query, args)
	return err
}

// query is for querier.
func (s *session) query(ctx context.Context, each func(row) error, query string, args []any) (err error) {
	st, err := s.prepared(query)
	if err != nil {
		return err
	}
	bound, err := s.bind(st, args)
	if err != nil {
		return err
	}
	rows, err := st.Stmt.(driver.StmtQueryContext).QueryContext(ctx, bound) //nolint:forcetypeassert // the driver has it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found := make(values, len(rows.Columns()))
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := rows.Next(found); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := each(found); err != nil {
			return err
		}
	}
}

// broken says whether the connection itself is lost, so that another is needed.
func broken(err error) bool { return errors.Is(err, driver.ErrBadConn) }

// run runs a statement that nobody's context may interrupt: begin, commit …
func (s *session) run(query string) error {
	if c, ok := s.conn.(driver.Validator); ok && !c.IsValid() {
		return driver.ErrBadConn
	}
	return s.send(context.Background(), query, nil)
}

func (s *session) close() error {
	if s.conn == nil {
		return nil
	}
	s.forget()
	conn := s.conn
	s.conn = nil
	return conn.Close()
}

// readers lends the connections that read. They are opened when they are needed.
type readers struct {
	open opener
	free chan *session // nil: may be opened
	quit chan struct{}
}

func newReaders(o opener, n int) *readers {
	r := &readers{open: o, free: make(chan *session, n), quit: make(chan struct{})}
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
	case <-ctx.Done():
		return nil, ctx.Err()
	default:
	}
	select {
	case s := <-r.free:
		if s != nil {
			return s, nil
		}
		s, err := newSession(r.open)
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
