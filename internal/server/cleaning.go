package server

import (
	"context"
	"time"

	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// cleaningArgs are of the job that removes what is past its end.
type cleaningArgs struct{}

// Kind names the job.
func (cleaningArgs) Kind() string { return "server.clean" }

// Cleaning goes in small steps, so that it never holds others up for long.
const (
	cleaningStep  = 500
	cleaningSteps = 4000 // 2 million rows: what 300 addresses can begin in ten minutes (ui.Limiter)
	keepJobs      = 14 * 24 * time.Hour
	// How long a sign-in that led to no account can be looked up. Strangers can
	// bring such ones about.
	keepRefusals = 90 * 24 * time.Hour
)

func (s *Server) registerCleaning() {
	jobs.Handle(s.runner, s.clean, jobs.HandleOptions{Timeout: 5 * time.Minute})
	s.runner.Every(cleaningArgs{}, 10*time.Minute, "clean")
}

// clean removes expired rows, old jobs and old refusals, a step in a transaction.
func (s *Server) clean(ctx context.Context, _ *jobs.Job[cleaningArgs]) error {
	for range cleaningSteps {
		var gone int64
		err := s.store.Update(ctx, func(tx *store.Tx) error {
			expired, err := tx.DeleteExpired(cleaningStep)
			if err != nil {
				return err
			}
			old, err := tx.DeleteEndedJobs(tx.Now().Add(-keepJobs), cleaningStep)
			if err != nil {
				return err
			}
			refusals, err := tx.DeleteOldDecisions(tx.Now().Add(-keepRefusals), cleaningStep)
			gone = expired + old + refusals
			return err
		})
		if err != nil || gone == 0 {
			return err
		}
	}
	return nil
}
