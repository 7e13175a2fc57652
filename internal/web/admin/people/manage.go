package people

import (
	"errors"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// ManageView is what a user's page shows to those who may change the user.
type ManageView struct {
	By, User    gatehouse.User
	Emails      []gatehouse.Email // the primary one first
	Invitable   bool              // has no way to sign in yet
	MailReady   bool
	PausedUntil time.Time // after wrong tries; zero: nothing is paused
}

// RoleAllowed says whether the role of the user can be changed at all.
func (m ManageView) RoleAllowed() bool {
	return m.User.ID != m.By.ID && (m.User.State == gatehouse.UserActive || m.User.Role != gatehouse.RoleNone)
}

// View reads what is shown of a user to an administrator who may change it.
func (p *People) View(tx *store.Tx, by, user gatehouse.User) (ManageView, error) {
	m := ManageView{By: by, User: user, MailReady: p.mailReady() && p.Proofs != nil}
	if user.Email != "" {
		m.Emails = []gatehouse.Email{{UserID: user.ID, Address: user.Email, Verified: user.EmailVerified}}
	}
	more, err := tx.Emails(user.ID)
	if err != nil {
		return m, fmt.Errorf("addresses: %w", err)
	}
	m.Emails = append(m.Emails, more...)
	if p.Locks != nil {
		if m.PausedUntil, err = p.Locks.PausedUntil(tx, user.ID); err != nil {
			return m, err
		}
	}
	_, err = p.Users.Invitable(tx, user.ID)
	m.Invitable = err == nil && user.ID != by.ID
	if errors.Is(err, gatehouse.Conflict) {
		err = nil
	}
	return m, err
}
