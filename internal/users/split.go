package users

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// SplitPlan is what a split would give back. What the kept one lost or took for
// their own since the merge is not in it: it stays as it is, and Added names what
// came since, which may be the other's.
type SplitPlan struct {
	Merge      gatehouse.Merge
	Keep, Gone gatehouse.User // as they are now
	Identities []gatehouse.Identity
	Emails     []gatehouse.Email // additional addresses of the kept one that go back, the other's primary one too
	Accounts   []gatehouse.AccountReference
	Consents   []gatehouse.Consent
	Added      []gatehouse.Identity // of the kept one since the merge: they stay, and sign in
	Sessions   []gatehouse.Session  // of the kept one since the merge, which end
}

// PlanSplit says what Split would do, and writes nothing. What Split would
// refuse is refused with the same error.
func (u *Users) PlanSplit(tx *store.Tx, mergeID string) (SplitPlan, error) {
	m, err := tx.Merge(mergeID)
	if err != nil {
		return SplitPlan{}, fmt.Errorf("read merge %s: %w", mergeID, err)
	}
	keep, err := holdingsOf(tx, m.KeptID)
	if err != nil {
		return SplitPlan{}, err
	}
	gone, err := tx.User(m.GoneID)
	if err != nil {
		return SplitPlan{}, fmt.Errorf("read user %s: %w", m.GoneID, err)
	}
	switch {
	case m.Split() || gone.MergedInto != m.KeptID:
		return SplitPlan{}, gatehouse.Errorf(gatehouse.Conflict, "These accounts were split already.")
	case keep.user.State == gatehouse.UserMerged:
		return SplitPlan{}, gatehouse.Errorf(gatehouse.Conflict, "%s was merged into another account since. Split those two first.", keep.user.Name)
	}
	return planSplit(m, keep, gone), nil
}

// planSplit works out what is there still to be given back.
func planSplit(m gatehouse.Merge, keep holdings, gone gatehouse.User) SplitPlan {
	p := SplitPlan{Merge: m, Keep: keep.user, Gone: gone}
	for _, i := range keep.identities {
		switch {
		case slices.Contains(m.Moved.Identities, i.ID):
			p.Identities = append(p.Identities, i)
		case !i.CreatedAt.Before(m.At):
			p.Added = append(p.Added, i)
		}
	}
	for _, s := range keep.sessions {
		if !s.CreatedAt.Before(m.At) || !s.AuthAt.Before(m.At) {
			p.Sessions = append(p.Sessions, s)
		}
	}
	for _, e := range keep.emails {
		if slices.Contains(m.Moved.Given, e.Address) {
			p.Emails = append(p.Emails, e)
		}
	}
	for _, a := range keep.accounts {
		if slices.ContainsFunc(m.Moved.Accounts, func(g gatehouse.AccountReference) bool { return g.ConnectorID == a.ConnectorID && g.ID == a.ID }) {
			p.Accounts = append(p.Accounts, a)
		}
	}
	for _, c := range keep.consents { // one that was given anew is the kept one's own
		if slices.ContainsFunc(m.Moved.Consents, func(g gatehouse.Consent) bool { return g.ClientID == c.ClientID && g.At.Equal(c.At) }) {
			p.Consents = append(p.Consents, c)
		}
	}
	return p
}

// Split undoes a merge: what was moved and is there still goes back, and the one
// who was gone is as they were. Sessions and tokens of the kept one for which
// somebody proved to be them since the merge end, since that may have been the
// other; those from before are the kept one's own and stay. Merges are undone in the reverse order: while
// the kept one is merged into a third, a split is a Conflict.
func (u *Users) Split(tx *store.Tx, by gatehouse.Actor, mergeID string) (gatehouse.Merge, error) {
	p, err := u.PlanSplit(tx, mergeID)
	if err != nil {
		return gatehouse.Merge{}, err
	}
	m := p.Merge
	if err := endShared(tx, p); err != nil {
		return m, err
	}
	if err := moveBack(tx, p); err != nil {
		return m, fmt.Errorf("give back what user %s had: %w", m.GoneID, err)
	}
	if err := tx.TakeNumbers(m.ID); err != nil {
		return m, fmt.Errorf("take back the number: %w", err)
	}
	if err := reopen(tx, m); err != nil {
		return m, err
	}
	m.SplitAt, m.SplitBy = tx.Now(), by.Name
	if err := tx.SaveMerge(&m); err != nil {
		return m, fmt.Errorf("keep the split: %w", err)
	}
	tx.OnCommit(func() { u.count("merge", "what", "split") })
	return m, recordMerge(tx, by, m, "user.split", "user.split_off")
}

// endShared ends what either of the two may have begun while they were one.
func endShared(tx *store.Tx, p SplitPlan) error {
	for _, s := range p.Sessions {
		if err := tx.EndSession(p.Keep.ID, s.ID); err != nil {
			return fmt.Errorf("end a session of user %s: %w", p.Keep.ID, err)
		}
	}
	if err := tx.RevokeUserTokensSince(p.Keep.ID, p.Merge.At); err != nil {
		return fmt.Errorf("revoke the tokens of user %s: %w", p.Keep.ID, err)
	}
	return nil
}

// moveBack carries a plan out, all but what concerns tokens and clients.
func moveBack(tx *store.Tx, p SplitPlan) error {
	m := p.Merge.Moved
	if err := confirm(tx, p.Keep, m.Confirmed, false); err != nil {
		return err
	}
	for _, e := range p.Emails {
		if err := tx.DeleteEmail(e.UserID, e.Address); err != nil {
			return err
		}
	}
	if err := revive(tx, p.Gone, m); err != nil {
		return err
	}
	if err := giveAddresses(tx, p); err != nil {
		return err
	}
	for _, i := range p.Identities {
		i.UserID = p.Gone.ID
		if err := tx.SaveIdentity(&i); err != nil {
			return err
		}
	}
	for _, a := range p.Accounts {
		if err := tx.MatchAccount(a.ConnectorID, a.ID, p.Gone.ID, a.Why); err != nil {
			return err
		}
	}
	return moveConsents(tx, p.Consents, p.Gone.ID)
}

// revive makes the one who was gone as they were. The primary address is
// verified again only if nobody has it verified by now.
func revive(tx *store.Tx, gone gatehouse.User, m gatehouse.Moved) error {
	holders, err := tx.UsersByVerifiedEmail(m.Email)
	if err != nil {
		return err
	}
	gone.State, gone.Role, gone.MergedInto = m.State, m.Role, ""
	gone.Email, gone.EmailVerified = m.Email, m.EmailVerified && len(holders) == 0
	return tx.SaveUser(&gone)
}

// giveAddresses gives back the additional addresses: those that the kept one
// still had as they are now, those that both have as they were.
func giveAddresses(tx *store.Tx, p SplitPlan) error {
	for _, e := range p.Merge.Moved.Emails {
		e.UserID = p.Gone.ID
		now := slices.IndexFunc(p.Emails, func(k gatehouse.Email) bool { return k.Address == e.Address })
		switch {
		case now >= 0:
			e.Verified = p.Emails[now].Verified
		case e.Verified:
			holders, err := tx.UsersByVerifiedEmail(e.Address)
			if err != nil {
				return err
			}
			e.Verified = len(holders) == 0
		}
		if err := tx.SaveEmail(&e); err != nil {
			return err
		}
	}
	return nil
}

// reopen has the withdrawn request wait again.
func reopen(tx *store.Tx, m gatehouse.Merge) error {
	if m.Moved.Approval == "" {
		return nil
	}
	last, err := tx.Approval(m.GoneID)
	if errors.Is(err, gatehouse.NotFound) || err == nil && last.ID != m.Moved.Approval {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the request of user %s: %w", m.GoneID, err)
	}
	last.Verdict, last.DecidedBy, last.DecidedAt = gatehouse.VerdictOpen, "", time.Time{}
	return saveApproval(tx, &last)
}
