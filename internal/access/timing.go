package access

import (
	"time"

	"gatehouse"
)

// retryAfter is when a pull is asked for again that failed, at the latest.
const retryAfter = 10 * time.Minute

// scheduleOf is when a connector is pulled. A schedule that cannot be read was
// refused where it was entered; here the default stands in.
func scheduleOf(c gatehouse.Connector, every time.Duration) gatehouse.Schedule {
	if s, err := gatehouse.ParseSchedule(c.Schedule, c.TimeZone); err == nil {
		return s
	}
	return gatehouse.AtInterval(every)
}

// recently says whether the last pull ended so short ago that a failed
// connector need not be tried again yet. every is the interval of its schedule,
// 0 for one by the clock.
func recently(last gatehouse.Pull, now time.Time, every time.Duration) bool {
	wait := retryAfter
	if every > 0 {
		wait = min(wait, every)
	}
	return !last.EndedAt.IsZero() && now.Before(last.EndedAt.Add(wait))
}

// NextSync is when a connector is pulled next by its schedule, the past or now
// when it is due already; the zero time when it is not, since it is paused,
// disabled, held or not configured.
func (s *Service) NextSync(c gatehouse.Connector) time.Time {
	switch {
	case !due(withPulledAt(c, time.Time{}), time.Time{}, s.every()):
		return time.Time{}
	case c.PulledAt.IsZero():
		return c.CreatedAt
	}
	return scheduleOf(c, s.every()).Next(c.PulledAt)
}

func withPulledAt(c gatehouse.Connector, at time.Time) gatehouse.Connector {
	c.PulledAt = at
	return c
}
