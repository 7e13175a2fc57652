package users

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// Ensure finds, links or makes the user whom a connection vouches for, by the
// connection's rules, and keeps the Decision. A refusal is not an error:
// Decision.Outcome tells it, and the User is the one that was found, if any. The
// connection is as the caller read it in the same transaction, so that one that
// was disabled in the meantime lets nobody in.
func (u *Users) Ensure(tx *store.Tx, c gatehouse.Connection, v gatehouse.Vouched, o EnsureOptions) (gatehouse.User, gatehouse.Decision, error) {
	var made verdict
	if validSubject(v.Subject) {
		q, err := u.read(tx, c, clean(v), o)
		if err != nil {
			return gatehouse.User{}, gatehouse.Decision{}, err
		}
		made = decide(q)
		made.ID = store.NewID()
		if o.Proof != "" {
			made.Facts["proof_of_decision"] = o.Proof
		}
		if err := u.write(tx, q, &made, o); err != nil {
			return gatehouse.User{}, gatehouse.Decision{}, err
		}
	} else {
		made = nameless(c)
		made.ID = store.NewID()
	}
	d := made.Decision
	d.At, d.Address = tx.Now(), o.Address
	if err := Keep(tx, &d); err != nil {
		return gatehouse.User{}, gatehouse.Decision{}, err
	}
	tx.OnCommit(func() { u.count("decision", "outcome", string(d.Outcome), "rule", d.Rule) })
	return made.user, d, nil
}

// Preview says what Ensure would decide for a sign-in now, and writes nothing.
// The Decision has no Reference and is not kept.
func (u *Users) Preview(tx *store.Tx, c gatehouse.Connection, v gatehouse.Vouched) (gatehouse.Decision, error) {
	if !validSubject(v.Subject) {
		return nameless(c).Decision, nil
	}
	q, err := u.read(tx, c, clean(v), EnsureOptions{})
	if err != nil {
		return gatehouse.Decision{}, err
	}
	return decide(q).Decision, nil
}

// nameless is what is decided when a provider does not say who the person is.
func nameless(c gatehouse.Connection) verdict {
	return verdict{Decision: gatehouse.Decision{
		ConnectionID: c.ID, Outcome: gatehouse.OutcomeFailed, Rule: "subject",
		Reason: "%s answered, but did not say who you are. Try again, and ask an administrator if it happens again.",
		Args:   []string{cmp.Or(c.Label, c.Name)},
		Facts:  map[string]string{"connection": c.Name},
	}}
}

// Keep stores a decision with a reference of its own.
func Keep(tx *store.Tx, d *gatehouse.Decision) error {
	d.Reference = reference()
	if err := tx.SaveDecision(d); err != nil {
		return fmt.Errorf("keep the decision: %w", err)
	}
	return nil
}

// letters are those of a reference: none that looks like another one when it is
// read out.
const letters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

func reference() string {
	var b [8]byte
	for i := range b {
		var one [1]byte
		for {
			_, _ = rand.Read(one[:])
			if int(one[0]) < 256/len(letters)*len(letters) { // else the first letters would come more often
				break
			}
		}
		b[i] = letters[int(one[0])%len(letters)]
	}
	return string(b[:])
}

// read gathers what the decision depends on.
func (u *Users) read(tx *store.Tx, c gatehouse.Connection, v gatehouse.Vouched, o EnsureOptions) (question, error) {
	q := question{connection: c, vouched: v, disposable: u.Disposable, asked: o.Ask}
	for _, a := range u.Admins {
		if a = cleanEmail(a); a != "" {
			q.admins = append(q.admins, a)
		}
	}
	var err error
	if q.known, q.old, err = known(tx, c.ID, v); err != nil {
		return q, err
	}
	if q.holders, err = holders(tx, c.ID, v.Profile.Email); err != nil {
		return q, err
	}
	if o.LinkUserID == "" {
		return q, u.readNewcomer(tx, &q)
	}
	user, err := tx.User(o.LinkUserID)
	if err != nil {
		return q, fmt.Errorf("read the linking user %s: %w", o.LinkUserID, err)
	}
	l, err := asCandidate(tx, c.ID, user)
	q.linking = &l
	return q, err
}

// readNewcomer reads what matters only for people who are new, or were turned
// away when they were.
func (u *Users) readNewcomer(tx *store.Tx, q *question) error {
	owner := cmp.Or(q.known, q.old)
	if owner == nil {
		var err error
		q.signUp, err = u.SignUp(tx)
		return err
	}
	if owner.user.State != gatehouse.UserBlocked {
		return nil
	}
	a, err := tx.Approval(owner.user.ID)
	switch {
	case errors.Is(err, gatehouse.NotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read the request of user %s: %w", owner.user.ID, err)
	case a.Verdict == gatehouse.VerdictDenied && a.DecidedBy != "":
		q.denied = &a
	}
	return nil
}

// holders are the users who have the address: the one for whom it is verified,
// if there is one, and those who only say that it is theirs.
func holders(tx *store.Tx, connectionID, email string) ([]candidate, error) {
	verified, err := tx.UsersByVerifiedEmail(email)
	if err != nil {
		return nil, fmt.Errorf("read who holds the address: %w", err)
	}
	found, err := tx.UsersByEmail(email)
	if err != nil {
		return nil, fmt.Errorf("read the users with the address: %w", err)
	}
	var all []candidate
	for _, user := range append(verified, found...) {
		if slices.ContainsFunc(all, func(c candidate) bool { return c.user.ID == user.ID }) {
			continue
		}
		c, err := asCandidate(tx, connectionID, user)
		if err != nil {
			return nil, err
		}
		c.verified = slices.ContainsFunc(verified, func(v gatehouse.User) bool { return v.ID == user.ID })
		all = append(all, c)
	}
	return all, nil
}

func asCandidate(tx *store.Tx, connectionID string, user gatehouse.User) (candidate, error) {
	identities, err := tx.Identities(user.ID)
	if err != nil {
		return candidate{}, fmt.Errorf("read the identities of user %s: %w", user.ID, err)
	}
	here := slices.ContainsFunc(identities, func(i gatehouse.Identity) bool { return i.ConnectionID == connectionID })
	return candidate{user: user, here: here}, nil
}

// write does what was decided.
func (u *Users) write(tx *store.Tx, q question, v *verdict, o EnsureOptions) error {
	if v.act == nothing {
		return nil
	}
	before := v.user
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: v.user.ID, Name: v.user.Username, Address: o.Address}
	if v.act == link && q.provesAddress(v.user) {
		if err := u.endUnproven(tx, by, v, o); err != nil {
			return err
		}
	}
	if v.act == create {
		if err := u.newUser(tx, q, v); err != nil {
			return err
		}
	}
	v.UserID = v.user.ID
	if err := saveIdentity(tx, q, v); err != nil {
		return err
	}
	by.ID, by.Name = v.user.ID, v.user.Username
	if v.act != create {
		if err := u.update(tx, q, v, o); err != nil {
			return err
		}
	}
	if v.act != use || before.EmailVerified != v.user.EmailVerified {
		// No key: one that runs already may have looked before this.
		if _, err := jobs.Add(tx, Arrived{UserID: v.user.ID}, jobs.Options{}); err != nil {
			return fmt.Errorf("add the search for the user's accounts: %w", err)
		}
	}
	if err := recordAll(tx, by, before, v); err != nil {
		return err
	}
	if v.state != gatehouse.UserPending {
		return settle(tx, by, v.user.ID, gatehouse.VerdictApproved)
	}
	// Also of who comes again: the request may have run out.
	return u.AskApproval(tx, v.user, q.connection, o.Message)
}

// newUser makes the account of a newcomer.
func (u *Users) newUser(tx *store.Tx, q question, v *verdict) error {
	c, p := q.connection, q.vouched.Profile
	username, err := pickUsername(wish(c, q.vouched), seed(c, q.vouched), tx.UsernamesTaken)
	if err != nil {
		return fmt.Errorf("find a username: %w", err)
	}
	v.user = gatehouse.User{
		Username: username, Name: cmp.Or(p.Name, p.Nickname, username),
		Email: p.Email, EmailVerified: q.vouchedFor() && q.free(""),
		Avatar: p.Avatar, Locale: locale(p.Locale), JobTitle: p.Title, Organization: p.Organization, Location: p.Location,
		State: v.state, External: c.Rules.External, Provenance: v.ID,
	}
	if v.admin {
		v.user.Role = gatehouse.RoleSuperAdministrator
	}
	if v.Outcome == gatehouse.OutcomeCreated {
		v.user.LastSignInAt = tx.Now()
	}
	if err := tx.SaveUser(&v.user); err != nil {
		return fmt.Errorf("save the new user: %w", err)
	}
	v.Facts["username"] = username
	return nil
}

// update writes what this sign-in changes of a user who is there already.
func (u *Users) update(tx *store.Tx, q question, v *verdict, o EnsureOptions) error {
	user, before := &v.user, v.user
	user.State = v.state
	if v.admin {
		user.Role = gatehouse.RoleSuperAdministrator
	}
	p, mayHave := q.vouched.Profile, q.free(user.ID)
	if q.connection.Rules.SyncProfile && o.LinkUserID == "" { // who connects a second identity keeps their name
		syncProfile(q, user)
	}
	if user.Email == p.Email && q.vouchedFor() && mayHave {
		user.EmailVerified = true
	}
	if v.Outcome != gatehouse.OutcomePending && o.LinkUserID == "" {
		user.LastSignInAt = tx.Now()
	}
	if err := tx.SaveUser(user); err != nil {
		return fmt.Errorf("save user %s: %w", user.ID, err)
	}
	return keepAddress(tx, before, *user)
}

// keepAddress keeps a verified primary address that another one has replaced, as
// an additional one: what a person has proved does not become somebody else's
// because their provider tells a new address.
func keepAddress(tx *store.Tx, before, after gatehouse.User) error {
	if before.Email == after.Email || before.Email == "" || !before.EmailVerified {
		return nil
	}
	if err := tx.SaveEmail(&gatehouse.Email{UserID: after.ID, Address: before.Email, Verified: true}); err != nil {
		return fmt.Errorf("keep the address of before of user %s: %w", after.ID, err)
	}
	return nil
}

// syncProfile overwrites what sync_profile_attributes name with what the provider
// tells now. Nobody loses a value because the provider is silent, and nobody
// gets an address that is verified for somebody else. A changed address is
// unverified until somebody who is trusted for it says otherwise.
func syncProfile(q question, user *gatehouse.User) {
	p, rules := q.vouched.Profile, q.connection.Rules
	for attribute, t := range map[string]struct {
		told string
		ours *string
	}{
		"name": {p.Name, &user.Name}, "job_title": {p.Title, &user.JobTitle},
		"organization": {p.Organization, &user.Organization}, "location": {p.Location, &user.Location},
	} {
		if rules.Syncs(attribute) && t.told != "" {
			*t.ours = t.told
		}
	}
	if rules.Syncs("email") && p.Email != "" && p.Email != strings.ToLower(user.Email) && q.free(user.ID) {
		user.Email, user.EmailVerified = p.Email, false
	}
}

// locale is the language of ours that a provider's word for it means; "" when
// it says nothing we speak.
func locale(s string) string {
	s = strings.ToLower(strings.ReplaceAll(s, "_", "-"))
	switch {
	case s == "zh" || strings.HasPrefix(s, "zh-"):
		return "zh-CN"
	case s == "en" || strings.HasPrefix(s, "en-"):
		return "en"
	}
	return ""
}
