package credentials

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// pace is how guessing is slowed: the first tries are free, then each is followed
// by a pause, twice as long as the one before.
type pace struct {
	free    int           // wrong tries before the first pause
	first   time.Duration // the first pause
	longest time.Duration
	forget  time.Duration // after so long without a try, all is forgotten
}

// perAccount is for what one person can know. Five tries are more than a person
// needs, and at one in an hour nobody guesses a password that is not common.
func perAccount() pace {
	return pace{free: 5, first: time.Minute, longest: time.Hour, forget: 24 * time.Hour}
}

// perNetwork is for all that come from one address: a company may be behind it.
func perNetwork(loopback bool) pace {
	p := pace{free: 30, first: time.Minute, longest: 15 * time.Minute, forget: time.Hour}
	if loopback { // a proxy that trusted_proxies does not name
		p.free *= 100
	}
	return p
}

// next decides whether one more try may be made now, and what is kept of it. The
// try counts as wrong until it turns out right, so that many at once are counted
// as many.
func (p pace) next(g gatehouse.Guesses, now time.Time) (gatehouse.Guesses, bool) {
	if now.Before(g.Until) {
		return g, false
	}
	if now.Sub(g.LastAt) >= p.forget {
		g = gatehouse.Guesses{}
	}
	g.Count++
	g.LastAt = now
	if over := g.Count - p.free; over >= 0 {
		g.BlockedAt, g.Until = now, now.Add(min(p.longest, p.first<<min(over, 20)))
	}
	return g, true
}

// guess is a subject at which is guessed, with its pace.
type guess struct {
	subject string
	pace    pace
}

func ofAccount(what, userID string) guess { return guess{what + "/" + userID, perAccount()} }

// ofName is for a name as it was entered, whether or not somebody has it, so that
// nobody learns which names there are.
func ofName(name string) guess { return guess{"name/" + mark(name), perAccount()} }

// ofNobody stands in for the account where nobody has the name: as much is
// written as for one.
func ofNobody(name string) guess { return guess{"nobody/" + mark(name), perAccount()} }

func mark(name string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(name))))
	return hex.EncodeToString(sum[:16])
}

// nameSubjects are those of the names by which a user signs in.
func nameSubjects(tx *store.Tx, userID string) ([]string, error) {
	user, err := tx.User(userID)
	if err != nil {
		return nil, fmt.Errorf("read user %s: %w", userID, err)
	}
	more, err := tx.Emails(userID)
	if err != nil {
		return nil, fmt.Errorf("read the addresses of user %s: %w", userID, err)
	}
	all := []string{ofName(user.Username).subject, ofName(user.Email).subject}
	for _, e := range more {
		all = append(all, ofName(e.Address).subject)
	}
	return all, nil
}

// ofNetwork counts an IPv6 network of 64 bits as one address: one machine has
// all of it. What is no address shares one subject.
func ofNetwork(address string) guess {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return guess{"network/none", perNetwork(false)}
	}
	bits := a.BitLen()
	if a.Is6() && !a.IsLoopback() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // bits fit
	return guess{"network/" + p.String(), perNetwork(a.IsLoopback())}
}

// begin notes a try at all of the subjects. A pause at one of them is Limited,
// and then nothing is noted. The subjects that now have a pause are returned.
func begin(tx *store.Tx, all ...guess) (slowed []guess, no *gatehouse.Error, err error) {
	after := make([]gatehouse.Guesses, len(all))
	for i, g := range all {
		before, err := tx.Guesses(g.subject)
		if err != nil {
			return nil, nil, fmt.Errorf("read the guesses: %w", err)
		}
		var may bool
		if after[i], may = g.pace.next(before, tx.Now()); !may {
			return nil, paused(before.Until.Sub(tx.Now())), nil
		}
	}
	for i, g := range all {
		if err := tx.SaveGuesses(g.subject, after[i], tx.Now().Add(max(g.pace.forget, after[i].Until.Sub(tx.Now())))); err != nil {
			return nil, nil, fmt.Errorf("note a guess: %w", err)
		}
		if tx.Now().Before(after[i].Until) {
			slowed = append(slowed, g)
		}
	}
	return slowed, nil, nil
}

// right takes the tries back: of an account all, of a network the one.
func right(tx *store.Tx, all ...guess) error {
	for _, g := range all {
		if !strings.HasPrefix(g.subject, "network/") {
			if _, err := tx.ForgetGuesses(g.subject); err != nil {
				return fmt.Errorf("forget the guesses: %w", err)
			}
			continue
		}
		before, err := tx.Guesses(g.subject)
		if err != nil {
			return fmt.Errorf("read the guesses: %w", err)
		}
		before.Count = max(0, before.Count-1)
		if before.Count < g.pace.free {
			before.Until, before.BlockedAt = time.Time{}, time.Time{}
		}
		if err := tx.SaveGuesses(g.subject, before, tx.Now().Add(g.pace.forget)); err != nil {
			return fmt.Errorf("note a guess: %w", err)
		}
	}
	return nil
}

func paused(left time.Duration) *gatehouse.Error {
	minutes := int((left + time.Minute - 1) / time.Minute)
	return gatehouse.Errorf(gatehouse.Limited, "There were too many wrong tries. Try again in %d min. A passkey works meanwhile.", minutes)
}

// subjects are all at which is guessed for one user.
func subjects(userID string) []string {
	return []string{ofAccount("password", userID).subject, ofAccount("code", userID).subject}
}

// Unlock ends the pauses of a user that wrong tries brought about, and says
// whether there were any.
func (c *Credentials) Unlock(tx *store.Tx, by gatehouse.Actor, userID string) (bool, error) {
	names, err := nameSubjects(tx, userID)
	if err != nil {
		return false, err
	}
	some := false
	for _, s := range append(names, subjects(userID)...) {
		had, err := tx.ForgetGuesses(s)
		if err != nil {
			return false, fmt.Errorf("forget the guesses at user %s: %w", userID, err)
		}
		some = some || had
	}
	if !some {
		return false, nil
	}
	return true, record(tx, by, "credentials.unlocked", userID, nil)
}

// PausedUntil is until when nothing can be tried for a user; zero when it can.
func (c *Credentials) PausedUntil(tx *store.Tx, userID string) (time.Time, error) {
	var until time.Time
	for _, s := range subjects(userID) {
		g, err := tx.Guesses(s)
		if err != nil {
			return until, fmt.Errorf("read the guesses at user %s: %w", userID, err)
		}
		if g.Until.After(until) && g.Until.After(tx.Now()) {
			until = g.Until
		}
	}
	return until, nil
}

// tellSlowed writes the pause of an account to the audit log. For a name that
// nobody has as much is written elsewhere: by the time, too, nobody learns which
// names there are.
func tellSlowed(tx *store.Tx, slowed []guess, userID, address string) error {
	for _, g := range slowed {
		what, of, _ := strings.Cut(g.subject, "/")
		switch {
		case what == "network":
		case of == userID:
			by := gatehouse.Actor{Kind: gatehouse.ActorAnonymous, Address: address}
			if err := record(tx, by, "credentials.paused", userID, map[string]string{"what": what}); err != nil {
				return err
			}
		default:
			if err := tx.SaveGuesses("told/"+of, gatehouse.Guesses{LastAt: tx.Now()}, tx.Now().Add(g.pace.forget)); err != nil {
				return fmt.Errorf("note a pause: %w", err)
			}
		}
	}
	return nil
}
