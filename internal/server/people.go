package server

import (
	"context"
	"time"

	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// badges are the numbers beside the navigation of the dashboard.
func (s *Server) badges(ctx context.Context) (map[string]int64, error) {
	n, err := s.waiting(ctx)
	return map[string]int64{"approvals": n}, err
}

// waiting is how many people wait for approval.
func (s *Server) waiting(ctx context.Context) (n int64, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		n, err = tx.CountApprovals()
		return err
	})
	return n, err
}

// expiryArgs are of the job that marks the requests for approval that ran out.
type expiryArgs struct{}

// Kind names the job.
func (expiryArgs) Kind() string { return "users.expire" }

// forgettingArgs are of the daily job that removes accounts which nobody
// approved in time.
type forgettingArgs struct{}

// Kind names the job.
func (forgettingArgs) Kind() string { return "users.forget" }

// expiryStep is how many requests are marked, or accounts removed, in a
// transaction.
const expiryStep = 100

func (s *Server) registerExpiry() {
	jobs.Handle(s.runner, s.expire, jobs.HandleOptions{Timeout: 5 * time.Minute})
	s.runner.Every(expiryArgs{}, 10*time.Minute, "")
	jobs.Handle(s.runner, s.forget, jobs.HandleOptions{Timeout: 5 * time.Minute})
	s.runner.Every(forgettingArgs{}, 24*time.Hour, "")
}

func (s *Server) expire(ctx context.Context, _ *jobs.Job[expiryArgs]) error {
	return s.inSteps(ctx, s.users.ExpireApprovals)
}

func (s *Server) forget(ctx context.Context, _ *jobs.Job[forgettingArgs]) error {
	return s.inSteps(ctx, s.users.RemoveLeftovers)
}

// inSteps repeats a step, each in a transaction of its own, until one does less
// than it may.
func (s *Server) inSteps(ctx context.Context, step func(tx *store.Tx, limit int) (int, error)) error {
	for {
		var n int
		err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = step(tx, expiryStep)
			return err
		})
		if err != nil || n < expiryStep {
			return err
		}
	}
}
