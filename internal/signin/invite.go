package signin

import (
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// PurposeInvite is the purpose of a one-time link for somebody whose account was
// made by hand: it lets them in once, to connect a way to sign in.
const PurposeInvite = "invite"

// inviteTime is how long such a link can be used.
const inviteTime = 7 * 24 * time.Hour

// Invite makes a one-time link for a user who has no way to sign in yet, and
// returns its address: whoever opens it is that user, once, within seven days
// and only while there is no other way in. Links of before end. It is in the audit log, the link
// itself is not.
func (s *Service) Invite(tx *store.Tx, by gatehouse.Actor, userID string) (address string, err error) {
	_, address, err = s.invite(tx, by, userID, "shown")
	return address, err
}

// InviteByMail is Invite with the link mailed to the user's address.
func (s *Service) InviteByMail(tx *store.Tx, by gatehouse.Actor, userID string) error {
	user, address, err := s.invite(tx, by, userID, "mailed")
	if err != nil {
		return err
	}
	return s.Users.MailInvite(tx, user, address)
}

func (s *Service) invite(tx *store.Tx, by gatehouse.Actor, userID, how string) (gatehouse.User, string, error) {
	user, err := s.Users.Invitable(tx, userID)
	if err != nil {
		return user, "", err
	}
	// One at a time: a link that lies forgotten in a mailbox opens nothing.
	if err := tx.EndLinks(PurposeInvite, userID); err != nil {
		return user, "", fmt.Errorf("end the links of before: %w", err)
	}
	token := gatehouse.NewSecret()
	if err := tx.SaveLink(token, store.Link{Purpose: PurposeInvite, UserID: userID, ExpiresAt: tx.Now().Add(inviteTime)}); err != nil {
		return user, "", fmt.Errorf("keep the link: %w", err)
	}
	err = tx.Record(gatehouse.Event{Actor: by, Action: "user.invited", Target: "user/" + userID, Details: map[string]string{"link": how}})
	if err != nil {
		return user, "", fmt.Errorf("record the link: %w", err)
	}
	return user, s.URL + "/sign-in/invite?token=" + token, nil
}
