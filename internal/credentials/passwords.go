package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gatehouse"
	"gatehouse/internal/credentials/password"
	"gatehouse/internal/store"
)

// Try is somebody's try to prove who they are by a password.
type Try struct {
	Name     string // username or verified address, as it was entered
	UserID   string // who it must be, instead of Name; "" = by Name
	Password string
	Address  string // of the browser
}

// longestName bounds what is looked for.
const longestName = 320

// asked is what is known of a try before the password is compared.
type asked struct {
	userID string // "" = nobody
	hash   string // "" = no password that leads in
	guess  guess  // at the account; at nobody where the name is unknown
	name   guess  // at the name as it was entered; zero: the user is known
}

// seen are the guesses whose pause is told. That of an account stays untold to who
// came by a name: an account has several, and one that is paused because another
// one was tried would tell that they are one person's.
func (a asked) seen(network guess) []guess {
	if a.name.subject != "" {
		return []guess{a.name, network}
	}
	return []guess{a.guess, network}
}

// all are the guesses at what was tried.
func (a asked) all(network guess) []guess {
	if a.name.subject != "" {
		return []guess{a.name, a.guess, network}
	}
	return []guess{a.guess, network}
}

// Password checks a password and gives the user whose it is. Whoever it is, and
// whether or not they are known or have a password, the same is done and the
// same is said. A wrong one is Invalid, a pause after too many is Limited; the
// user id is given with the error too, "" when nobody has the name. The state
// of the user is not looked at.
func (c *Credentials) Password(ctx context.Context, t Try) (userID string, err error) {
	var a asked
	var no *gatehouse.Error
	var slowed []guess
	network := ofNetwork(t.Address)
	err = c.Store.Update(ctx, func(tx *store.Tx) error {
		var err error
		if a, err = c.asked(tx, t); err != nil {
			return err
		}
		slowed, no, err = a.begin(tx, network)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("begin to check a password: %w", err)
	}
	if no != nil {
		c.count("password", "paused")
		return a.userID, no
	}
	ok, err := c.Hasher.Matches(ctx, t.Password, a.hash)
	if err != nil {
		return a.userID, err
	}
	if !ok {
		c.count("password", "wrong")
		if len(slowed) > 0 {
			if err := c.Store.Update(ctx, func(tx *store.Tx) error { return tellSlowed(tx, slowed, a.userID, t.Address) }); err != nil {
				return a.userID, fmt.Errorf("note a pause: %w", err)
			}
		}
		return a.userID, gatehouse.Errorf(gatehouse.Invalid, "The username or the password is wrong. Check both, and try again.")
	}
	c.count("password", "right")
	return a.userID, c.accept(ctx, a, network, t.Password)
}

// begin notes the try. While an account is paused and the name is not, every
// password is wrong.
func (a *asked) begin(tx *store.Tx, network guess) (slowed []guess, no *gatehouse.Error, err error) {
	if slowed, no, err = begin(tx, a.seen(network)...); err != nil || no != nil || a.name.subject == "" {
		return slowed, no, err
	}
	more, paused, err := begin(tx, a.guess)
	if paused != nil {
		a.hash = ""
	}
	return append(slowed, more...), nil, err
}

// asked finds whose password is tried. What is done does not depend on what is
// found, but for the row that is read.
func (c *Credentials) asked(tx *store.Tx, t Try) (asked, error) {
	user, err := findUser(tx, t)
	if errors.Is(err, gatehouse.NotFound) {
		return asked{guess: ofNobody(t.Name), name: ofName(t.Name)}, nil
	}
	if err != nil {
		return asked{}, fmt.Errorf("find the user: %w", err)
	}
	a := asked{userID: user.ID, guess: ofAccount("password", user.ID)}
	if t.UserID == "" {
		a.name = ofName(t.Name)
	}
	has, err := tx.LocalWays(user.ID)
	if err != nil {
		return a, fmt.Errorf("read the credentials of user %s: %w", user.ID, err)
	}
	p, err := tx.Password(user.ID)
	if err != nil && !errors.Is(err, gatehouse.NotFound) {
		return a, fmt.Errorf("read the password of user %s: %w", user.ID, err)
	}
	if c.Rules.ways(user, has).Password {
		a.hash = p.Hash
	}
	return a, nil
}

func findUser(tx *store.Tx, t Try) (gatehouse.User, error) {
	name := strings.TrimSpace(t.Name)
	switch {
	case t.UserID != "":
		return tx.User(t.UserID)
	case name == "" || len(name) > longestName:
		return gatehouse.User{}, gatehouse.NotFound
	case !strings.Contains(name, "@"):
		return tx.UserByUsername(name)
	}
	holders, err := tx.UsersByVerifiedEmail(name)
	if err == nil && len(holders) != 1 {
		err = gatehouse.NotFound
	}
	if err != nil {
		return gatehouse.User{}, err
	}
	return holders[0], nil
}

// accept takes the tries back, and keeps the password anew where its cost is
// not the present one.
func (c *Credentials) accept(ctx context.Context, a asked, network guess, plain string) error {
	renewed := ""
	if c.Hasher.Outdated(a.hash) {
		var err error
		if renewed, err = c.Hasher.Hash(ctx, plain); err != nil {
			renewed = "" // the next time
		}
	}
	err := c.Store.Update(ctx, func(tx *store.Tx) error {
		if renewed != "" {
			now, err := tx.Password(a.userID)
			if err == nil && now.Hash == a.hash {
				now.Hash = renewed
				err = tx.SavePassword(&now)
			}
			if err != nil && !errors.Is(err, gatehouse.NotFound) {
				return err
			}
		}
		return right(tx, a.all(network)...)
	})
	if err != nil {
		return fmt.Errorf("accept a password: %w", err)
	}
	return nil
}

// NewPassword checks a password as a new one of a user and makes what
// SetPassword keeps. It takes its time, so it is called outside of a transaction.
func (c *Credentials) NewPassword(ctx context.Context, u gatehouse.User, plain string) (hash string, err error) {
	if err := password.Check(plain, password.About{Username: u.Username, Email: u.Email}); err != nil {
		return "", err
	}
	return c.Hasher.Hash(ctx, plain)
}

// SetPassword gives a user the password that NewPassword made. byHand says that
// an operator gives it: then the user may sign in by it without a role.
func (c *Credentials) SetPassword(tx *store.Tx, by gatehouse.Actor, userID, hash string, byHand bool) error {
	p := gatehouse.Password{UserID: userID, Hash: hash, ByHand: byHand}
	if err := tx.SavePassword(&p); err != nil {
		return fmt.Errorf("save the password of user %s: %w", userID, err)
	}
	names, err := nameSubjects(tx, userID)
	if err != nil {
		return err
	}
	for _, s := range append(names, ofAccount("password", userID).subject) {
		if _, err := tx.ForgetGuesses(s); err != nil {
			return fmt.Errorf("forget the guesses: %w", err)
		}
	}
	return record(tx, by, "password.set", userID, nil)
}

// RemovePassword takes the password of a user away; NotFound when there is none.
func (c *Credentials) RemovePassword(tx *store.Tx, by gatehouse.Actor, userID string) error {
	if err := tx.DeletePassword(userID); err != nil {
		return fmt.Errorf("remove the password of user %s: %w", userID, err)
	}
	return record(tx, by, "password.removed", userID, nil)
}

// ShortestPassword is how many characters a password has at least.
const ShortestPassword = password.Shortest
