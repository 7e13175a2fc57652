package access

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// alarmAfter is how many pulls fail in a row before the owners are told.
const alarmAfter = 3

// telling is what owners are told of.
type telling string

const (
	tellNothing telling = ""
	tellFails   telling = "failing"
	tellWorks   telling = "works_again"
	tellToken   telling = "token_ends"
)

// heard is the alarm after one more pull: three failures in a row are told once,
// and so is the end of them.
func heard(a gatehouse.Alarm, failed bool) (gatehouse.Alarm, telling) {
	if failed {
		a.Failures++
		if a.Failures < alarmAfter || a.Told {
			return a, tellNothing
		}
		a.Told = true
		return a, tellFails
	}
	told := a.Told
	a.Failures, a.Told = 0, false
	if told {
		return a, tellWorks
	}
	return a, tellNothing
}

// WarnDays are how many days before its token ends the owners of a connector
// are told, the longest first.
func WarnDays() []int { return []int{30, 7, 1} }

// warned is the alarm after a look at the end of the token: each of the days is
// told once, and a new token begins anew. days is how many are left, if they are
// told now.
func warned(a gatehouse.Alarm, seen gatehouse.Sighting, now time.Time) (next gatehouse.Alarm, days int, tell bool) {
	if a.Token != seen.ExpiresAt {
		a.Token, a.Days = seen.ExpiresAt, 0
	}
	ends := seen.TokenEnds()
	if ends.IsZero() || !now.Before(ends) {
		return a, 0, false // one that ended fails, which is told by itself
	}
	days = int((ends.Sub(now) + 24*time.Hour - 1) / (24 * time.Hour))
	for _, stage := range slices.Backward(WarnDays()) {
		if days <= stage {
			tell = a.Days == 0 || stage < a.Days
			if tell {
				a.Days = stage
			}
			return a, days, tell
		}
	}
	return a, days, false
}

// count notes how a pull ended, and tells the owners if it is time.
func (s *Service) count(tx *store.Tx, connectorID string, failed bool, why gatehouse.Note) error {
	c, err := tx.Connector(connectorID)
	if err != nil {
		return err
	}
	next, tell := heard(c.Alarm, failed)
	if next == c.Alarm {
		return nil
	}
	if err := tx.NoteAlarm(c.ID, next); err != nil {
		return err
	}
	switch tell {
	case tellFails:
		return s.tell(tx, c, tell, gatehouse.Notef("The syncs of %s fail", c.Name),
			gatehouse.Notef("The last %d syncs of the connector %s in Gatehouse failed. What is known of the app grows old until they work again.", next.Failures, c.Name), why)
	case tellWorks:
		return s.tell(tx, c, tell, gatehouse.Notef("The syncs of %s work again", c.Name),
			gatehouse.Notef("The connector %s in Gatehouse was read whole again. Nothing needs to be done.", c.Name))
	case tellNothing, tellToken:
	}
	return nil
}

// tokensArgs are of the job that warns of tokens that end.
type tokensArgs struct{}

// Kind names the job.
func (tokensArgs) Kind() string { return "access.tokens" }

// warnOfTokens tells the owners of connectors whose tokens end soon.
func (s *Service) warnOfTokens(ctx context.Context, _ *jobs.Job[tokensArgs]) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		all, err := tx.Connectors()
		if err != nil {
			return err
		}
		for _, c := range all {
			if err := s.warnOfToken(tx, c); err != nil {
				return fmt.Errorf("the token of %s: %w", c.Key, err)
			}
		}
		return nil
	})
}

func (s *Service) warnOfToken(tx *store.Tx, c gatehouse.Connector) error {
	if !c.Enabled || c.Token == "" {
		return nil
	}
	next, days, tell := warned(c.Alarm, c.Seen, tx.Now())
	if next != c.Alarm {
		if err := tx.NoteAlarm(c.ID, next); err != nil {
			return err
		}
	}
	if !tell {
		return nil
	}
	return s.tell(tx, c, tellToken, gatehouse.Notef("The token of %s ends on %s", c.Name, c.Seen.ExpiresAt),
		gatehouse.Notef("The access token by which Gatehouse reads %s ends on %s, in %d days or less. Make a new one there and enter it in Gatehouse, or nothing is read from then on.", c.Name, c.Seen.ExpiresAt, days))
}

func (s *Service) tell(tx *store.Tx, c gatehouse.Connector, what telling, subject gatehouse.Note, body ...gatehouse.Note) error {
	if err := s.Apps.TellOwners(tx, c, c.Owners, subject, body...); err != nil {
		return err
	}
	tx.OnCommit(func() { s.Metrics.Count("connector_alarm", "kind", c.Kind, "what", string(what)) })
	return tx.Record(gatehouse.Event{
		Actor: gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "alarm"}, Action: "connector.owners_told", Target: "connector/" + c.ID,
		Details: map[string]string{"name": c.Name, "what": string(what), "owners": fmt.Sprint(len(c.Owners))},
	})
}
