package users

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"gatehouse"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// MergePlan is what a merge would do, for an administrator to look at before.
type MergePlan struct {
	Keep, Gone gatehouse.User
	Identities []gatehouse.Identity         // that the kept one gets
	Emails     []gatehouse.Email            // likewise, as additional addresses
	Confirmed  []string                     // addresses of both that count as verified for the kept one from then on
	Accounts   []gatehouse.AccountReference // in connected apps
	Consents   []gatehouse.Consent
	Clients    []string // ids of clients that know only the one who is gone: they go on seeing that number
	Torn       []string // ids of clients that know both: they see the kept one only
	Sessions   int      // of the one who is gone, which end
	Doubled    []string // ids of connections of which the kept one has two identities then
}

// holdings are what a user has.
type holdings struct {
	user       gatehouse.User
	identities []gatehouse.Identity
	emails     []gatehouse.Email
	accounts   []gatehouse.AccountReference
	consents   []gatehouse.Consent
	numbers    []store.ClientNumber
	sessions   []gatehouse.Session
}

func holdingsOf(tx *store.Tx, userID string) (h holdings, err error) {
	if h.user, err = tx.User(userID); err != nil {
		return h, fmt.Errorf("read user %s: %w", userID, err)
	}
	for _, read := range []func() error{
		func() (err error) { h.sessions, err = tx.Sessions(userID); return err },
		func() (err error) { h.identities, err = tx.Identities(userID); return err },
		func() (err error) { h.emails, err = tx.Emails(userID); return err },
		func() (err error) { h.accounts, err = tx.AccountReferences(userID); return err },
		func() (err error) { h.consents, err = tx.Consents(userID); return err },
		func() (err error) { h.numbers, err = tx.ClientNumbers(userID); return err },
	} {
		if err := read(); err != nil {
			return h, fmt.Errorf("read what user %s has: %w", userID, err)
		}
	}
	return h, nil
}

// PlanMerge says what Merge would do, and writes nothing. What Merge would
// refuse is refused with the same error.
func (u *Users) PlanMerge(tx *store.Tx, by gatehouse.Actor, keepID, goneID string) (MergePlan, error) {
	keep, err := holdingsOf(tx, keepID)
	if err != nil {
		return MergePlan{}, err
	}
	gone, err := holdingsOf(tx, goneID)
	if err != nil {
		return MergePlan{}, err
	}
	if err := mergeable(by, keep.user, gone.user); err != nil {
		return MergePlan{}, err
	}
	return planMerge(keep, gone), u.keepsAdministrator(tx, gone.user)
}

// mergeable says whether two users may be merged.
func mergeable(by gatehouse.Actor, keep, gone gatehouse.User) error {
	switch {
	case keep.ID == gone.ID:
		return gatehouse.Errorf(gatehouse.Invalid, "An account cannot be merged into itself. Choose another one.")
	case by.Kind == gatehouse.ActorUser && by.ID == gone.ID:
		return gatehouse.Errorf(gatehouse.Forbidden, "You cannot merge your own account away. Merge the other account into yours, or ask another administrator.")
	case keep.State == gatehouse.UserMerged || gone.State == gatehouse.UserMerged:
		return gatehouse.Errorf(gatehouse.Conflict, "One of the accounts was merged into another already. Choose the account that was kept.")
	case keep.State != gatehouse.UserActive:
		return gatehouse.Errorf(gatehouse.Conflict, "%s cannot sign in now, so nothing can be merged into that account. Open it first, or keep the other one.", keep.Name)
	case gone.State != gatehouse.UserActive && gone.State != gatehouse.UserPending:
		return gatehouse.Errorf(gatehouse.Conflict, "%s is kept out, and a merge would let the same person in by another account. Unblock the account first, if that is meant.", gone.Name)
	}
	return nil
}

// planMerge works out who gets what.
func planMerge(keep, gone holdings) MergePlan {
	p := MergePlan{Keep: keep.user, Gone: gone.user, Identities: gone.identities, Accounts: gone.accounts, Sessions: len(gone.sessions)}
	p.Emails, p.Confirmed = planAddresses(keep, gone)
	for _, c := range gone.consents {
		if !slices.ContainsFunc(keep.consents, func(k gatehouse.Consent) bool { return k.ClientID == c.ClientID }) {
			p.Consents = append(p.Consents, c)
		}
	}
	for _, n := range gone.numbers {
		if slices.ContainsFunc(keep.numbers, func(k store.ClientNumber) bool { return k.ClientID == n.ClientID }) {
			p.Torn = append(p.Torn, n.ClientID)
		} else {
			p.Clients = append(p.Clients, n.ClientID)
		}
	}
	for _, i := range gone.identities {
		same := func(k gatehouse.Identity) bool { return k.ConnectionID == i.ConnectionID }
		if slices.ContainsFunc(keep.identities, same) && !slices.Contains(p.Doubled, i.ConnectionID) {
			p.Doubled = append(p.Doubled, i.ConnectionID)
		}
	}
	return p
}

// planAddresses says which addresses move, and which of those that both have
// are verified for the kept one because they were for the other.
func planAddresses(keep, gone holdings) (moved []gatehouse.Email, confirmed []string) {
	has := map[string]bool{} // address of the kept one: verified
	for _, e := range withPrimary(keep) {
		has[e.Address] = e.Verified
	}
	for _, e := range withPrimary(gone) {
		verified, both := has[e.Address]
		switch {
		case !both:
			e.UserID = keep.user.ID
			moved = append(moved, e)
		case e.Verified && !verified:
			confirmed = append(confirmed, e.Address)
		}
	}
	return moved, confirmed
}

// withPrimary are all addresses of a user, the primary one first.
func withPrimary(h holdings) []gatehouse.Email {
	if h.user.Email == "" {
		return h.emails
	}
	first := gatehouse.Email{UserID: h.user.ID, Address: h.user.Email, Verified: h.user.EmailVerified, CreatedAt: h.user.CreatedAt}
	return append([]gatehouse.Email{first}, h.emails...)
}

// Merge makes one user of two who are one person. The kept one gets the
// identities, addresses, accounts in apps and consents of the other, who is
// UserMerged from then on: their sessions and tokens end, their number goes on
// to name the person, and their password, passkeys and the like stay with them,
// usable by nobody. The kept one's role, name and state stay. Split undoes it.
func (u *Users) Merge(tx *store.Tx, by gatehouse.Actor, keepID, goneID string) (gatehouse.Merge, error) {
	p, err := u.PlanMerge(tx, by, keepID, goneID)
	if err != nil {
		return gatehouse.Merge{}, err
	}
	gone, err := holdingsOf(tx, goneID)
	if err != nil {
		return gatehouse.Merge{}, err
	}
	m := gatehouse.Merge{KeptID: keepID, GoneID: goneID, By: by.Name, Moved: gatehouse.Moved{
		State: p.Gone.State, Role: p.Gone.Role, Email: p.Gone.Email, EmailVerified: p.Gone.EmailVerified,
		Emails: gone.emails, Confirmed: p.Confirmed, Accounts: p.Accounts, Consents: p.Consents,
	}}
	for _, i := range p.Identities {
		m.Moved.Identities = append(m.Moved.Identities, i.ID)
	}
	for _, e := range p.Emails {
		m.Moved.Given = append(m.Moved.Given, e.Address)
	}
	if m.Moved.Approval, err = withdraw(tx, by, goneID); err != nil {
		return m, err
	}
	if err := endAccess(tx, goneID); err != nil {
		return m, err
	}
	if err := moveTo(tx, p, gone); err != nil {
		return m, fmt.Errorf("move what user %s has: %w", goneID, err)
	}
	if err := tx.SaveMerge(&m); err != nil {
		return m, fmt.Errorf("keep the merge: %w", err)
	}
	if err := tx.GiveNumbers(m); err != nil {
		return m, fmt.Errorf("give on the number: %w", err)
	}
	tx.OnCommit(func() { u.count("merge", "what", "merged") })
	return m, recordMerge(tx, by, m, "user.merged", "user.merged_in")
}

// moveTo carries a plan out, all but what concerns tokens and clients.
func moveTo(tx *store.Tx, p MergePlan, gone holdings) error {
	away := p.Gone
	away.State, away.Role, away.MergedInto = gatehouse.UserMerged, gatehouse.RoleNone, p.Keep.ID
	away.Email, away.EmailVerified = "", false
	if err := tx.SaveUser(&away); err != nil {
		return err
	}
	for _, e := range withPrimary(gone) { // of the primary one only the links to verify it
		if err := tx.DeleteEmail(e.UserID, e.Address); err != nil && !errors.Is(err, gatehouse.NotFound) {
			return err
		}
	}
	if err := confirm(tx, p.Keep, p.Confirmed, true); err != nil {
		return err
	}
	for _, e := range p.Emails {
		if err := tx.SaveEmail(&e); err != nil {
			return err
		}
	}
	for _, i := range p.Identities {
		i.UserID = p.Keep.ID
		if err := tx.SaveIdentity(&i); err != nil {
			return err
		}
	}
	for _, a := range p.Accounts {
		if err := tx.MatchAccount(a.ConnectorID, a.ID, p.Keep.ID, a.Why); err != nil {
			return err
		}
	}
	if err := tx.MoveClients(p.Gone.ID, p.Keep.ID); err != nil { // a split leaves them: somebody must look after them
		return err
	}
	return moveConsents(tx, p.Consents, p.Keep.ID)
}

func moveConsents(tx *store.Tx, consents []gatehouse.Consent, to string) error {
	for _, c := range consents {
		if err := tx.DeleteConsent(c.UserID, c.ClientID); err != nil {
			return err
		}
		c.UserID = to
		if err := tx.SaveConsent(c); err != nil {
			return err
		}
	}
	return nil
}

// confirm makes addresses of a user verified, or not.
func confirm(tx *store.Tx, user gatehouse.User, addresses []string, verified bool) error {
	for _, address := range addresses {
		if address == user.Email {
			user.EmailVerified = verified
			if err := tx.SaveUser(&user); err != nil {
				return err
			}
			continue
		}
		e, err := tx.Email(user.ID, address)
		if errors.Is(err, gatehouse.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		e.Verified = verified
		if err := tx.SaveEmail(&e); err != nil {
			return err
		}
	}
	return nil
}

// withdraw closes the open request of a user who is merged away, and says which
// it was, "" for none.
func withdraw(tx *store.Tx, by gatehouse.Actor, userID string) (string, error) {
	last, err := tx.Approval(userID)
	if errors.Is(err, gatehouse.NotFound) || err == nil && last.Verdict != gatehouse.VerdictOpen {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the request of user %s: %w", userID, err)
	}
	return last.ID, closeApproval(tx, last, by.Name, gatehouse.VerdictWithdrawn, "")
}

// recordMerge writes the audit log of both users, and has their accounts in apps
// looked for.
func recordMerge(tx *store.Tx, by gatehouse.Actor, m gatehouse.Merge, ofGone, ofKept string) error {
	facts := map[string]string{"merge": m.ID, "kept": m.KeptID, "gone": m.GoneID, "identities": fmt.Sprint(len(m.Moved.Identities))}
	if err := cmp.Or(record(tx, by, ofGone, m.GoneID, facts), record(tx, by, ofKept, m.KeptID, facts)); err != nil {
		return err
	}
	for _, id := range []string{m.KeptID, m.GoneID} {
		if id == m.GoneID && !m.Split() {
			continue
		}
		if _, err := jobs.Add(tx, Arrived{UserID: id}, jobs.Options{}); err != nil {
			return fmt.Errorf("add the search for the user's accounts: %w", err)
		}
	}
	return nil
}
