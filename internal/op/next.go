package op

import (
	"strconv"
	"time"

	"gatehouse"
)

// step is what comes next for a right authorization request.
type step int

const (
	stepSignIn  step = iota // the person signs in, and comes back
	stepConsent             // the person is asked
	stepCode                // the client gets its code
	stepRefuse              // the client is told why not
)

// situation is what is known when it is decided what comes next.
type situation struct {
	signedIn bool
	user     gatehouse.User
	authAt   time.Time
	consent  []string  // what the person allowed the client before; nil: nothing
	after    time.Time // the person must have signed in after this; zero: at any time
	resumed  bool      // the person comes from the sign-in
}

// next decides what comes next. With stepRefuse it says the error for the
// client. It never sends to the sign-in a person who just comes from there and
// did what was demanded, so that nobody goes round in circles.
func next(c gatehouse.Client, a authorization, s situation) (step, string) {
	if !s.signedIn || !s.after.IsZero() && !s.authAt.After(s.after) {
		if a.none {
			return stepRefuse, "login_required"
		}
		return stepSignIn, ""
	}
	if !isHinted(a, s.user) {
		if a.none || s.resumed {
			return stepRefuse, "login_required"
		}
		return stepSignIn, ""
	}
	if !owesConsent(c, a, s.consent) {
		return stepCode, ""
	}
	if a.none {
		return stepRefuse, "consent_required"
	}
	return stepConsent, ""
}

// isHinted says whether a person is the one that an id_token_hint asks for. A
// hint that says nothing to us counts only where no page may be shown: there a
// wrong person would go unseen.
func isHinted(a authorization, u gatehouse.User) bool {
	return a.hinted == "" || a.hinted == subject(u) || a.hinted == unknownSubject && !a.none
}

// owesConsent says whether the person must be asked. A public client is asked
// for each time, since whoever takes its redirect URI can take its name (RFC
// 9700 section 4.1, RFC 6749 section 10.2); a trusted one never, unless it
// wants to be.
func owesConsent(c gatehouse.Client, a authorization, given []string) bool {
	switch {
	case a.consent:
		return true
	case c.Trusted:
		return false
	case c.Public():
		return true
	}
	return !covers(given, a.scopes)
}

// demandedAfter is the time after which the person must have signed in, for a
// request that comes in now; zero when any sign-in will do. Who must choose an
// account signs in anew: only that proves the choice.
func demandedAfter(a authorization, now time.Time) time.Time {
	switch {
	case a.login || a.choose:
		return now
	case a.hasMaxAge:
		return now.Add(-a.maxAge)
	}
	return time.Time{}
}

// subject is how clients know a user: the number as text.
func subject(u gatehouse.User) string { return strconv.FormatInt(u.Number, 10) }
