package access

import (
	"context"
	"errors"
	"slices"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
)

// accountState is an account as the app says it is now.
type accountState struct {
	account gatehouse.Account
	grants  []gatehouse.Grant
}

// account reads an account afresh with its direct grants.
func (r *rereader) account(ctx context.Context, h gatehouse.Heard) error {
	began := r.Clock.Now()
	is, gone, err := twice(ctx, r, func() (accountState, error) {
		a, grants, err := r.app.Source.Account(ctx, h.Notice.Subject)
		return accountState{a, grants}, err
	})
	switch {
	case errors.Is(err, errUnseen):
		return r.unseen(ctx, h)
	case err != nil:
		return err
	}
	return r.write(ctx, h, began, func(tx *store.Tx, by store.Rereading) (int64, error) {
		if gone {
			if err := r.ownProjects(tx, h.Notice.Subject); err != nil {
				return 0, err
			}
			return tx.EndAccount(r.connector.ID, by, h.Notice.Subject)
		}
		return r.writeAccount(tx, by, is)
	})
}

func (r *rereader) writeAccount(tx *store.Tx, by store.Rereading, is accountState) (int64, error) {
	id := r.connector.ID
	before, err := tx.Account(id, is.account.ID)
	if none(err) != nil {
		return 0, err
	}
	if before.ID != "" && before.Username != is.account.Username { // the paths of personal projects follow
		if err := r.ownProjects(tx, before.ID); err != nil {
			return 0, err
		}
	}
	if by.Keep = r.app.Resources != nil; by.Keep {
		if err := r.missing(tx, is); err != nil {
			return 0, err
		}
	}
	written, err := tx.RefreshAccount(id, by, is.account, is.grants)
	if err != nil || written == 0 {
		return written, err
	}
	return written, r.match(tx, is.account.ID)
}

// ownProjects has the personal projects of an account read afresh.
func (r *rereader) ownProjects(tx *store.Tx, account string) error {
	own, err := tx.OwnedBy(r.connector.ID, account)
	if err != nil {
		return err
	}
	return r.hear(tx, own, "the owner changed")
}

// missing asks the resources for grants that the account does not tell of: an
// app may leave some out there (GitLab: Minimal Access).
func (r *rereader) missing(tx *store.Tx, is accountState) error {
	known, err := tx.GrantsOf(r.connector.ID, is.account.ID)
	if err != nil {
		return err
	}
	told := map[gatehouse.ResourceID]bool{}
	for _, g := range is.grants {
		told[g.ResourceID] = true
	}
	var ask []gatehouse.Resource
	for _, g := range known {
		if !told[g.ResourceID] {
			ask = append(ask, gatehouse.Resource{ID: g.ResourceID})
		}
	}
	return r.hear(tx, ask, "a membership is missing")
}

// hear has resources read afresh that another reading concerns.
func (r *rereader) hear(tx *store.Tx, resources []gatehouse.Resource, event string) error {
	if len(resources) > mostBelow {
		return r.Hear(tx, r.connector.ID, gatehouse.NoticeDoubt, gatehouse.Notice{Kind: gatehouse.NoticeAll, Event: event})
	}
	notices := make([]gatehouse.Notice, len(resources))
	for i, x := range resources {
		notices[i] = gatehouse.Notice{Kind: gatehouse.NoticeResource, Subject: string(x.ID), Event: event}
	}
	return r.Hear(tx, r.connector.ID, gatehouse.NoticeDoubt, notices...)
}

// match looks for the user of an account that nobody is matched to.
func (r *rereader) match(tx *store.Tx, account string) error {
	a, err := tx.Account(r.connector.ID, account)
	if err != nil || a.UserID != "" {
		return none(err)
	}
	m, err := matchingOf(tx, r.connector)
	if err != nil {
		return err
	}
	return matchOne(tx, r.connector, m, a)
}

// resource reads a group or project afresh.
func (r *rereader) resource(ctx context.Context, h gatehouse.Heard) error {
	began, id := r.Clock.Now(), gatehouse.ResourceID(h.Notice.Subject)
	is, gone, err := twice(ctx, r, func() (integration.Contents, error) { return r.app.Resources.Resource(ctx, id) })
	switch {
	case errors.Is(err, errUnseen):
		return r.unseen(ctx, h)
	case err != nil:
		return err
	case !gone && is.Resource.ID != id:
		return gatehouse.Errorf(gatehouse.Upstream, "%s answered something that we cannot read. If it is a GitLab, its version may be too old or too new.", r.connector.Name)
	}
	return r.write(ctx, h, began, func(tx *store.Tx, by store.Rereading) (int64, error) {
		if gone {
			if err := r.below(tx, id, "what it lies in is gone"); err != nil {
				return 0, err
			}
			return tx.EndResource(r.connector.ID, by, id)
		}
		return r.writeResource(tx, by, is)
	})
}

func (r *rereader) writeResource(tx *store.Tx, by store.Rereading, is integration.Contents) (int64, error) {
	connector, id := r.connector.ID, is.Resource.ID
	known, err := tx.GrantsOn(connector, []gatehouse.ResourceID{id})
	if err != nil {
		return 0, err
	}
	if tooMany(known, is.Grants) {
		return 0, r.Hear(tx, connector, gatehouse.NoticeDoubt, gatehouse.Notice{Kind: gatehouse.NoticeAll, Event: "many memberships vanished"})
	}
	before, err := tx.Resource(connector, id)
	if none(err) != nil {
		return 0, err
	}
	if before.ID != "" && before.Path != is.Resource.Path { // the paths below follow
		if err := r.below(tx, id, "what it lies in was moved"); err != nil {
			return 0, err
		}
	}
	written, err := tx.RefreshResource(connector, by, store.Staged{Resources: []gatehouse.Resource{is.Resource}, Grants: is.Grants, Shares: is.Shares})
	if err != nil {
		return 0, err
	}
	for _, a := range is.Accounts {
		n, err := tx.RefreshAccountRow(connector, by, a)
		if err != nil {
			return 0, err
		}
		written += n
	}
	return written, r.strangers(tx, is.Grants)
}

// tooMany says whether more grants on a resource would end than one notice may.
func tooMany(known, now []gatehouse.Grant) bool {
	has := map[string]bool{}
	for _, g := range now {
		has[g.AccountID] = true
	}
	lost := 0
	for _, g := range known {
		if !has[g.AccountID] {
			lost++
		}
	}
	return len(known) >= brakeFloor && float64(lost) > refreshBrake*float64(len(known))
}

// below has what lies below a group read afresh.
func (r *rereader) below(tx *store.Tx, id gatehouse.ResourceID, event string) error {
	all, err := tx.Descendants(r.connector.ID, []gatehouse.ResourceID{id})
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(x gatehouse.Resource) bool { return x.ID == id })
	return r.hear(tx, all, event)
}

// strangers has the accounts read that grants name and nobody knows yet.
func (r *rereader) strangers(tx *store.Tx, grants []gatehouse.Grant) error {
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.AccountID
	}
	found, err := tx.AccountsByID(r.connector.ID, ids)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, a := range found {
		known[a.ID] = true
	}
	var notices []gatehouse.Notice
	for _, id := range ids {
		if !known[id] {
			notices = append(notices, gatehouse.Notice{Kind: gatehouse.NoticeAccount, Subject: id, Event: "a member nobody knows"})
		}
	}
	return r.Hear(tx, r.connector.ID, gatehouse.NoticeDoubt, notices...)
}
