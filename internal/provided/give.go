package provided

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// Scope is what a client is registered for, and what a person allows it, so
// that it is given that person's tokens.
const Scope = "provider_tokens"

// Administrators stands in place of a client in the consent of somebody who
// allows super administrators to read their tokens with an API token. It has a
// space, so it is no client's id.
const Administrators = "api tokens"

// Asker is who asks for somebody's tokens.
type Asker struct {
	Actor         gatehouse.Actor
	ClientID      string // the application that asks; "": the person of Actor, with an API token
	Administrator bool   // that person is a super administrator
}

// own says whether somebody asks for their own tokens.
func (a Asker) own(userID string) bool {
	return a.ClientID == "" && a.Actor.Kind == gatehouse.ActorUser && a.Actor.ID == userID
}

// allowedAs is whose consent the asker needs.
func (a Asker) allowedAs() string {
	if a.ClientID == "" {
		return Administrators
	}
	return a.ClientID
}

// Given is a token that acts for a person at a provider.
type Given struct {
	Access      string
	Scopes      []string  // as the provider told; nil: it did not
	ExpiresAt   time.Time // zero: the provider did not say
	RefreshedAt time.Time // zero: it is as the sign-in brought it
	Connection  gatehouse.Connection
	Subject     string // the person's id at the provider
}

// Refusal is why a token is not given, in a word that programs compare.
type Refusal string

// The refusals.
const (
	NotConsented Refusal = "not_consented"       // the person has not allowed it, or there is no such person
	NotConnected Refusal = "not_connected"       // they have no identity there, or no token is kept of it
	Reconnect    Refusal = "reconnect_needed"    // the provider renews the token no more
	Inactive     Refusal = "user_inactive"       // the person may not come in here
	Disabled     Refusal = "connection_disabled" // nobody signs in by the connection now
)

// Refused is a token that is not given.
type Refused struct {
	Err *gatehouse.Error
	Why Refusal
}

// Error is the sentence, for logs.
func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap gives the error with its sentence.
func (r *Refused) Unwrap() error { return r.Err }

// Code is the word for it.
func (r *Refused) Code() string { return string(r.Why) }

// margin is how long a token must still be good to be given.
const margin = time.Minute

// step is what comes next for tokens that are kept.
type step int

const (
	stepGive      step = iota
	stepRenew          // the provider is asked for new ones
	stepLater          // it cannot be asked just now
	stepReconnect      // only the person can bring new ones
)

// next decides what comes next. A token that is not past its end is given when
// it cannot be renewed.
func next(t gatehouse.ProviderTokens, now time.Time) step {
	end := t.Tokens.ExpiresAt
	good := end.IsZero() || now.Before(end)
	switch {
	case t.Tokens.Access == "":
		return stepReconnect
	case end.IsZero() || now.Add(margin).Before(end):
		return stepGive
	case t.Failed.Text != "" || t.Tokens.Refresh == "":
		return either(good, stepReconnect)
	case now.Before(t.RetryAt):
		return either(good, stepLater)
	}
	return stepRenew
}

func either(good bool, otherwise step) step {
	if good {
		return stepGive
	}
	return otherwise
}

// found is what is known before it is decided.
type found struct {
	user       gatehouse.User
	connection gatehouse.Connection
	identity   gatehouse.Identity
	tokens     gatehouse.ProviderTokens
}

// mostRounds bounds how often tokens that were due are looked at again.
const mostRounds = 3

// Give gives a person's token at a connection to whom they allowed it, renewed
// if it is due, and records that. who is the id or the number of the person. A
// refusal is a *Refused; Limited when somebody asks too often; Unavailable when
// the token is past its end and the provider does not answer.
func (p *Provided) Give(ctx context.Context, by Asker, who, connection string) (Given, error) {
	g, err := p.give(ctx, by, who, connection)
	p.count("provider_token", "outcome", outcomeOf(err))
	return g, err
}

func outcomeOf(err error) string {
	var no *Refused
	switch {
	case err == nil:
		return "given"
	case errors.As(err, &no):
		return string(no.Why)
	case gatehouse.KindOf(err) != "":
		return string(gatehouse.KindOf(err))
	}
	return "failed"
}

func (p *Provided) give(ctx context.Context, by Asker, who, connection string) (Given, error) {
	if !p.mayAsk(by) {
		return Given{}, gatehouse.Errorf(gatehouse.Limited, "Too many tokens were asked for in a short time. Wait a little, and keep a token until it ends.")
	}
	for range mostRounds {
		f, what, err := p.look(ctx, by, who, connection)
		if err != nil {
			return Given{}, err
		}
		switch what {
		case stepGive:
			return Given{
				Access: f.tokens.Tokens.Access, Scopes: f.tokens.Tokens.Scopes, ExpiresAt: f.tokens.Tokens.ExpiresAt,
				RefreshedAt: f.tokens.RefreshedAt, Connection: f.connection, Subject: f.identity.Subject,
			}, nil
		case stepReconnect:
			return Given{}, &Refused{reconnect(f), Reconnect}
		case stepLater:
			return Given{}, later(f)
		case stepRenew:
			if err := p.renew(ctx, by, f); err != nil {
				return Given{}, err
			}
		}
	}
	return Given{}, errors.New("give a provider's token: the provider gives tokens that are past their end")
}

// look reads what is known, decides, and records it when the token is given:
// the token leaves only with its line in the audit log.
func (p *Provided) look(ctx context.Context, by Asker, who, connection string) (f found, what step, err error) {
	err = p.Store.Update(ctx, func(tx *store.Tx) error {
		var err error
		if f, err = read(tx, by, who, connection); err != nil {
			return err
		}
		if what = next(f.tokens, tx.Now()); what != stepGive {
			return nil
		}
		return record(tx, by.Actor, "provider_token.read", f, nil)
	})
	if err != nil {
		return found{}, 0, fmt.Errorf("read a provider's token: %w", err)
	}
	return f, what, nil
}

// read finds somebody's tokens at a connection. Whether they are connected is
// told only to whom they allowed it.
func read(tx *store.Tx, by Asker, who, connection string) (f found, err error) {
	f.user, err = person(tx, by, who)
	if err != nil && !errors.Is(err, gatehouse.NotFound) {
		return f, fmt.Errorf("read the user: %w", err)
	}
	if err != nil || !by.own(f.user.ID) {
		allowed, err := mayHave(tx, by, f.user.ID)
		if err != nil {
			return f, err
		}
		if !allowed {
			return f, notConsented()
		}
	}
	if f.user.State != gatehouse.UserActive {
		return f, &Refused{gatehouse.Errorf(gatehouse.Forbidden, "This account may not come in here, so nothing acts for it."), Inactive}
	}
	f.connection, err = tx.ConnectionByName(connection)
	switch {
	case errors.Is(err, gatehouse.NotFound):
		return f, notConnected(connection)
	case err != nil:
		return f, fmt.Errorf("read the connection: %w", err)
	case !f.connection.Enabled:
		return f, &Refused{gatehouse.Errorf(gatehouse.Forbidden, "The connection %s is disabled, so its tokens are not given.", connection), Disabled}
	case f.connection.Rules.ForgetTokens:
		return f, notConnected(connection)
	}
	return f, f.readTokens(tx)
}

// person finds a user by id or number: the number by which the asking
// application knows them.
func person(tx *store.Tx, by Asker, who string) (gatehouse.User, error) {
	if n, err := strconv.ParseInt(who, 10, 64); err == nil {
		c, err := tx.Client(by.ClientID)
		switch {
		case err == nil && c.Settings.UserIDFrom != "":
			return tx.UserKnownAs(c.ID, n)
		case err != nil && !errors.Is(err, gatehouse.NotFound):
			return gatehouse.User{}, err
		}
		return tx.UserByNumber(n)
	}
	return tx.User(who)
}

// mayHave says whether somebody allowed the asker to have their tokens. A person
// who asks for another's must besides be a super administrator, and an
// application one that is on, can keep a secret, and is
// registered for it.
func mayHave(tx *store.Tx, by Asker, userID string) (bool, error) {
	if by.ClientID == "" && !by.Administrator {
		return false, nil
	}
	if by.ClientID != "" {
		c, err := tx.Client(by.ClientID)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return false, fmt.Errorf("read client %s: %w", by.ClientID, err)
		}
		if err != nil || !MayAsk(c) {
			return false, nil
		}
	}
	c, err := tx.Consent(userID, by.allowedAs())
	if errors.Is(err, gatehouse.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the consent: %w", err)
	}
	return slices.Contains(c.Scopes, Scope), nil
}

// MayAsk says whether a client is one that people can allow to have their
// tokens: it is on, keeps a secret, and is registered for the scope.
func MayAsk(c gatehouse.Client) bool {
	return c.On() && !c.Public() && slices.Contains(c.Scopes, Scope)
}

// readTokens finds the identity at the connection, of several the last used,
// and its tokens.
func (f *found) readTokens(tx *store.Tx) error {
	identities, err := tx.Identities(f.user.ID)
	if err != nil {
		return fmt.Errorf("read the identities: %w", err)
	}
	for _, i := range identities {
		if i.ConnectionID == f.connection.ID && (f.identity.ID == "" || i.LastUsedAt.After(f.identity.LastUsedAt)) {
			f.identity = i
		}
	}
	f.tokens, err = tx.ProviderTokens(f.identity.ID)
	if errors.Is(err, gatehouse.NotFound) {
		return notConnected(f.connection.Name)
	}
	if err != nil {
		return fmt.Errorf("read the tokens of identity %s: %w", f.identity.ID, err)
	}
	return nil
}

func record(tx *store.Tx, by gatehouse.Actor, action string, f found, details map[string]string) error {
	all := map[string]string{"connection": f.connection.Name, "subject": f.identity.Subject}
	for k, v := range details {
		all[k] = v
	}
	if err := tx.Record(gatehouse.Event{Actor: by, Action: action, Target: "user/" + f.user.ID, Details: all}); err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}

func notConsented() error {
	return &Refused{gatehouse.Errorf(gatehouse.Forbidden, "This person has not allowed that their tokens of other providers are used. They can allow it on their page Applications."), NotConsented}
}

func notConnected(connection string) error {
	return &Refused{gatehouse.Errorf(gatehouse.NotFound, "No token of this person is kept for the connection %s. They get one by signing in with it, or by connecting it on their own page.", connection), NotConnected}
}

func reconnect(f found) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Conflict, "%s renews this person's token no more. They must sign in with it again.", label(f.connection))
}

func later(f found) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Unavailable, "%s could not be asked for a new token. Try again in some seconds.", label(f.connection))
}

func label(c gatehouse.Connection) string {
	if c.Label != "" {
		return c.Label
	}
	return c.Name
}
