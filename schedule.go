package gatehouse

import (
	"strings"
	"time"
	_ "time/tzdata" // zones of schedules are known wherever the program runs
)

// LeastInterval is the shortest interval of a Schedule.
const LeastInterval = time.Minute

// Schedule says when something is done again: after an interval, or at the times
// of a cron expression in a time zone. The zero Schedule says never.
type Schedule struct {
	every time.Duration
	cron  *cron
	zone  *time.Location
}

// ParseSchedule reads an interval ("1h", "90m", at least LeastInterval) or a cron
// expression of five fields ("0 3 * * 1-5", "@daily"), whose times are those of
// the zone ("Asia/Shanghai"; "" is UTC). An error is of the kind Invalid, and its
// sentence says what is wrong.
func ParseSchedule(text, zone string) (Schedule, error) {
	text = strings.TrimSpace(text)
	place, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return Schedule{}, Errorf(Invalid, "%q is no time zone. Write it as in Asia/Shanghai or Europe/Berlin, or leave it empty for UTC.", clipped(zone))
	}
	if d, err := time.ParseDuration(text); err == nil {
		if d < LeastInterval {
			return Schedule{}, Errorf(Invalid, "%s is more often than every minute, which no app likes. Write a longer time, such as 30m or 1h.", text)
		}
		return Schedule{every: d}, nil
	}
	c, err := parseCron(text)
	if err != nil {
		return Schedule{}, err
	}
	s := Schedule{cron: c, zone: place}
	if s.Next(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Schedule{}, Errorf(Invalid, "%q never comes: no month has such a day.", clipped(text))
	}
	return s, nil
}

// AtInterval is a Schedule by an interval.
func AtInterval(every time.Duration) Schedule { return Schedule{every: every} }

// Every is the interval, 0 for one by cron.
func (s Schedule) Every() time.Duration { return s.every }

// ByClock says whether the schedule is a cron expression.
func (s Schedule) ByClock() bool { return s.cron != nil }

// Next is the first time after a moment; the zero time: never.
func (s Schedule) Next(after time.Time) time.Time {
	switch {
	case s.cron != nil:
		return s.cron.next(after, s.zone)
	case s.every > 0:
		return after.Add(s.every)
	}
	return time.Time{}
}

// clipped is what was entered, short enough to be said again.
func clipped(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}
