package store

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// writer lets callers write to SQLite one after another, and commits them in
// groups: callers that wait together share one transaction, with a savepoint
// each, and one write to the disk. A caller hears of success only after the
// commit of its group. Each caller runs its own function, on its own goroutine,
// when its turn comes: a panic there is its own, and harms nobody.
type writer struct {
	open    opener
	session *session
	check   func() error // before every transaction and every commit: is the file still there?
	calls   chan *call   // unbuffered: who waits here can still leave
	quit    chan struct{}
	once    sync.Once
	closed  error
	over    chan struct{}
	longest time.Duration // of a group
}

// The bounds of a group, so that nobody waits long for the others.
const (
	groupCallers = 64
	groupTime    = 5 * time.Millisecond
)

// call is one caller of update. The channels have room for one, so that the
// writer never waits for a caller that is gone.
type call struct {
	turn chan turn
	ran  chan error // what the caller's function came to
}

// turn tells a caller what is up: run your function (again), or this is the end.
type turn struct {
	run bool
	err error
}

func (c *call) end(err error) { c.turn <- turn{err: err} }

// errGone is the outcome of a caller that panicked or left its goroutine.
var errGone = errors.New("store: the caller is gone")

func newWriter(s *session, open opener, check func() error) *writer {
	w := &writer{open: open, session: s, check: check, calls: make(chan *call), quit: make(chan struct{}), over: make(chan struct{}), longest: groupTime}
	go w.loop()
	return w
}

// close lets the group under way come to its end, and closes the connection.
func (w *writer) close() error {
	w.once.Do(func() {
		close(w.quit)
		<-w.over
		w.closed = w.session.close()
	})
	return w.closed
}

// update is the caller's side.
func (w *writer) update(ctx context.Context, fn func(querier) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{turn: make(chan turn, 1), ran: make(chan error, 1)}
	select {
	case w.calls <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.quit:
		return errClosed
	}
	for t := range c.turn {
		if !t.run {
			return t.err
		}
		c.run(fn, w.session)
	}
	return errClosed // not reached: turn is never closed
}

// run runs the caller's function and tells the writer even if it does not come
// back: a panic (or runtime.Goexit, by which tests end) goes on afterwards.
func (c *call) run(fn func(querier) error, s *session) {
	err := errGone
	defer func() { c.ran <- err }()
	err = fn(steady{s})
}

// steady keeps the contexts of callers away from SQLite: interrupting one
// caller's statement would roll the whole group back. Tx looks at the context
// before every statement.
type steady struct{ *session }

func (w *writer) loop() {
	defer close(w.over)
	for {
		select {
		case c := <-w.calls:
			w.group(c)
		case <-w.quit:
			return
		}
	}
}

// group serves one caller and all that wait behind it, up to the bounds.
func (w *writer) group(first *call) {
	if err := w.begin(); err != nil {
		first.end(err)
		return
	}
	start := time.Now()
	var ran []*call
	for c := first; c != nil; c = w.next(len(ran), start) {
		kept, lost := w.serve(c)
		if lost {
			w.abandon(ran)
			return
		}
		if kept {
			ran = append(ran, c)
		}
	}
	w.finish(ran)
}

// next is a caller that waits now, or nil when the group is full.
func (w *writer) next(ran int, start time.Time) *call {
	if ran >= groupCallers || time.Since(start) > w.longest {
		return nil
	}
	select {
	case c := <-w.calls:
		return c
	default:
	}
	// Whoever is about to write gets as far as here, and shares this commit.
	runtime.Gosched()
	select {
	case c := <-w.calls:
		return c
	default:
		return nil
	}
}

func (w *writer) begin() error {
	if err := w.check(); err != nil {
		return err
	}
	err := w.session.run("begin immediate")
	if !broken(err) {
		return err
	}
	w.session.close() //nolint:errcheck // it is lost
	s, err := newSession(w.open)
	if err != nil {
		return err
	}
	w.session = s
	return s.run("begin immediate")
}

// serve gives a caller its turn. kept: its work is to be committed. lost: the
// database gave the whole transaction up (a full disk does that).
func (w *writer) serve(c *call) (kept, lost bool) {
	if err := w.session.run("savepoint caller"); err != nil {
		c.end(err)
		return false, true
	}
	c.turn <- turn{run: true}
	err := <-c.ran
	if err == nil {
		if err = w.session.run("release caller"); err == nil {
			return true, false
		}
	}
	undo := errors.Join(w.session.run("rollback to caller"), w.session.run("release caller"))
	c.end(err)
	return false, undo != nil
}

// finish commits, and tells everybody. It looks after the file once more: who
// joined the group after it was taken away must not hear of success.
func (w *writer) finish(ran []*call) {
	err := w.check()
	if err == nil {
		err = w.session.run("commit")
	}
	if err != nil {
		w.session.run("rollback") //nolint:errcheck // the commit's error is the one to tell
	}
	for _, c := range ran {
		c.end(err)
	}
}

// abandon runs those that were ready before the transaction was lost once more,
// each in a transaction of its own: what befell another is not their fault.
func (w *writer) abandon(ran []*call) {
	w.session.run("rollback") //nolint:errcheck // mostly there is nothing left to roll back
	for _, c := range ran {
		w.alone(c)
	}
}

func (w *writer) alone(c *call) {
	if err := w.begin(); err != nil {
		c.end(err)
		return
	}
	kept, lost := w.serve(c)
	switch {
	case lost:
		w.abandon(nil)
	case kept:
		w.finish([]*call{c})
	default:
		w.finish(nil)
	}
}

// exec is for querier.
func (s steady) exec(_ context.Context, query string, args []any) (int64, error) {
	return s.session.exec(context.Background(), query, args)
}

// send is for querier.
func (s steady) send(_ context.Context, query string, args []any) error {
	return s.session.send(context.Background(), query, args)
}

// query is for querier.
func (s steady) query(_ context.Context, each func(row) error, query string, args []any) error {
	return s.session.query(context.Background(), each, query, args)
}
