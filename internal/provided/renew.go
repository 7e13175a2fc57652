package provided

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// How long renewing may take. The lease outlives the rest, so that nobody else
// sends the same refresh token while an answer may still come.
const (
	askLimit   = 30 * time.Second // the provider's answer
	writeLimit = 30 * time.Second // a new token must reach the database: the old one is good no more
	leaseLife  = 90 * time.Second
	waitLimit  = 15 * time.Second // for another node that renews
	retryAfter = 10 * time.Second // after a provider could not be asked
)

// renew has the tokens renewed by one caller at a time, on whatever node, and
// returns when they have changed: by us, by somebody else, or not at all since
// the provider could not be asked. It goes on when the caller leaves, since the
// answer may be the only copy of the next refresh token.
func (p *Provided) renew(ctx context.Context, by Asker, f found) error {
	p.running.Add(1)
	done := p.flights.DoChan(fmt.Sprint(f.tokens.IdentityID, "/", f.tokens.Version), func() (any, error) {
		return nil, p.renewAlone(context.WithoutCancel(ctx), by, f)
	})
	ended := make(chan error, 1)
	go func() {
		defer p.running.Done()
		ended <- (<-done).Err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for a provider's token: %w", ctx.Err())
	}
}

// Wait returns when no tokens are being renewed. Nobody may ask for any while
// it waits.
func (p *Provided) Wait() { p.running.Wait() }

// renewAlone renews the tokens if this node gets the lease, or waits until
// whoever has it is done.
func (p *Provided) renewAlone(ctx context.Context, by Asker, f found) error {
	owner := store.NewID()
	until := time.Now().Add(waitLimit)
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second/2) {
		won, changed, err := p.lease(ctx, f.tokens, owner)
		switch {
		case err != nil:
			return err
		case won:
			return p.ask(ctx, by, f, owner)
		case changed:
			return nil
		case time.Now().After(until):
			return later(f)
		}
		<-time.After(pause)
	}
}

// lease tries to be the one who renews, and says whether there is nothing left
// to renew.
func (p *Provided) lease(ctx context.Context, t gatehouse.ProviderTokens, owner string) (won, changed bool, err error) {
	err = p.Store.Update(ctx, func(tx *store.Tx) error {
		var err error
		if won, err = tx.LeaseProviderTokens(t.IdentityID, t.Version, owner, tx.Now().Add(leaseLife)); err != nil || won {
			return err
		}
		now, err := tx.ProviderTokens(t.IdentityID)
		if errors.Is(err, gatehouse.NotFound) {
			changed = true
			return nil
		}
		changed = now.Version != t.Version
		return err
	})
	if err != nil {
		return false, false, fmt.Errorf("lease the tokens of identity %s: %w", t.IdentityID, err)
	}
	return won, changed, nil
}

// ask asks the provider and writes what it answered, before anybody uses it.
func (p *Provided) ask(ctx context.Context, by Asker, f found, owner string) error {
	fresh, refused := p.refresh(ctx, f)
	settled := outcome(f.tokens, fresh, refused, p.Clock.Now())
	action, details := "provider_token.renewed", map[string]string(nil)
	switch {
	case settled.Failed.Text != "":
		action, details = "provider_token.failed", map[string]string{"reason": settled.Failed.Sentence()}
	case refused != nil:
		action = ""
	}
	if err := p.write(ctx, func(tx *store.Tx) error {
		done, err := tx.SettleProviderTokens(settled, owner)
		if err != nil || !done || action == "" { // not done: a sign-in brought others meanwhile
			return err
		}
		return record(tx, by.Actor, action, f, details)
	}); err != nil {
		p.log().ErrorContext(ctx, "A provider's new tokens could not be written. The person may have to connect again.",
			"connection", f.connection.Name, "identity", f.identity.ID, "error", err)
		return fmt.Errorf("keep the renewed tokens of identity %s: %w", f.identity.ID, err)
	}
	p.count("provider_token_renewal", "kind", f.connection.Kind, "outcome", renewalOf(settled, refused))
	if refused != nil {
		p.log().WarnContext(ctx, "A provider did not renew a person's tokens.", "connection", f.connection.Name,
			"identity", f.identity.ID, "for_good", settled.Failed.Text != "", "error", refused)
	}
	return nil
}

func renewalOf(t gatehouse.ProviderTokens, refused error) string {
	switch {
	case t.Failed.Text != "":
		return "reconnect_needed"
	case refused != nil:
		return cmp.Or(string(gatehouse.KindOf(refused)), "failed")
	}
	return "ok"
}

func (p *Provided) refresh(ctx context.Context, f found) (gatehouse.Tokens, error) {
	ctx, stop := context.WithTimeout(ctx, askLimit)
	defer stop()
	_, door, err := p.Doors.Door(ctx, f.connection.ID)
	if err != nil {
		// What is wrong with the connection says nothing about the token.
		return gatehouse.Tokens{}, later(f).Because(err)
	}
	if door.Refresher == nil {
		return gatehouse.Tokens{}, gatehouse.Errorf(gatehouse.Invalid, "%s does not renew tokens.", label(f.connection))
	}
	fresh, err := door.Refresher.Refresh(ctx, f.tokens.Tokens)
	if err == nil && bounded(fresh).Access == "" {
		err = gatehouse.Errorf(gatehouse.Upstream, "%s answered something that is not a token.", label(f.connection))
	}
	return fresh, err
}

// outcome is what tokens are after the provider was asked.
func outcome(t gatehouse.ProviderTokens, fresh gatehouse.Tokens, refused error, now time.Time) gatehouse.ProviderTokens {
	var told *gatehouse.Error
	switch {
	case refused == nil:
		before := t.Tokens
		t.Tokens = bounded(fresh)
		t.Tokens.Refresh = cmp.Or(t.Tokens.Refresh, before.Refresh)
		t.RefreshedAt, t.Failed, t.FailedAt, t.RetryAt = now, gatehouse.Note{}, time.Time{}, time.Time{}
	case (errors.Is(refused, gatehouse.Invalid) || errors.Is(refused, gatehouse.Expired)) && errors.As(refused, &told):
		t.Tokens.Refresh, t.Failed, t.FailedAt, t.RetryAt = "", told.Note(), now, time.Time{}
	default:
		t.RetryAt = now.Add(retryAfter)
	}
	return t
}

// write tries until the database takes it, within writeLimit.
func (p *Provided) write(ctx context.Context, fn func(*store.Tx) error) error {
	ctx, stop := context.WithTimeout(ctx, writeLimit)
	defer stop()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := p.Store.Update(ctx, fn)
		if err == nil || ctx.Err() != nil {
			return err
		}
		p.log().WarnContext(ctx, "A provider's tokens are not written yet.", "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

func (p *Provided) log() *slog.Logger {
	if p.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return p.Log
}

func (p *Provided) count(name string, labels ...string) {
	if p.Metrics != nil {
		p.Metrics.Count(name, labels...)
	}
}
