package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// clients are how many sign in at once.
func clients() []int { return []int{1, 8} }

// signIn measures complete sign-ins of people who have a session and allowed the
// client before: GET /oauth/authorize gives a code, POST /oauth/token an access
// token and an ID token for it. Each writes twice, durably, and signs once.
func (b *bench) signIn(ctx context.Context) error {
	signed, err := b.floors(ctx)
	if err != nil {
		return err
	}
	t := &table{}
	t.add("database", "clients", "sign-ins/s", "p50", "p95", "p99", "hub CPU each", "store commits/s", "of the nearest limit")
	return b.onEach(ctx, t, func(name, about, database string) error { return b.signInOn(ctx, t, signed, name, about, database) })
}

func (b *bench) signInOn(ctx context.Context, t *table, signed float64, name, about, database string) (err error) {
	in, err := b.install(ctx, "signin "+name, database, clientYAML())
	if err != nil {
		return err
	}
	people, err := in.seed(ctx)
	if err != nil {
		return fmt.Errorf("seed %s: %w", name, err)
	}
	durable := map[int]float64{}
	for _, n := range clients() {
		if durable[n], err = in.commits(ctx, n); err != nil {
			return fmt.Errorf("commits on %s: %w", name, err)
		}
	}
	hub, err := in.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hub.stop()) }()
	if _, err := hub.awaitReadyz(ctx, in.url); err != nil {
		return err
	}
	for _, n := range clients() {
		m, err := in.load(ctx, hub, people, n)
		if err != nil {
			return fmt.Errorf("%d clients on %s: %w", n, name, err)
		}
		rate := float64(len(m.took)) / m.during.Seconds()
		t.add(about, fmt.Sprint(n), fmt.Sprintf("%.0f", rate),
			milliseconds(percentile(m.took, 50)), milliseconds(percentile(m.took, 95)), milliseconds(percentile(m.took, 99)),
			milliseconds(m.cpu/time.Duration(max(1, len(m.took)))), fmt.Sprintf("%.0f", durable[n]), ofLimit(rate, signed, durable[n]/commitsEach))
	}
	return nil
}

// commitsEach is how many durable commits a sign-in needs: the code is kept, and
// taken for the tokens.
const commitsEach = 2

// ofLimit says how much of the lower of two limits a rate is.
func ofLimit(rate, signatures, commits float64) string {
	if commits < signatures {
		return fmt.Sprintf("%.0f %% of %.0f (commits)", 100*rate/commits, commits)
	}
	return fmt.Sprintf("%.0f %% of %.0f (signatures)", 100*rate/signatures, signatures)
}

// measured is what a load came to.
type measured struct {
	took   []time.Duration // sorted
	during time.Duration
	cpu    time.Duration // of the hub
}

// load lets n clients sign in, first unmeasured, then measured.
func (in *installation) load(ctx context.Context, hub *process, people []person, n int) (measured, error) {
	browsers := make([]*browser, n)
	for i := range browsers {
		browsers[i] = newBrowser(in.url)
		defer browsers[i].close()
	}
	keys, err := browsers[0].keys(ctx)
	if err != nil {
		return measured{}, err
	}
	for i, br := range browsers { // an answer that is fast and wrong is no answer
		token, err := br.signIn(ctx, people[i])
		if err == nil {
			err = checkToken(token.ID, keys, in.url, clientID)
		}
		if err != nil {
			return measured{}, err
		}
	}
	return in.measure(ctx, hub, n, func(ctx context.Context, i, turn int) error {
		_, err := browsers[i].signIn(ctx, people[(i+turn*n)%len(people)])
		return err
	})
}

// measure has n clients do something again and again, first unmeasured, then
// measured. turn counts what one client has done.
func (in *installation) measure(ctx context.Context, hub *process, n int, do func(ctx context.Context, client, turn int) error) (measured, error) {
	if _, err := round(ctx, n, min(in.seconds/4, time.Second), do); err != nil {
		return measured{}, err
	}
	before, err := cpuOf(hub.pid())
	if err != nil {
		return measured{}, err
	}
	began := time.Now()
	took, err := round(ctx, n, in.seconds, do)
	if err != nil {
		return measured{}, err
	}
	during := time.Since(began)
	after, err := cpuOf(hub.pid())
	return measured{took: took, during: during, cpu: after - before}, err
}

// round has each client do it for a while, and tells how long each took, sorted.
func round(ctx context.Context, n int, d time.Duration, do func(ctx context.Context, client, turn int) error) ([]time.Duration, error) {
	each := make([][]time.Duration, n)
	g, ctx := errgroup.WithContext(ctx)
	end := time.Now().Add(d)
	for i := range n {
		g.Go(func() error {
			for turn := 0; time.Now().Before(end); turn++ {
				began := time.Now()
				if err := do(ctx, i, turn); err != nil {
					return err
				}
				each[i] = append(each[i], time.Since(began))
			}
			return nil
		})
	}
	err := g.Wait()
	all := slices.Concat(each...)
	slices.Sort(all)
	return all, err
}
