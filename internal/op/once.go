package op

import (
	"context"
	"errors"
	"time"

	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
)

// once is what is good only once, on whatever node: the id of an assertion. nil
// is nothing of the kind.
type once struct {
	issuer, id string
	until      time.Time
	again      *wire.Error // what is said to whoever comes second
	next       *once       // what else the same request brings
	taken      bool        // that is durable
}

// usedError says that something came again.
type usedError struct{ *once }

// Error is for logs.
func (u usedError) Error() string { return "the assertion was used before" }

// take uses it up in a transaction. It is an error for whoever comes second.
func (o *once) take(tx *store.Tx) error {
	for ; o != nil; o = o.next {
		if o.taken {
			continue
		}
		first, err := tx.UseAssertion(o.issuer, o.id, o.until)
		if err == nil && !first {
			err = usedError{o}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// done notes that what was taken is durable.
func (o *once) done() {
	for ; o != nil; o = o.next {
		o.taken = true
	}
}

// open says whether something is not yet taken.
func (o *once) open() bool {
	for ; o != nil; o = o.next {
		if !o.taken {
			return true
		}
	}
	return false
}

// update runs fn in a transaction that also uses up what is good only once, so
// that both are one durable write.
func (p *Provider) update(ctx context.Context, o *once, fn func(*store.Tx) error) error {
	return p.updateBy(ctx, p.Store.Update, o, fn)
}

// updateBy is update by one of the store's ways.
func (p *Provider) updateBy(ctx context.Context, by func(context.Context, func(*store.Tx) error) error, o *once, fn func(*store.Tx) error) error {
	err := by(ctx, func(tx *store.Tx) error {
		if err := o.take(tx); err != nil {
			return err
		}
		return fn(tx)
	})
	var used usedError
	switch {
	case err == nil:
		o.done()
	case errors.As(err, &used):
		o.done()
		p.count("replay", "of", "assertion")
		p.log().WarnContext(ctx, "an assertion came for the second time", "issuer", used.issuer)
		return used.again
	}
	return err
}

// settle uses up what no transaction has, since the request was refused before
// or only read.
func (p *Provider) settle(ctx context.Context, o *once) error {
	if !o.open() {
		return nil
	}
	return p.update(ctx, o, func(*store.Tx) error { return nil })
}
