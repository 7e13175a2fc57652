package self

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"gatehouse"
	"gatehouse/internal/jobs"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// Bounds of addresses.
const (
	MostAddresses = 10             // additional ones of a user
	ProofTime     = 24 * time.Hour // how long a mailed link verifies an address
	proofPause    = time.Minute    // between two mails to the same address
	hourlyProofs  = 10             // of one person, whatever the addresses
)

// VerifyPath is the page that a mailed link leads to.
const VerifyPath = "/user/emails/verify"

// AddEmail adds an address, not verified yet, and mails a link to it. Whoever
// adds the address of somebody else is told the same and learns nothing; its
// holder gets a mail instead. locale is the language to write in.
func (s *Self) AddEmail(tx *store.Tx, by gatehouse.Actor, userID, address, locale string) (string, error) {
	user, err := find(tx, userID)
	if err != nil {
		return "", err
	}
	clean := mail.CleanAddress(address)
	if clean == "" {
		return "", gatehouse.Errorf(gatehouse.Invalid, "That is no e-mail address. Check it for mistakes.")
	}
	if err := s.mayAdd(tx, user, clean); err != nil {
		return "", err
	}
	if err := tx.SaveEmail(&gatehouse.Email{UserID: userID, Address: clean}); err != nil {
		return "", fmt.Errorf("save the address: %w", err)
	}
	if err := record(tx, by, "email.added", userID, map[string]string{"address": clean}); err != nil {
		return "", err
	}
	return clean, s.prove(tx, by, user, clean, locale)
}

func (s *Self) mayAdd(tx *store.Tx, user gatehouse.User, address string) error {
	if s.MayHave != nil {
		if err := s.MayHave(tx, address); err != nil {
			return err
		}
	}
	all, err := tx.Emails(user.ID)
	if err != nil {
		return fmt.Errorf("read the addresses of user %s: %w", user.ID, err)
	}
	for _, e := range all {
		if e.Address == address {
			return gatehouse.Errorf(gatehouse.Conflict, "%s is among your addresses already.", address)
		}
	}
	if len(all) >= MostAddresses {
		return gatehouse.Errorf(gatehouse.Conflict, "You have %d more addresses already. Remove one that you do not use first.", MostAddresses)
	}
	return nil
}

// SendProof mails the link to verify an address of the user once more: the
// primary one, or an additional one. Links that were mailed before end. Too many
// of them is Limited.
func (s *Self) SendProof(tx *store.Tx, by gatehouse.Actor, userID, address, locale string) error {
	user, err := find(tx, userID)
	if err != nil {
		return err
	}
	verified, err := standing(tx, user, address)
	if err != nil {
		return err
	}
	if verified {
		return gatehouse.Errorf(gatehouse.Conflict, "%s is verified already.", address)
	}
	return s.prove(tx, by, user, address, locale)
}

// standing says whether an address of the user is verified; NotFound when it is
// none of theirs.
func standing(tx *store.Tx, user gatehouse.User, address string) (verified bool, err error) {
	if address != "" && address == user.Email {
		return user.EmailVerified, nil
	}
	e, err := tx.Email(user.ID, address)
	if err != nil {
		return false, fmt.Errorf("read an address of user %s: %w", user.ID, err)
	}
	return e.Verified, nil
}

// prove mails a new link. For an address that is somebody else's all is the same
// but the mail: the link of it is known to nobody, and the holder is told.
func (s *Self) prove(tx *store.Tx, by gatehouse.Actor, user gatehouse.User, address, locale string) error {
	last, err := tx.LastEmailProof(user.ID, address)
	if err != nil {
		return fmt.Errorf("read when a link was mailed: %w", err)
	}
	n, err := countRecent(tx, user.ID, "email.proof_sent", time.Hour, hourlyProofs)
	if err != nil {
		return err
	}
	if n >= hourlyProofs || tx.Now().Before(last.Add(proofPause)) {
		return gatehouse.Errorf(gatehouse.Limited, "A mail was sent a moment ago, or there were many of late. Look into your mailbox, also among unwanted mail, and try again later.")
	}
	token := gatehouse.NewSecret()
	if err := tx.SaveEmailProof(token, store.EmailProof{UserID: user.ID, Address: address, ExpiresAt: tx.Now().Add(ProofTime)}); err != nil {
		return fmt.Errorf("keep what the link stands for: %w", err)
	}
	if err := record(tx, by, "email.proof_sent", user.ID, map[string]string{"address": address}); err != nil {
		return err
	}
	holders, err := tx.UsersByVerifiedEmail(address)
	if err != nil {
		return fmt.Errorf("read who holds the address: %w", err)
	}
	m := s.proofMail(user, address, token, locale)
	if len(holders) > 0 && holders[0].ID != user.ID {
		m = s.holderMail(holders[0], address)
	}
	if err := mail.Send(tx, m); err != nil {
		return fmt.Errorf("mail the link: %w", err)
	}
	return nil
}

// proofMail goes to somebody who may never have heard of us. It does not hold the
// name that the person gave themselves: that could be any text, with an address
// to open in it, and we would send it to whomever they like.
func (s *Self) proofMail(user gatehouse.User, address, token, locale string) mail.Message {
	if locale == "" {
		locale = user.Locale
	}
	return mail.Message{
		To: address, Locale: locale, Unproven: true, Subject: gatehouse.Notef("Confirm your e-mail address"),
		Body: []gatehouse.Note{
			gatehouse.Notef("The account @%s wants to use the address %s. If that is yours, open the link and confirm. It works once, for a day.", user.Username, address),
			gatehouse.Notef("If it is not you, do nothing: the address will not be used."),
		},
		Link: s.URL + VerifyPath + "?token=" + url.QueryEscape(token), Button: gatehouse.Notef("Confirm the address"),
	}
}

// holderMail is what the holder of an address gets when somebody else adds it. It
// does not say who: that could be anybody's name.
func (s *Self) holderMail(holder gatehouse.User, address string) mail.Message {
	return mail.Message{
		To: address, Locale: holder.Locale, Unproven: true, Subject: gatehouse.Notef("Somebody else tried to use your e-mail address"),
		Body: []gatehouse.Note{
			gatehouse.Notef("Somebody tried to add the address %s to another account. It belongs to yours (@%s), so nothing came of it.", address, holder.Username),
			gatehouse.Notef("If that was you, sign in to the other account and to this one, and ask an administrator to merge them. Otherwise you need not do anything."),
		},
		Link: s.URL + "/user", Button: gatehouse.Notef("Look at your account"),
	}
}

// Proof is what a mailed link stands for, without using it up: a mail program
// that opens links to look at them verifies nothing. It is for this user only;
// somebody else's is Forbidden, an unknown, used or old one Expired.
func (s *Self) Proof(tx *store.Tx, userID, token string) (store.EmailProof, error) {
	p, err := tx.EmailProof(token)
	if errors.Is(err, gatehouse.NotFound) {
		return p, gatehouse.Errorf(gatehouse.Expired, "This link was used already, is older than a day, or a newer one was mailed. Ask for a new one on your own page.")
	}
	if err != nil {
		return p, fmt.Errorf("read what the link stands for: %w", err)
	}
	if p.UserID != userID {
		return store.EmailProof{}, gatehouse.Errorf(gatehouse.Forbidden, "This link belongs to another account. Sign out, sign in to that account, and open the link again.")
	}
	return p, nil
}

// VerifyEmail uses up a mailed link: its address is verified from now on. One
// that somebody else verified in the meantime is a Conflict.
func (s *Self) VerifyEmail(tx *store.Tx, by gatehouse.Actor, userID, token string) (address string, err error) {
	p, err := s.Proof(tx, userID, token)
	if err != nil {
		return "", err
	}
	user, err := find(tx, userID)
	if err != nil {
		return "", err
	}
	if _, err := tx.TakeEmailProof(token); err != nil {
		return "", fmt.Errorf("use up the link: %w", err)
	}
	if p.Address == user.Email {
		user.EmailVerified = true
		err = tx.SaveUser(&user)
	} else {
		err = verifyAdditional(tx, userID, p.Address)
	}
	if err != nil {
		return "", fmt.Errorf("verify an address of user %s: %w", userID, err)
	}
	if _, err := jobs.Add(tx, users.Arrived{UserID: userID}, jobs.Options{}); err != nil {
		return "", fmt.Errorf("add the search for the user's accounts: %w", err)
	}
	tx.OnCommit(func() { s.count("email_verified") })
	return p.Address, record(tx, by, "email.verified", userID, map[string]string{"address": p.Address})
}

func verifyAdditional(tx *store.Tx, userID, address string) error {
	e, err := tx.Email(userID, address)
	if errors.Is(err, gatehouse.NotFound) {
		return gatehouse.Errorf(gatehouse.Expired, "This address is not among yours any more. Add it again to verify it.")
	}
	if err != nil {
		return err
	}
	e.Verified = true
	return tx.SaveEmail(&e)
}

// MakePrimary makes a verified additional address the primary one; that becomes
// an additional one, and is told.
func (s *Self) MakePrimary(tx *store.Tx, by gatehouse.Actor, userID, address string) error {
	user, err := find(tx, userID)
	if err != nil {
		return err
	}
	if user.Email == address {
		return nil
	}
	e, err := tx.Email(userID, address)
	if err != nil {
		return fmt.Errorf("read an address of user %s: %w", userID, err)
	}
	if !e.Verified {
		return gatehouse.Errorf(gatehouse.Conflict, "%s is not verified yet. Open the link that was mailed to it first.", e.Address)
	}
	synced, err := s.Synced(tx, userID)
	if err != nil {
		return err
	}
	if from := synced["email"]; from != "" {
		return gatehouse.Errorf(gatehouse.Conflict, "The primary address comes from %s at each sign-in. Change it there.", from)
	}
	before := user
	user.Email, user.EmailVerified = e.Address, true
	if err := tx.SaveUser(&user); err != nil {
		return fmt.Errorf("save user %s: %w", userID, err)
	}
	if before.Email != "" {
		if err := tx.SaveEmail(&gatehouse.Email{UserID: userID, Address: before.Email, Verified: before.EmailVerified}); err != nil {
			return fmt.Errorf("keep the address of before: %w", err)
		}
	}
	details := map[string]string{"from": before.Email, "to": user.Email, "verified": "yes"}
	if err := record(tx, by, "user.email_changed", userID, details); err != nil {
		return err
	}
	return s.warnPrimary(tx, before, gatehouse.Notef("Your primary e-mail address was changed"),
		gatehouse.Notef("The primary address of your account (@%s) is %s from now on. This one is still among your addresses.", user.Username, user.Email))
}

// RemoveEmail removes an additional address. One that was verified is told.
func (s *Self) RemoveEmail(tx *store.Tx, by gatehouse.Actor, userID, address string) error {
	user, err := find(tx, userID)
	if err != nil {
		return err
	}
	if user.Email != "" && user.Email == address {
		return gatehouse.Errorf(gatehouse.Conflict, "%s is your primary address. Make another one primary first.", address)
	}
	e, err := tx.Email(userID, address)
	if err != nil {
		return fmt.Errorf("read an address of user %s: %w", userID, err)
	}
	if err := tx.DeleteEmail(userID, address); err != nil {
		return fmt.Errorf("remove an address of user %s: %w", userID, err)
	}
	if err := record(tx, by, "email.removed", userID, map[string]string{"address": e.Address}); err != nil || !e.Verified {
		return err
	}
	return s.warn(tx, user, e.Address, gatehouse.Notef("Your e-mail address was removed"),
		gatehouse.Notef("The address %s does not belong to the account @%s any more.", e.Address, user.Username))
}
