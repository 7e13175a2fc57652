// Package pats keeps personal access tokens: secrets that people make for
// programs of their own, in place of their password. Each has a name, scopes and
// an end, is shown once, and is kept as SHA-256 only. It may do what its owner
// may, within its scopes, and ends when the owner is blocked or takes it back.
package pats

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/internal/store"
)

// The scopes of personal tokens.
const (
	ReadUser = "read_user" // who the owner is, and nothing else
	ReadAPI  = "read_api"  // to read what the owner may
	API      = "api"       // to read and change what the owner may
)

// Scopes are the scopes that a personal token may have, from the least on.
func Scopes() []string { return []string{ReadUser, ReadAPI, API} }

// Covers says whether a token with some scopes may do what needs one: a greater
// scope stands for the lesser ones too.
func Covers(has []string, needs string) bool {
	all := Scopes()
	least := slices.Index(all, needs)
	return least >= 0 && slices.ContainsFunc(has, func(s string) bool { return slices.Index(all, s) >= least })
}

// How long a token lives.
const (
	DefaultLife = 30 * 24 * time.Hour
	LongestLife = 365 * 24 * time.Hour
)

// Bounds of what one person may make.
const (
	longestName = 100 // characters
	mostTokens  = 100
)

// prefix is by what people and secret scanners know a token of ours. The rest
// is 64 hexadecimal digits of chance and 8 of a checksum over all before it.
const prefix = "gthp_"

const secretLength = len(prefix) + 64 + 8

func newSecret() string {
	s := prefix + gatehouse.NewHexSecret()
	return s + checksum(s)
}

func checksum(s string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(s))) }

// Is says whether a text is made like a personal token. What is not cannot be
// one, and need not be looked for.
func Is(s string) bool {
	return len(s) == secretLength && strings.HasPrefix(s, prefix) && checksum(s[:secretLength-8]) == s[secretLength-8:]
}

// Tokens makes, finds and ends personal tokens. It is used by pointer and is
// safe for concurrent use.
type Tokens struct {
	Store   *store.Store
	Log     *slog.Logger      // nil: discard
	Metrics gatehouse.Metrics // nil: none
}

// New is a token that somebody wants.
type New struct {
	ID     string // of the form that asks for it, so that it is made once; "": a new one
	Name   string
	Scopes []string
	Life   time.Duration // 0: DefaultLife
}

// Make makes a token for a user and returns its secret, which nobody is told
// again. Invalid when the wish cannot be met.
func (t *Tokens) Make(tx *store.Tx, by gatehouse.Actor, userID string, n New) (secret string, _ gatehouse.PersonalToken, err error) {
	if n, err = checked(n); err != nil {
		return "", gatehouse.PersonalToken{}, err
	}
	if err := mayHave(tx, userID); err != nil {
		return "", gatehouse.PersonalToken{}, err
	}
	had, err := tx.PersonalTokens(userID)
	if err != nil {
		return "", gatehouse.PersonalToken{}, fmt.Errorf("read the tokens of user %s: %w", userID, err)
	}
	if len(had) >= mostTokens {
		return "", gatehouse.PersonalToken{}, gatehouse.Errorf(gatehouse.Conflict, "There are %d tokens already, and nobody needs more. Revoke those that are not used.", mostTokens)
	}
	secret = newSecret()
	made := gatehouse.PersonalToken{
		ID: n.ID, UserID: userID, Name: n.Name, Hash: gatehouse.Digest(secret), Hint: secret[len(secret)-4:], Scopes: n.Scopes,
		ExpiresAt: tx.Now().Add(n.Life),
	}
	if err := tx.AddPersonalToken(&made); err != nil {
		return "", gatehouse.PersonalToken{}, fmt.Errorf("keep the token: %w", err)
	}
	err = record(tx, by, "personal_token.created", made, map[string]string{
		"scopes": strings.Join(made.Scopes, " "), "expires_at": made.ExpiresAt.UTC().Format(time.RFC3339),
	})
	return secret, made, err
}

// mayHave refuses those who may not come in: a token made for them would wake up
// when they may, though all of theirs have ended.
func mayHave(tx *store.Tx, userID string) error {
	u, err := tx.User(userID)
	if err != nil {
		return fmt.Errorf("read user %s: %w", userID, err)
	}
	if u.State != gatehouse.UserActive {
		return gatehouse.Errorf(gatehouse.Conflict, "Only somebody who may come in can have a token. Let them in first.")
	}
	return nil
}

// checked is a wish with its defaults, or why it cannot be met.
func checked(n New) (New, error) {
	n.Name = strings.TrimSpace(n.Name)
	if n.Life == 0 {
		n.Life = DefaultLife
	}
	switch {
	case n.Name == "":
		return n, gatehouse.Errorf(gatehouse.Invalid, "The token needs a name, by which you know later what it is for.")
	case utf8.RuneCountInString(n.Name) > longestName || strings.ContainsFunc(n.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return n, gatehouse.Errorf(gatehouse.Invalid, "The name of the token may have at most %d characters, on one line.", longestName)
	case len(n.Scopes) == 0:
		return n, gatehouse.Errorf(gatehouse.Invalid, "The token needs a scope; without one it could do nothing.")
	case n.Life < 0 || n.Life > LongestLife:
		return n, gatehouse.Errorf(gatehouse.Invalid, "The token must end within %d days.", int(LongestLife.Hours()/24))
	}
	for _, s := range n.Scopes {
		if !slices.Contains(Scopes(), s) {
			return n, gatehouse.Errorf(gatehouse.Invalid, "A token can have the scopes read_user, read_api and api, and no others.")
		}
	}
	n.Scopes = slices.DeleteFunc(Scopes(), func(s string) bool { return !slices.Contains(n.Scopes, s) }) // each once, in one order
	return n, nil
}

// Revoke ends a token of a user. One that is not theirs is NotFound.
func (t *Tokens) Revoke(tx *store.Tx, by gatehouse.Actor, userID, id string) error {
	all, err := tx.PersonalTokens(userID)
	if err != nil {
		return fmt.Errorf("read the tokens of user %s: %w", userID, err)
	}
	i := slices.IndexFunc(all, func(p gatehouse.PersonalToken) bool { return p.ID == id })
	if i < 0 {
		return gatehouse.Errorf(gatehouse.NotFound, "There is no such token, or it was revoked already.")
	}
	if err := tx.RevokePersonalToken(userID, id); err != nil {
		return fmt.Errorf("revoke token %s: %w", id, err)
	}
	return record(tx, by, "personal_token.revoked", all[i], nil)
}

func record(tx *store.Tx, by gatehouse.Actor, action string, t gatehouse.PersonalToken, details map[string]string) error {
	all := map[string]string{"name": t.Name, "token": t.ID}
	for k, v := range details {
		all[k] = v
	}
	if err := tx.Record(gatehouse.Event{Actor: by, Action: action, Target: "user/" + t.UserID, Details: all}); err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}

// Look finds the token of a secret and its owner, who may be in any state. What
// is no live token is Unauthorized; a token that ended is returned with it.
func Look(tx *store.Tx, secret string) (gatehouse.PersonalToken, gatehouse.User, error) {
	if !Is(secret) {
		return gatehouse.PersonalToken{}, gatehouse.User{}, unknown()
	}
	t, u, err := tx.PersonalToken(gatehouse.Digest(secret))
	switch {
	case errors.Is(err, gatehouse.NotFound):
		return t, u, unknown()
	case err != nil:
		return t, u, fmt.Errorf("find the personal token: %w", err)
	case !t.RevokedAt.IsZero():
		return t, u, gatehouse.Errorf(gatehouse.Unauthorized, "The token was revoked. Make a new one on your page Applications.")
	case !tx.Now().Before(t.ExpiresAt):
		return t, u, gatehouse.Errorf(gatehouse.Unauthorized, "The token is past its end. Make a new one on your page Applications.")
	}
	return t, u, nil
}

func unknown() error {
	return gatehouse.Errorf(gatehouse.Unauthorized, "No such token is known here. See that all of it was copied.")
}

// touchEvery is how exactly the last use of a token is known.
const touchEvery = 5 * time.Minute

// Touch notes that a token is used, and from where. The request goes on when
// that could not be written.
func (t *Tokens) Touch(ctx context.Context, p gatehouse.PersonalToken, now time.Time, address string) {
	if t.Metrics != nil {
		t.Metrics.Count("personal_token_used")
	}
	if now.Sub(p.LastUsedAt) < touchEvery {
		return
	}
	err := t.Store.Update(ctx, func(tx *store.Tx) error { return tx.TouchPersonalToken(p.ID, tx.Now(), address) })
	if err != nil && ctx.Err() == nil && t.Log != nil {
		t.Log.WarnContext(ctx, "The last use of a personal token could not be noted.", "token", p.ID, "error", err)
	}
}
