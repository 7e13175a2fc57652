package request

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"gatehouse"
)

// Step is what comes next for a right authorization request.
type Step int

// The steps.
const (
	StepSignIn   Step = iota // the person signs in, and comes back
	StepConsent              // the person is asked
	StepCode                 // the client gets its code
	StepRefuse               // the client is told why not
	StepStronger             // the person is signed in, gives one more proof, and comes back
	StepConnect              // the person connects the account by which the client knows people
)

// Situation is what is known when it is decided what comes next.
type Situation struct {
	SignedIn bool
	User     gatehouse.User
	Subject  string // as the client knows the user; "": by the number
	AuthAt   time.Time
	Consent  []string  // what the person allowed the client before; nil: nothing
	After    time.Time // the person must have signed in after this; zero: at any time
	Resumed  bool      // the person comes from the sign-in
	ACR      string    // how surely the person signed in
	Nameless bool      // the client knows people by an account that the person has not connected
}

// Next decides what comes next. With StepRefuse it says the error for the
// client. It never sends to the sign-in a person who just comes from there and
// did what was demanded, so that nobody goes round in circles.
func Next(c gatehouse.Client, a Authorization, s Situation) (Step, string) {
	if a.ACREssential && !reachable(a.ACR) {
		return StepRefuse, unmet
	}
	if !s.SignedIn || !s.After.IsZero() && !s.AuthAt.After(s.After) {
		if a.None {
			return StepRefuse, "login_required"
		}
		return StepSignIn, ""
	}
	if a.None && owesConsent(c, a, s.Consent) {
		// Before all that says who is in front and how they signed in: a client that
		// they allowed nothing could find out by trying.
		return StepRefuse, "consent_required"
	}
	if !isHinted(a, cmp.Or(s.Subject, Subject(s.User))) {
		if a.None || s.Resumed {
			return StepRefuse, "login_required"
		}
		return StepSignIn, ""
	}
	switch surely(a, s) {
	case tooWeak:
		return StepRefuse, unmet
	case askForMore:
		return StepStronger, ""
	case sure:
	}
	if s.Nameless {
		if a.None {
			return StepRefuse, "interaction_required"
		}
		return StepConnect, ""
	}
	if !owesConsent(c, a, s.Consent) {
		return StepCode, ""
	}
	return StepConsent, ""
}

// UnknownSubject stands for the person of an ID token that is not ours.
const UnknownSubject = "unknown"

// isHinted says whether a person is the one that an id_token_hint asks for. A
// hint that says nothing to us counts only where no page may be shown: there a
// wrong person would go unseen.
func isHinted(a Authorization, subject string) bool {
	return a.Hinted == "" || a.Hinted == subject || a.Hinted == UnknownSubject && !a.None
}

// owesConsent says whether the person must be asked. A public client is asked
// for each time, since whoever takes its redirect URI can take its name (RFC
// 9700 section 4.1, RFC 6749 section 10.2); a trusted one never, unless it
// wants to be, or would act elsewhere in the person's name: that only the person
// allows, once.
func owesConsent(c gatehouse.Client, a Authorization, given []string) bool {
	switch {
	case a.Consent:
		return true
	case AsksForTokens(a) && !slices.Contains(given, ScopeProvider):
		return true
	case c.Trusted:
		return false
	case c.Public():
		return true
	}
	return !Covers(given, a.Wishes())
}

// AsksForTokens says whether a request asks for the person's tokens of other
// providers.
func AsksForTokens(a Authorization) bool { return slices.Contains(a.Scopes, ScopeProvider) }

// DemandedAfter is the time after which the person must have signed in, for a
// request that comes in now; zero when any sign-in will do. Who must choose an
// account signs in anew: only that proves the choice.
func DemandedAfter(a Authorization, now time.Time) time.Time {
	switch {
	case a.Login || a.Choose:
		return now
	case a.HasMaxAge:
		return now.Add(-a.MaxAge)
	}
	return time.Time{}
}

// Subject is how clients know a user: the number as text.
func Subject(u gatehouse.User) string { return strconv.FormatInt(u.Number, 10) }
