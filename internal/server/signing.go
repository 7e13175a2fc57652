package server

import (
	"context"
	"time"

	"gatehouse/internal/jobs"
)

// rotationArgs are of the job that puts new signing keys in the place of old
// ones.
type rotationArgs struct{}

// Kind names the job.
func (rotationArgs) Kind() string { return "op.rotate_keys" }

func (s *Server) registerRotation() {
	jobs.Handle(s.runner, func(ctx context.Context, _ *jobs.Job[rotationArgs]) error {
		return s.provider.RotateDueKeys(ctx)
	}, jobs.HandleOptions{Timeout: time.Minute})
	s.runner.Every(rotationArgs{}, time.Hour, "")
}
