package gatehouse

import (
	"errors"
	"maps"
)

// ErrorKind is a kind of error, itself an error: errors.Is(err, gatehouse.NotFound)
// asks for it.
type ErrorKind string

// The kinds. One place in the program (web/ui) knows which HTTP status each has.
const (
	Invalid      ErrorKind = "invalid"      // what was sent is wrong, and trying again will not help
	NotFound     ErrorKind = "not_found"    // there is no such thing, or the asker may not know of it
	Unauthorized ErrorKind = "unauthorized" // nobody is signed in
	Forbidden    ErrorKind = "forbidden"    // somebody is signed in, and may not
	Conflict     ErrorKind = "conflict"     // it is there already, or was changed by somebody else
	Expired      ErrorKind = "expired"      // it was right once: a code, a sign-in, a link
	Stale        ErrorKind = "stale"        // somebody is signed in, but proved it too long ago for this
	Limited      ErrorKind = "limited"      // too much at once; try again later
	Unavailable  ErrorKind = "unavailable"  // we, or what we depend on, cannot answer now
	Upstream     ErrorKind = "upstream"     // an outside system answered something that we cannot use
)

// Error makes an ErrorKind usable with errors.Is.
func (k ErrorKind) Error() string { return string(k) }

// Error is an error with one sentence that is safe to show to the person in
// front: it says what happened, why, and what to do. What may not be shown
// (addresses, answers of other systems, secrets never) stays in Cause.
type Error struct {
	Kind    ErrorKind
	Message string // a sentence in English, the key of its translation in the catalogue
	Args    []any  // values for the sentence, put in by the catalogue as by fmt.Sprintf
	Cause   error  // for the log; may be nil
	// Facts are what the administrator who reads the decision of a sign-in needs
	// to mend it, by name: the permission that is missing. No secrets; may be nil.
	Facts map[string]string
}

// Errorf returns an Error of the kind with a sentence for people. The format is
// the key of its translation, so it is a constant; args fill it.
func Errorf(kind ErrorKind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: format, Args: args}
}

// Because returns a copy of the error that carries the cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// With returns a copy of the error that tells the administrator one thing more.
func (e *Error) With(fact, value string) *Error {
	c := *e
	c.Facts = maps.Clone(e.Facts)
	if c.Facts == nil {
		c.Facts = map[string]string{}
	}
	c.Facts[fact] = value
	return &c
}

// Sentence is the message in English with its values put in, without the cause.
func (e *Error) Sentence() string { return filled(e.Message, e.Args) }

// Error is the sentence, and the cause if there is one. It is for logs.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Sentence()
	}
	return e.Sentence() + ": " + e.Cause.Error()
}

// Is reports whether target is the kind of this error.
func (e *Error) Is(target error) bool {
	k, ok := target.(ErrorKind)
	return ok && k == e.Kind
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// KindOf is the kind of the first Error in the chain, or "" when there is none:
// then it is a fault of ours and nothing of it may be shown.
func KindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var k ErrorKind
	if errors.As(err, &k) {
		return k
	}
	return ""
}
