package signin

import (
	"context"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// freshSkew is how far a provider's clock and ours may be apart, as for its tokens.
const freshSkew = time.Minute

// What the audit log says of a proof by a provider.
const (
	shownByProvider     = "shown by the provider"
	notProvedByProvider = "not proved by the provider"
)

// The rules by which a confirmation is refused though the person is the right one.
const (
	ruleStale    = "confirm_stale"
	ruleUnproved = "confirm_not_proved"
)

// freshly decides whether a provider's answer shows that the person was asked
// who they are just now, and not taken from what the browser still had there:
// what the audit log says of it, or the rule by which it does not count. local
// says that the person can prove it here, which then is asked instead of
// believing a provider that says nothing, or a time that is yet to come.
func freshly(at gatehouse.Attempt, v gatehouse.Vouched, now time.Time, local bool) (how, rule string) {
	if v.AuthAt.After(now.Add(freshSkew)) {
		v.AuthAt = time.Time{}
	}
	switch {
	case !v.AuthAt.IsZero() && v.AuthAt.Before(at.CreatedAt.Add(-freshSkew)):
		return "", ruleStale
	case !v.AuthAt.IsZero():
		return shownByProvider, ""
	case local:
		return "", ruleUnproved
	}
	return notProvedByProvider, ""
}

// notFresh is what is told by such a rule.
func notFresh(c gatehouse.Connection, userID, rule string) *stop {
	d := gatehouse.Decision{
		Reason: "%s did not ask you again who you are, so it was not confirmed. Sign out there, and do it again; or confirm in another way.",
	}
	if rule == ruleUnproved {
		d = gatehouse.Decision{
			Reason: "%s cannot show that it asked you again who you are, so it was not confirmed. Confirm with your password or a passkey.",
		}
	}
	d.Outcome, d.Rule, d.UserID, d.Args = gatehouse.OutcomeRefused, rule, userID, []string{label(c)}
	return halt(gatehouse.Forbidden, d)
}

// confirmable are the connections that are offered to confirm who one is: with
// a way that needs no provider, only those that can show that they asked.
func confirmable(local bool, all []gatehouse.Connection, shows func(gatehouse.Connection) bool) []gatehouse.Connection {
	if !local {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(c gatehouse.Connection) bool { return !shows(c) })
}

// shows says whether the provider of a connection tells when it asked a person
// who they are. One that cannot be opened does not.
func (s *Service) shows(ctx context.Context) func(gatehouse.Connection) bool {
	return func(c gatehouse.Connection) bool {
		_, door, err := s.Apps.Door(ctx, c.ID)
		return err == nil && door.ShowsFresh
	}
}

// provesHere says whether a user can prove who they are without a provider.
func (s *Service) provesHere(tx *store.Tx, userID string) (bool, error) {
	w, err := s.localWays(tx, userID)
	return w.Password || w.Passkey, err
}

// signedInAt is when somebody who comes from a provider proved who they are:
// perhaps long before, if the provider says so. Who was asked just now was asked
// now, by our clock.
func signedInAt(at gatehouse.Attempt, v gatehouse.Vouched, now time.Time) time.Time {
	if at.Fresh || v.AuthAt.IsZero() || v.AuthAt.After(now) {
		return now
	}
	return v.AuthAt
}
