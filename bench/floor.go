package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/store"
)

// floorTime is how long each limit is measured.
const floorTime = time.Second

// often runs fn in several workers at once for a while and gives the rate a second.
func often(ctx context.Context, workers int, d time.Duration, fn func(ctx context.Context, worker int) error) (float64, error) {
	began := time.Now()
	counts := make([]int, workers)
	g, ctx := errgroup.WithContext(ctx)
	for i := range workers {
		g.Go(func() error {
			for time.Since(began) < d {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := fn(ctx, i); err != nil {
					return err
				}
				counts[i]++
			}
			return nil
		})
	}
	err := g.Wait()
	took, sum := time.Since(began), 0
	for _, n := range counts {
		sum += n
	}
	return float64(sum) / took.Seconds(), err
}

// signatures measures what the ID tokens cost at least: RS256 with 2048 bits.
func signatures(ctx context.Context) (one, all float64, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return 0, 0, err
	}
	digest := sha256.Sum256([]byte("an ID token"))
	sign := func(context.Context, int) error {
		_, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		return err
	}
	if one, err = often(ctx, 1, floorTime, sign); err != nil {
		return 0, 0, err
	}
	all, err = often(ctx, runtime.GOMAXPROCS(0), floorTime, sign)
	return one, all, err
}

// syncs measures how often a second 4 KiB can be made durable one after another.
func syncs(ctx context.Context, dir string) (rate float64, err error) {
	f, err := os.Create(filepath.Join(dir, "fsync")) //nolint:gosec // our own folder
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page := make([]byte, 4096)
	return often(ctx, 1, floorTime, func(context.Context, int) error {
		if _, err := f.Write(page); err != nil {
			return err
		}
		return f.Sync()
	})
}

// commits measures how often a second the store makes one small row durable.
func (in *installation) commits(ctx context.Context, workers int) (rate float64, err error) {
	c, err := in.read()
	if err != nil {
		return 0, err
	}
	st, err := openStore(ctx, c)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return often(ctx, workers, floorTime, func(ctx context.Context, i int) error {
		return st.Update(ctx, func(tx *store.Tx) error { return tx.SetSetting(fmt.Sprintf("bench.%d", i), rand.Text()) })
	})
}

// floors prints what limits this machine, whatever the program does, and gives
// the signatures a second of all cores.
func (b *bench) floors(ctx context.Context) (signed float64, err error) {
	one, all, err := signatures(ctx)
	if err != nil {
		return 0, fmt.Errorf("sign: %w", err)
	}
	fsyncs, err := syncs(ctx, b.dir)
	if err != nil {
		return 0, fmt.Errorf("fsync: %w", err)
	}
	t := &table{}
	t.add("limit of this machine", "a second")
	t.add("RSA-2048 signatures, one core", fmt.Sprintf("%.0f", one))
	t.add(fmt.Sprintf("RSA-2048 signatures, %d cores", runtime.GOMAXPROCS(0)), fmt.Sprintf("%.0f", all))
	t.add("fsync after 4 KiB, one after another", fmt.Sprintf("%.0f", fsyncs))
	b.print(t)
	return all, nil
}
