package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
)

const (
	usualPoll = 500 * time.Millisecond
	// patience is after how long it is remarked that no server takes the job.
	patience = 15 * time.Second
)

// following is what can be seen of a job that reads an app.
type following struct {
	job  store.JobRow
	pull gatehouse.Pull
}

// follow watches a job until it ends, and ends as it does.
func (c *cli) follow(ctx context.Context, t *server.Tools, of gatehouse.Connector, job string) error {
	poll := c.poll
	if poll == 0 {
		poll = usualPoll
	}
	tick := time.NewTicker(poll)
	defer tick.Stop()
	began, said, remarked := c.clock.Now(), "", false
	for {
		now, err := look(ctx, t, of.ID, job)
		if err != nil {
			return leaving(ctx, of, err)
		}
		if !now.job.EndedAt.IsZero() {
			return c.outcome(of, now)
		}
		if line := progressLine(now); line != said && !c.json {
			said = line
			fmt.Fprintln(c.out, clean(line))
		}
		if !remarked && now.job.Attempt == 0 && c.clock.Now().Sub(began) > patience {
			remarked = true
			fmt.Fprintln(c.err, "gatehouse: no server has begun it yet; is gatehouse serve running with this database?")
		}
		select {
		case <-ctx.Done():
			return leaving(ctx, of, ctx.Err())
		case <-tick.C:
		}
	}
}

// leaving says that the sync does not end with the command.
func leaving(ctx context.Context, of gatehouse.Connector, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("the waiting was ended, and the sync goes on; gatehouse connectors show %s tells how", of.Key)
}

func look(ctx context.Context, t *server.Tools, connectorID, job string) (f following, err error) {
	err = t.Store.View(ctx, func(tx *store.Tx) error {
		if f.job, err = tx.Job(job); err != nil {
			return fmt.Errorf("read the job: %w", err)
		}
		f.pull, err = tx.LastPull(connectorID)
		if errors.Is(err, gatehouse.NotFound) {
			return nil
		}
		return err
	})
	return f, err
}

func progressLine(f following) string {
	switch {
	case f.job.Attempt == 0:
		return "waiting for a server"
	case f.pull.State == gatehouse.PullRunning && f.pull.Error.Text != "":
		return "to be tried again: " + f.pull.Error.Sentence()
	case f.pull.State == gatehouse.PullRunning:
		return "read " + counted(f.pull.Progress)
	}
	return "begun"
}

// outcome is what came of it; anything but a pull that is done is an error.
func (c *cli) outcome(of gatehouse.Connector, f following) error {
	good := f.job.State == "done" && f.pull.State == gatehouse.PullDone
	if c.json || good {
		v := struct {
			Connector string   `json:"connector"`
			Job       string   `json:"job"`
			Pull      pullJSON `json:"pull"`
		}{of.Key, f.job.ID, showPull(f.pull)}
		err := c.print(v, func(p *printer) {
			p.line("done: %s; %d rows changed", counted(f.pull.Progress), f.pull.Written)
			for _, note := range f.pull.Notes {
				p.line("note: %s", note.Sentence())
			}
		})
		if err != nil || good {
			return err
		}
	}
	switch f.pull.State {
	case gatehouse.PullHeld:
		return fmt.Errorf("the sync of %s is held, since %s; look at it on the dashboard, and let it through there if that is right", of.Key, clean(f.pull.Error.Sentence()))
	case gatehouse.PullFailed:
		return fmt.Errorf("the sync of %s failed: %s", of.Key, clean(f.pull.Error.Sentence()))
	case gatehouse.PullRunning, gatehouse.PullDone, gatehouse.PullCanceled:
	}
	return fmt.Errorf("the sync of %s ended as %s; the log of the server says more", of.Key, f.job.State)
}
