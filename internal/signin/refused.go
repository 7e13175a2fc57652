package signin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// Refused is a sign-in that did not happen: refused, failed, or waiting for
// approval (Decision.Outcome). Err has the sentence for the person.
type Refused struct {
	Decision gatehouse.Decision // Reference is "" when there was no room to keep it
	Err      *gatehouse.Error
	// Request and ReturnTo are what the sign-in was for, so that a new one can
	// be for the same; "" when that is not known.
	Request, ReturnTo string
	// Proof is what this browser holds now: with it the person can still do
	// something about it (Offer), or waits (Waiting). Its ID is "" when there is none.
	Proof gatehouse.Proof
}

// Error is the sentence with its cause, for logs.
func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap gives the error with the sentence.
func (r *Refused) Unwrap() error { return r.Err }

// refused turns a decision of users into what the person is told.
func refused(d gatehouse.Decision) *Refused {
	kind := gatehouse.Forbidden
	if d.Outcome == gatehouse.OutcomeFailed {
		kind = gatehouse.Upstream
	}
	return &Refused{Decision: d, Err: sentence(kind, d)}
}

func sentence(kind gatehouse.ErrorKind, d gatehouse.Decision) *gatehouse.Error {
	args := make([]any, len(d.Args))
	for i, a := range d.Args {
		args[i] = a
	}
	return &gatehouse.Error{Kind: kind, Message: d.Reason, Args: args}
}

// stop is why a sign-in ended before anybody was looked for.
type stop struct {
	gatehouse.Decision
	err *gatehouse.Error
}

func halt(kind gatehouse.ErrorKind, d gatehouse.Decision) *stop {
	return &stop{d, sentence(kind, d)}
}

// The rules of callbacks that belong to no sign-in of the browser.
const (
	ruleUnknown = "state_unknown"
	ruleBrowser = "state_browser"
)

func unknown() *stop {
	return halt(gatehouse.Expired, gatehouse.Decision{
		Outcome: gatehouse.OutcomeRefused, Rule: ruleUnknown,
		Reason: "This sign-in was finished already, or was not begun here. Please sign in again.",
	})
}

func expired() *stop {
	return halt(gatehouse.Expired, gatehouse.Decision{
		Outcome: gatehouse.OutcomeRefused, Rule: "state_expired",
		Reason: "The sign-in took longer than ten minutes. Please sign in again.",
	})
}

func foreign() *stop {
	return halt(gatehouse.Forbidden, gatehouse.Decision{
		Outcome: gatehouse.OutcomeRefused, Rule: ruleBrowser,
		Reason: "This sign-in was begun in another browser, or your browser did not keep our cookie. Please sign in again in this browser.",
	})
}

func mixedUp() *stop {
	return halt(gatehouse.Forbidden, gatehouse.Decision{
		Outcome: gatehouse.OutcomeRefused, Rule: "state_connection",
		Reason: "The answer came from another provider than the one that was asked. Please sign in again.",
	})
}

func disabled(c gatehouse.Connection) *stop {
	return halt(gatehouse.Forbidden, gatehouse.Decision{
		Outcome: gatehouse.OutcomeRefused, Rule: "connection_disabled",
		Reason: "Signing in with %s has been disabled. Use another way to sign in, or ask an administrator.", Args: []string{label(c)},
	})
}

func otherUser(c gatehouse.Connection) *stop {
	return halt(gatehouse.Forbidden, gatehouse.Decision{
		Outcome: gatehouse.OutcomeRefused, Rule: "link_session",
		Reason: "You are not signed in any more as the user who began this with %s. Sign in, and begin again.", Args: []string{label(c)},
	})
}

// errorCode is what an OAuth error code looks like (RFC 6749 4.1.2.1); other
// texts are a stranger's, and are not repeated.
var errorCode = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// providerError is the provider's own no. What it says in words is kept for the
// administrator; the person is told in ours.
func providerError(c gatehouse.Connection, answer url.Values) *stop {
	code := answer.Get("error")
	if !errorCode.MatchString(code) {
		code = "unknown"
	}
	facts := map[string]string{"error": code}
	if text := users.OneLine(answer.Get("error_description")); text != "" {
		facts["error_description"] = text
	}
	if code == "access_denied" {
		return halt(gatehouse.Forbidden, gatehouse.Decision{
			Outcome: gatehouse.OutcomeRefused, Rule: "provider_denied", Facts: facts,
			Reason: "%s did not sign you in: you or an administrator there said no. Please sign in again if you want to.", Args: []string{label(c)},
		})
	}
	return halt(gatehouse.Upstream, gatehouse.Decision{
		Outcome: gatehouse.OutcomeFailed, Rule: "provider_error", Facts: facts,
		Reason: "%s could not sign you in, and says: %s. Try again, and ask an administrator if it happens again.", Args: []string{label(c), code},
	})
}

// byProvider is what a provider's error means: its own refusal of a person is
// shown to them as it is; what is no fault of theirs is a failure.
func byProvider(c gatehouse.Connection, err error) stop {
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		no := halt(gatehouse.Upstream, gatehouse.Decision{
			Outcome: gatehouse.OutcomeFailed, Rule: "provider",
			Reason: "%s gave an answer that cannot be used. Try again later, and ask an administrator if it happens again.", Args: []string{label(c)},
		})
		no.err = no.err.Because(err)
		return *no
	}
	d := gatehouse.Decision{Outcome: gatehouse.OutcomeFailed, Rule: "provider", Facts: map[string]string{"error": string(e.Kind)}}
	for name, value := range e.Facts {
		d.Facts[name] = users.OneLine(value)
	}
	if e.Cause != nil { // for the administrator: a permission that is missing at the provider has its name there
		d.Facts["cause"] = users.OneLine(e.Cause.Error())
	}
	if e.Kind == gatehouse.Forbidden {
		d.Outcome = gatehouse.OutcomeRefused
	}
	d.Reason, d.Args = kept(e)
	return stop{d, e}
}

var otherVerb = regexp.MustCompile(`%[^svq%]`)

// kept is a sentence as a decision keeps it: a translatable text with texts as
// values. One with other values is kept in English.
func kept(e *gatehouse.Error) (reason string, args []string) {
	if otherVerb.MatchString(e.Message) {
		return e.Sentence(), nil
	}
	for _, a := range e.Args {
		args = append(args, users.OneLine(fmt.Sprint(a)))
	}
	return e.Message, args
}

// stopped keeps why a sign-in ended, even if the browser has gone away, and
// gives the error for the page.
func (s *Service) stopped(ctx context.Context, c gatehouse.Connection, address string, no stop) *Refused {
	d := no.Decision
	d.ConnectionID, d.Address = c.ID, address
	if d.Facts == nil {
		d.Facts = map[string]string{}
	}
	if c.Name != "" {
		d.Facts["connection"] = c.Name
	}
	if s.mayKeep(d.Rule) {
		keeping, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer done()
		draft := d
		err := s.Store.Update(keeping, func(tx *store.Tx) error {
			d = draft
			return users.Keep(tx, &d)
		})
		if err != nil {
			d.Reference = ""
			s.log().ErrorContext(ctx, "The decision of a sign-in could not be kept.", "rule", d.Rule, "error", err)
		}
	}
	s.tell(ctx, c, d, no.err)
	return &Refused{Decision: d, Err: no.err}
}

// tell counts a sign-in and writes it to the log, with the reference by which
// an administrator finds it.
func (s *Service) tell(ctx context.Context, c gatehouse.Connection, d gatehouse.Decision, cause *gatehouse.Error) {
	s.count(c.Kind, d.Outcome)
	attrs := []any{"connection", c.Name, "outcome", d.Outcome, "rule", d.Rule, "reference", d.Reference}
	if d.UserID != "" {
		attrs = append(attrs, "user", d.UserID)
	}
	if d.Outcome == gatehouse.OutcomeFailed && cause != nil {
		s.log().WarnContext(ctx, "A sign-in failed.", append(attrs, "error", cause)...)
		return
	}
	s.log().InfoContext(ctx, "A sign-in ended.", attrs...)
}
