package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/store"
)

const (
	manyTokens  = 100_000
	tokensLook  = 20_000 // the memory is looked at after so many
	cleanedStep = 500    // as the job that cleans does it
)

// tokens has the hub issue many tokens and looks whether its memory stays flat;
// then it removes them, past their end, in steps as the hub's job does.
func (b *bench) tokens(ctx context.Context) error {
	t := &table{}
	t.add("database", "tokens", "resident", "of it not of files", "")
	return b.onEach(ctx, t, func(name, about, database string) error { return b.tokensOn(ctx, t, name, about, database) })
}

func (b *bench) tokensOn(ctx context.Context, t *table, name, about, database string) error {
	in, err := b.install(ctx, "tokens "+name, database, clientYAML())
	if err != nil {
		return err
	}
	hub, err := in.start(ctx)
	if err != nil {
		return err
	}
	err = in.issue(ctx, t, about, hub)
	if err := errors.Join(err, hub.stop()); err != nil {
		return err
	}
	return in.clean(ctx, t, about)
}

// issue has the clients get tokens for themselves.
func (in *installation) issue(ctx context.Context, t *table, about string, hub *process) error {
	for issued := 0; ; issued += tokensLook {
		resident, err := memoryOf(hub.pid(), "VmRSS")
		if err != nil {
			return err
		}
		own, err := memoryOf(hub.pid(), "RssAnon")
		if err != nil {
			return err
		}
		t.add(about, fmt.Sprint(issued), megabytes(resident), megabytes(own), "")
		if issued == manyTokens {
			return nil
		}
		g, ctx := errgroup.WithContext(ctx)
		for range flowClients {
			g.Go(func() error {
				br := newBrowser(in.url)
				defer br.close()
				br.client = clientID
				for range tokensLook / flowClients {
					if _, err := br.token(ctx, url.Values{"grant_type": {"client_credentials"}}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
}

// clean removes what was issued, with a clock that has gone on.
func (in *installation) clean(ctx context.Context, t *table, about string) (err error) {
	c, err := in.read()
	if err != nil {
		return err
	}
	st, err := openStoreAt(ctx, c, func() time.Time { return time.Now().Add(24 * time.Hour) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	var steps []time.Duration
	var gone int64
	for {
		var n int64
		began := time.Now()
		err := st.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.DeleteExpired(cleanedStep)
			return err
		})
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		gone, steps = gone+n, append(steps, time.Since(began))
	}
	slices.Sort(steps)
	t.add(about, fmt.Sprintf("%d rows past their end were removed in %d steps, p50 %s, longest %s", gone, len(steps),
		milliseconds(percentile(steps, 50)), milliseconds(percentile(steps, 100))))
	return nil
}
