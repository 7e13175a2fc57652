package access

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/jobs"
	"gatehouse/internal/reach"
	"gatehouse/internal/store"
)

// The bounds of answers to findings.
const (
	LongestReason = 500                  // in bytes
	LongestAnswer = 366 * 24 * time.Hour // how long a finding may be kept quiet
)

// directoryKind is the kind of connectors that say who is with the company.
const directoryKind = "dingtalk"

// findingsArgs are of the job that works out the findings of an app.
type findingsArgs struct {
	ConnectorID string `json:"connector_id"`
}

// Kind names the job.
func (findingsArgs) Kind() string { return "access.findings" }

// agingArgs are of the job that has the findings of all apps worked out anew, as
// some come by time alone.
type agingArgs struct{}

// Kind names the job.
func (agingArgs) Kind() string { return "access.aging" }

func (s *Service) registerFindings() {
	jobs.Handle(s.Jobs, s.findings, jobs.HandleOptions{Timeout: 10 * time.Minute})
	jobs.Handle(s.Jobs, s.aging, jobs.HandleOptions{Timeout: time.Minute})
	s.Jobs.Every(agingArgs{}, 6*time.Hour, "aging")
}

// matchThenFind matches the accounts of an app, on which findings rest, and has
// these worked out then.
func (s *Service) matchThenFind(ctx context.Context, j *jobs.Job[matchArgs]) error {
	if err := s.match(ctx, j); err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx *store.Tx) error { return askFindings(tx, j.Args.ConnectorID) })
}

func askFindings(tx *store.Tx, connectorID string) error {
	_, err := jobs.Add(tx, findingsArgs{ConnectorID: connectorID}, jobs.Options{Key: connectorID})
	return err
}

// aging asks for the findings of every app that was ever read whole.
func (s *Service) aging(ctx context.Context, _ *jobs.Job[agingArgs]) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		all, err := tx.Connectors()
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.PulledAt.IsZero() {
				continue
			}
			if err := askFindings(tx, c.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// findings works out the findings of an app and keeps them. What is long to
// read is read in a view, so that nobody waits for it who writes.
func (s *Service) findings(ctx context.Context, j *jobs.Job[findingsArgs]) error {
	return s.Find(ctx, j.Args.ConnectorID)
}

// Find works out the findings of an app now, and keeps them.
func (s *Service) Find(ctx context.Context, connectorID string) error {
	began := s.Clock.Now()
	var found []gatehouse.Finding
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		facts, err := readFacts(tx, connectorID)
		found = facts.Findings()
		return err
	})
	if err == nil {
		err = s.Store.Update(ctx, func(tx *store.Tx) error {
			_, _, err := tx.SaveFindings(connectorID, found)
			return err
		})
	}
	s.Metrics.Observe("findings", s.Clock.Now().Sub(began), "outcome", outcome(err))
	if err != nil {
		return fmt.Errorf("findings of %s: %w", connectorID, err)
	}
	return nil
}

// readFacts reads an app as far as findings rest on it.
func readFacts(tx *store.Tx, connectorID string) (f reach.Facts, err error) {
	c, err := tx.Connector(connectorID)
	if err != nil {
		return f, err
	}
	f.Kind, f.Now = c.Kind, tx.Now()
	if f.Accounts, err = tx.AccountsToJudge(c.ID); err != nil {
		return f, err
	}
	if f.Resources, err = tx.ResourcesToJudge(c.ID); err != nil {
		return f, err
	}
	if f.Grants, err = tx.GrantsToJudge(c.ID, reach.HighRole, f.Now.Add(reach.Soon)); err != nil {
		return f, err
	}
	if f.Shares, err = tx.SharesToJudge(c.ID, reach.HighRole); err != nil {
		return f, err
	}
	if f.Unseen, err = unseen(tx, c.ID); err != nil {
		return f, err
	}
	f.Users, err = standings(tx, c.ID)
	return f, err
}

func unseen(tx *store.Tx, connectorID string) (map[gatehouse.ResourceID]bool, error) {
	found := map[gatehouse.ResourceID]bool{}
	for at := (store.Cursor{Limit: 200}); ; {
		page, err := tx.Gaps(connectorID, at)
		if err != nil {
			return nil, err
		}
		for _, g := range page.Items {
			found[g.ResourceID] = true
		}
		if page.Next == "" {
			return found, nil
		}
		at.After = page.Next
	}
}

func standings(tx *store.Tx, connectorID string) (map[string]reach.UserStanding, error) {
	users, err := tx.UsersToJudge(connectorID)
	if err != nil {
		return nil, err
	}
	found := map[string]reach.UserStanding{}
	for _, u := range users {
		found[u.ID] = reach.UserStanding{Left: u.State == gatehouse.UserLeft || u.State == gatehouse.UserBlocked, External: u.External}
	}
	gone, err := tx.UsersGoneFrom(connectorID, directoryKind)
	if err != nil {
		return nil, err
	}
	for _, id := range gone {
		standing := found[id]
		standing.Left = true
		found[id] = standing
	}
	return found, nil
}

// FindNow asks for the findings of an app to be worked out anew, in the caller's
// transaction.
func (s *Service) FindNow(tx *store.Tx, by gatehouse.Actor, connectorID string) error {
	c, err := tx.Connector(connectorID)
	if err != nil {
		return err
	}
	if c.PulledAt.IsZero() {
		return gatehouse.Errorf(gatehouse.Conflict, "The connector %s was never read whole, so nothing can be found yet. Sync it first.", c.Name)
	}
	if err := askFindings(tx, c.ID); err != nil {
		return err
	}
	return tx.Record(gatehouse.Event{Actor: by, Action: "findings.requested", Target: "connector/" + c.ID})
}

// Acknowledge keeps a finding quiet for a reason until a time, at most a year
// ahead. Then it is open again, if it still holds.
func (s *Service) Acknowledge(tx *store.Tx, by gatehouse.Actor, findingID, reason string, until time.Time) error {
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "":
		return gatehouse.Errorf(gatehouse.Invalid, "Say why nothing needs to be done about this, so that others understand it later.")
	case len(reason) > LongestReason:
		return gatehouse.Errorf(gatehouse.Invalid, "The reason is too long. Use at most %d bytes.", LongestReason)
	case !until.After(tx.Now()) || until.After(tx.Now().Add(LongestAnswer)):
		return gatehouse.Errorf(gatehouse.Invalid, "Choose a date in the future, at most a year ahead, on which this comes back.")
	}
	return answer(tx, by, findingID, "finding.acknowledged", gatehouse.FindingAnswer{By: by.Name, Reason: reason, At: tx.Now(), Until: until})
}

// Reopen takes back what was answered to a finding.
func (s *Service) Reopen(tx *store.Tx, by gatehouse.Actor, findingID string) error {
	return answer(tx, by, findingID, "finding.reopened", gatehouse.FindingAnswer{})
}

func answer(tx *store.Tx, by gatehouse.Actor, findingID, action string, a gatehouse.FindingAnswer) error {
	f, err := tx.Finding(findingID)
	if err == nil && !f.EndedAt.IsZero() {
		return gatehouse.Errorf(gatehouse.Conflict, "This finding has ended, so there is nothing to answer to.")
	}
	if err != nil {
		return err
	}
	if err := tx.AnswerFinding(f.ID, a); err != nil {
		return err
	}
	details := map[string]string{"connector": f.ConnectorID, "kind": string(f.Kind), "subject": f.Subject}
	if a.Reason != "" {
		details["reason"], details["until"] = a.Reason, a.Until.UTC().Format(time.RFC3339)
	}
	return tx.Record(gatehouse.Event{Actor: by, Action: action, Target: "finding/" + f.ID, Details: details})
}
