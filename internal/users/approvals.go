package users

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
)

// maxMessage bounds what somebody writes who asks for an account, in bytes. A
// longer text is cut.
const maxMessage = 1000

// LongestReason bounds what somebody writes who answers, in bytes. A longer text
// is cut.
const LongestReason = 500

// mostMails is how many requests in an hour the approvers get a mail about.
// Strangers can bring requests about, and the rest stand in the inbox all the same.
const mostMails = 20

// AskApproval keeps that a user who is pending waits for an answer, and writes
// to the approvers. One who waits already keeps the request they have; only an
// empty message is filled in. The message is the person's own words, "" when
// there are none. The user is not changed.
func (u *Users) AskApproval(tx *store.Tx, user gatehouse.User, c gatehouse.Connection, message string) error {
	message = someLines(message, maxMessage)
	last, err := tx.Approval(user.ID)
	if err != nil && !errors.Is(err, gatehouse.NotFound) {
		return fmt.Errorf("read the request of user %s: %w", user.ID, err)
	}
	if err == nil && last.OpenAt(tx.Now()) {
		if message == "" || last.Message != "" {
			return nil
		}
		last.Message = message
		return saveApproval(tx, &last)
	}
	if err == nil && last.Verdict == gatehouse.VerdictOpen {
		if err := expire(tx, last); err != nil {
			return err
		}
	}
	a := gatehouse.Approval{
		UserID: user.ID, ConnectionID: c.ID, Message: message,
		ExpiresAt: tx.Now().Add(cmp.Or(u.ApprovalTime, gatehouse.DefaultApprovalTime)),
	}
	if err := saveApproval(tx, &a); err != nil {
		return err
	}
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: user.ID, Name: user.Username}
	if err := record(tx, by, "approval.asked", user.ID, map[string]string{"approval": a.ID, "connection": c.Name}); err != nil {
		return err
	}
	return u.tellApprovers(tx, user, c, a)
}

func saveApproval(tx *store.Tx, a *gatehouse.Approval) error {
	if err := tx.SaveApproval(a); err != nil {
		return fmt.Errorf("save the request of user %s: %w", a.UserID, err)
	}
	return nil
}

// tellApprovers writes to the super administrators whose addresses are verified.
func (u *Users) tellApprovers(tx *store.Tx, user gatehouse.User, c gatehouse.Connection, a gatehouse.Approval) error {
	recent, err := tx.CountApprovalsSince(tx.Now().Add(-time.Hour))
	if err != nil {
		return fmt.Errorf("count the requests: %w", err)
	}
	admins, err := administrators(tx)
	if err != nil || recent > mostMails {
		return err
	}
	m := mail.Message{
		Subject: gatehouse.Notef("%s asks for an account", user.Name),
		Body:    []gatehouse.Note{gatehouse.Notef("%s came by %s, and waits for an administrator's approval.", user.Name, cmp.Or(c.Label, c.Name))},
	}
	u.lead(&m, "/admin/approvals/"+user.ID, gatehouse.Notef("Look at the request"))
	if a.Message != "" {
		m.Body = append(m.Body, gatehouse.Notef("They wrote: %s", a.Message))
	}
	m.Body = append(m.Body, gatehouse.Notef("The request runs out on %s.", a.ExpiresAt.Format(time.DateOnly)))
	for _, admin := range admins {
		if !admin.EmailVerified || admin.Email == "" || admin.ID == user.ID {
			continue
		}
		m.To, m.Locale = admin.Email, admin.Locale
		if err := mail.Send(tx, m); err != nil {
			return fmt.Errorf("write to approver %s: %w", admin.ID, err)
		}
	}
	return nil
}

// lead gives a mail an address of ours to open, where it is known what that is.
func (u *Users) lead(m *mail.Message, path string, button gatehouse.Note) {
	if u.URL != "" {
		m.Link, m.Button = u.URL+path, button
	}
}

// Answer is what an approver says to a request.
type Answer struct {
	Approval string // id of the request that the approver saw; "": whichever is the last
	Reason   string // for the person's eyes; "" = none. Cut at 500 bytes
}

// Approve lets a user in who waits for approval, and writes to them. Nobody
// approves himself. A request that was answered meanwhile, or is not the one
// that the approver saw, is a Conflict, so that of two approvers at once one is
// told that the other was faster.
func (u *Users) Approve(tx *store.Tx, by gatehouse.Actor, userID string, a Answer) error {
	return u.answer(tx, by, userID, a, gatehouse.VerdictApproved)
}

// Deny turns a user away who waits for approval, and writes to them: the
// account is blocked, so that coming again is no new request. Unblocking lets
// them in after all. Otherwise as Approve.
func (u *Users) Deny(tx *store.Tx, by gatehouse.Actor, userID string, a Answer) error {
	return u.answer(tx, by, userID, a, gatehouse.VerdictDenied)
}

func (u *Users) answer(tx *store.Tx, by gatehouse.Actor, userID string, a Answer, verdict gatehouse.Verdict) error {
	user, err := tx.User(userID)
	if err != nil {
		return fmt.Errorf("read user %s: %w", userID, err)
	}
	last, err := tx.Approval(userID)
	if err != nil && !errors.Is(err, gatehouse.NotFound) {
		return fmt.Errorf("read the request of user %s: %w", userID, err)
	}
	if err := answerable(by, user, last, a); err != nil {
		return err
	}
	state, action := gatehouse.UserActive, "user.approved"
	if verdict == gatehouse.VerdictDenied {
		state, action = gatehouse.UserBlocked, "user.denied"
	}
	reason := someLines(a.Reason, LongestReason)
	user.State = state
	if err := tx.SaveUser(&user); err != nil {
		return fmt.Errorf("save user %s: %w", userID, err)
	}
	if err := closeApproval(tx, last, by.Name, verdict, reason); err != nil {
		return err
	}
	if err := record(tx, by, action, userID, details("from", string(gatehouse.UserPending), "to", string(state), "approval", last.ID, "reason", reason)); err != nil {
		return err
	}
	tx.OnCommit(func() { u.count("approval", "verdict", string(verdict)) })
	if verdict == gatehouse.VerdictDenied {
		if err := endAccess(tx, userID); err != nil {
			return err
		}
	}
	return u.tellAnswer(tx, user, verdict, reason)
}

// answerable says whether somebody may answer a request now. last is the user's
// last request; one without ID is none.
func answerable(by gatehouse.Actor, user gatehouse.User, last gatehouse.Approval, a Answer) error {
	switch {
	case by.Kind == gatehouse.ActorUser && by.ID == user.ID:
		return gatehouse.Errorf(gatehouse.Forbidden, "Nobody decides about a request of their own. Ask another administrator.")
	case user.State == gatehouse.UserActive && last.Verdict == gatehouse.VerdictApproved:
		return gatehouse.Errorf(gatehouse.Conflict, "%s was approved already, by %s.", user.Name, last.DecidedBy)
	case user.State == gatehouse.UserActive:
		return gatehouse.Errorf(gatehouse.Conflict, "%s does not wait for approval, and can sign in already.", user.Name)
	case user.State == gatehouse.UserBlocked && last.Verdict == gatehouse.VerdictDenied && last.DecidedBy != "":
		return gatehouse.Errorf(gatehouse.Conflict, "%s was turned away already, by %s. Unblock the account to let them in after all.", user.Name, last.DecidedBy)
	case user.State != gatehouse.UserPending:
		return notOpened(user)
	case a.Approval != "" && a.Approval != last.ID:
		return gatehouse.Errorf(gatehouse.Conflict, "%s has asked anew since you opened this page. Look at the new request first.", user.Name)
	}
	return nil
}

// closeApproval writes the answer to a request. One without ID is none, which
// is no error: the user waited without one.
func closeApproval(tx *store.Tx, a gatehouse.Approval, by string, v gatehouse.Verdict, reason string) error {
	if a.ID == "" {
		return nil
	}
	a.Verdict, a.Reason, a.DecidedBy, a.DecidedAt = v, reason, by, tx.Now()
	return saveApproval(tx, &a)
}

// settle closes the open request of a user who waits no more for another reason.
func settle(tx *store.Tx, by gatehouse.Actor, userID string, v gatehouse.Verdict) error {
	last, err := tx.Approval(userID)
	if errors.Is(err, gatehouse.NotFound) || err == nil && last.Verdict != gatehouse.VerdictOpen {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the request of user %s: %w", userID, err)
	}
	return closeApproval(tx, last, by.Name, v, "")
}

// tellAnswer writes to the person, unless their provider says that the address
// is not theirs.
func (u *Users) tellAnswer(tx *store.Tx, user gatehouse.User, v gatehouse.Verdict, reason string) error {
	ok, err := mayWriteTo(tx, user)
	if err != nil || !ok {
		return err
	}
	m := mail.Message{
		To: user.Email, Locale: user.Locale,
		Subject: gatehouse.Notef("Your account is open"),
		Body:    []gatehouse.Note{gatehouse.Notef("An administrator has approved your account. You can sign in now.")},
	}
	u.lead(&m, "/sign-in", gatehouse.Notef("Sign in"))
	if v == gatehouse.VerdictDenied {
		m.Subject = gatehouse.Notef("Your request for an account was denied")
		m.Body = []gatehouse.Note{gatehouse.Notef("An administrator has denied your request for an account.")}
		m.Link, m.Button = "", gatehouse.Note{}
	}
	if reason != "" {
		m.Body = append(m.Body, gatehouse.Notef("The administrator wrote: %s", reason))
	}
	if err := mail.Send(tx, m); err != nil {
		return fmt.Errorf("write to user %s: %w", user.ID, err)
	}
	return nil
}

func mayWriteTo(tx *store.Tx, user gatehouse.User) (bool, error) {
	if user.Email == "" || user.EmailVerified {
		return user.Email != "", nil
	}
	identities, err := tx.Identities(user.ID)
	if err != nil {
		return false, fmt.Errorf("read the identities of user %s: %w", user.ID, err)
	}
	for _, i := range identities {
		if i.Profile.Email == user.Email && i.Profile.Verified == gatehouse.Unverified {
			return false, nil
		}
	}
	return true, nil
}

// ExpireApprovals marks up to limit requests that nobody answered in time, and
// says how many. Their users stay pending until RemoveLeftovers: nobody gets in, and
// the next sign-in asks anew.
func (u *Users) ExpireApprovals(tx *store.Tx, limit int) (int, error) {
	overdue, err := tx.OverdueApprovals(limit)
	if err != nil {
		return 0, fmt.Errorf("read the requests that ran out: %w", err)
	}
	for _, a := range overdue {
		if err := expire(tx, a); err != nil {
			return 0, err
		}
	}
	tx.OnCommit(func() {
		for range overdue {
			u.count("approval", "verdict", string(gatehouse.VerdictExpired))
		}
	})
	return len(overdue), nil
}

func expire(tx *store.Tx, a gatehouse.Approval) error {
	if err := closeApproval(tx, a, "", gatehouse.VerdictExpired, ""); err != nil {
		return err
	}
	by := gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "users.expire"}
	return record(tx, by, "approval.expired", a.UserID, map[string]string{"approval": a.ID})
}

// someLines makes a text of a person safe to keep and to show: lines of what
// prints, at most n bytes.
func someLines(s string, n int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if len(s) > n {
		s = strings.TrimSpace(strings.ToValidUTF8(s[:n], ""))
	}
	return s
}

// details are pairs of name and value without the empty ones.
func details(pairs ...string) map[string]string {
	d := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			d[pairs[i]] = pairs[i+1]
		}
	}
	return d
}
