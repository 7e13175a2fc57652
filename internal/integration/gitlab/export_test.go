package gitlab

import (
	"context"
	"time"

	"gatehouse/internal/integration"
)

// Sleep replaces the waiting of a source, so that tests need no real time.
func Sleep(s integration.Source, wait func(context.Context, time.Duration) error) {
	s.(*Source).api.pace.sleep = wait
}
