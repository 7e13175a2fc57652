package jobs

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/internal/store"
)

func (b *bench) open(key string) (row store.JobRow) {
	b.Helper()
	b.update(func(tx *store.Tx) (err error) {
		row, err = tx.OpenJob("test.greeting", key)
		return err
	})
	return row
}

func TestEvery(t *testing.T) {
	t.Parallel()
	t.Run("FirstAtOnceThenAtAgreedTimes", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			r := b.prepare(nothing, HandleOptions{})
			r.Every(greeting{"Ann"}, time.Hour, "hourly")
			r.run().expect("done")
			next := schedule{greeting{}, time.Hour, "hourly"}.after(noon)
			if row := b.open("hourly"); !row.RunAt.Equal(next) || string(row.Args) != `{"name":"Ann"}` {
				b.Errorf("the next job is %+v, want it at %v", row, next)
			}
			b.clock.move(10 * time.Hour) // nobody was there: one run makes up for all
			r.Wake()
			r.expect("done")
			if row := b.open("hourly"); !row.RunAt.Equal(next.Add(10 * time.Hour)) {
				b.Errorf("the next job is at %v", row.RunAt)
			}
		})
	})
	t.Run("SeveralNodesHaveOneJob", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			var nodes []*running
			outcomes := make(chan string, 100)
			for range 3 {
				r := b.prepare(nothing, HandleOptions{})
				r.outcomes = outcomes
				r.Every(greeting{}, time.Hour, "")
				nodes = append(nodes, r)
			}
			for _, r := range nodes {
				r.run()
			}
			nodes[0].expect("done")
			for _, r := range nodes {
				r.stop()
			}
			var jobs store.Page[store.JobRow]
			b.update(func(tx *store.Tx) (err error) {
				jobs, err = tx.Jobs("test.greeting", "", store.Cursor{})
				return err
			})
			if len(jobs.Items) != 2 || jobs.Items[0].State != "waiting" || jobs.Items[1].State != "done" {
				b.Errorf("there are %+v", jobs.Items)
			}
		})
	})
	t.Run("ShorterIntervalMovesTheWaitingJob", func(t *testing.T) {
		t.Parallel()
		on(t, func(b *bench) {
			far := schedule{greeting{}, 24 * time.Hour, "k"}
			near := schedule{greeting{}, time.Minute, "k"}
			b.update(func(tx *store.Tx) error {
				_, err := Add(tx, greeting{}, Options{Key: "k", RunAt: far.after(noon)})
				return err
			})
			b.update(near.ensure)
			if row := b.open("k"); !row.RunAt.Equal(near.after(noon)) {
				b.Errorf("the job is at %v", row.RunAt)
			}
		})
	})
}

func TestScheduleAfter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := schedule{greeting{}, time.Duration(rapid.Int64Range(int64(time.Second), int64(48*time.Hour)).Draw(t, "interval")).Truncate(time.Millisecond), rapid.String().Draw(t, "key")}
		now := noon.Add(time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "now")))
		next := s.after(now)
		if !next.After(now) || next.Sub(now) > s.interval {
			t.Fatalf("after %v comes %v, which is not within %v", now, next, s.interval)
		}
		if between := s.after(now.Add(next.Sub(now) / 2)); !between.Equal(next) {
			t.Fatalf("nodes whose clocks differ do not agree: %v and %v", next, between)
		}
	})
}
