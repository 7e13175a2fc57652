package jobs

import (
	"context"
	"errors"
	"testing"

	"gatehouse/internal/store"
)

// TestFree: what is asked for after a job's effect is complete is a job of its
// own, though the first has not ended yet; until then it is the same job.
func TestFree(t *testing.T) {
	t.Parallel()
	on(t, func(b *bench) {
		before, after := "", ""
		r := b.start(func(ctx context.Context, j *Job[greeting]) error {
			if j.Args.Name == "Bob" {
				return nil
			}
			return b.store.Update(ctx, func(tx *store.Tx) (err error) {
				if before, err = Add(tx, greeting{"Bob"}, Options{Key: "k"}); err != nil {
					return err
				}
				if err := j.Free(tx); err != nil {
					return err
				}
				after, err = Add(tx, greeting{"Bob"}, Options{Key: "k"})
				return err
			})
		}, HandleOptions{})
		first := b.add(Options{Key: "k"})
		r.expect("done")
		r.expect("done")
		if before != first || after == first || after == "" {
			t.Errorf("before it was freed %q, after %q; the job itself is %q", before, after, first)
		}
		if row := b.job(first); row.State != "done" || row.Key != "" {
			t.Errorf("the freed job: %+v", row)
		}
	})
}

func TestFreeOfALostJob(t *testing.T) {
	t.Parallel()
	on(t, func(b *bench) {
		j := &Job[greeting]{ID: b.add(Options{Key: "k"}), holder: "nobody"}
		err := b.store.Update(t.Context(), func(tx *store.Tx) error { return j.Free(tx) })
		if !errors.Is(err, ErrLost) {
			t.Errorf("got %v", err)
		}
	})
}
