package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresTx is what runs on one connection of PostgreSQL. The server is a
// journey away, so what nobody waits for (the begin, statements that were only
// sent) travels with the next statement, or with the commit.
type postgresTx struct {
	conn    *pgx.Conn
	waiting []sent // not on its way yet
	open    bool   // a transaction was begun on the server
}

// sent is a statement of which only the effect matters.
type sent struct {
	query string
	args  []any
}

// mostWaiting bounds what waits, for bulk loads.
const mostWaiting = 16

// began is a transaction whose begin waits for its first statement.
func began(c *pgx.Conn, begin string) *postgresTx {
	return &postgresTx{conn: c, waiting: []sent{{query: begin}}}
}

// exec is for querier.
func (t *postgresTx) exec(ctx context.Context, query string, args []any) (n int64, err error) {
	if len(t.waiting) == 0 {
		tag, err := t.conn.Exec(ctx, query, args...)
		return tag.RowsAffected(), err
	}
	err = t.travel(ctx, sent{query, args}, func(r pgx.BatchResults) error {
		tag, err := r.Exec()
		n = tag.RowsAffected()
		return err
	})
	return n, err
}

// send is for querier.
func (t *postgresTx) send(ctx context.Context, query string, args []any) error {
	if len(t.waiting) < mostWaiting {
		t.waiting = append(t.waiting, sent{query, args})
		return nil
	}
	_, err := t.exec(ctx, query, args)
	return err
}

// query is for querier.
func (t *postgresTx) query(ctx context.Context, each func(row) error, query string, args []any) error {
	if len(t.waiting) == 0 {
		rows, err := t.conn.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		return drain(rows, each)
	}
	return t.travel(ctx, sent{query, args}, func(r pgx.BatchResults) error {
		rows, err := r.Query()
		if err != nil {
			return err
		}
		return drain(rows, each)
	})
}

func drain(rows pgx.Rows, each func(row) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// travel takes all that waits and one statement more to the server and back.
func (t *postgresTx) travel(ctx context.Context, last sent, result func(pgx.BatchResults) error) (err error) {
	var b pgx.Batch
	for _, s := range t.waiting {
		b.Queue(s.query, s.args...)
	}
	b.Queue(last.query, last.args...)
	n := len(t.waiting)
	t.waiting, t.open = t.waiting[:0], true
	results := t.conn.SendBatch(ctx, &b)
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
	}()
	for range n {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	return result(results)
}

// commit makes durable what was done. A transaction that did nothing has nothing
// to commit.
func (t *postgresTx) commit(ctx context.Context) error {
	if !t.open && len(t.waiting) <= 1 {
		return nil
	}
	var outcome string
	err := t.travel(ctx, sent{query: "commit"}, func(r pgx.BatchResults) error {
		tag, err := r.Exec()
		outcome = tag.String()
		return err
	})
	if err == nil && outcome != "COMMIT" {
		err = errors.New("the server rolled the transaction back")
	}
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	t.open = false
	return nil
}

// backTime bounds how long a connection may take to undo a transaction.
const backTime = 5 * time.Second

// end undoes what was not committed. A connection that cannot is not used again.
func (t *postgresTx) end(ctx context.Context) {
	const idle = 'I' // PostgreSQL's protocol, ReadyForQuery
	if t.conn.IsClosed() || !t.open && t.conn.PgConn().TxStatus() == idle {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backTime)
	defer cancel()
	if _, err := t.conn.Exec(ctx, "rollback"); err != nil || t.conn.PgConn().TxStatus() != idle {
		t.conn.Close(ctx) //nolint:errcheck // the pool opens another
	}
}
