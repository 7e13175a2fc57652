package openid

import (
	"context"
	"time"

	"gatehouse"
)

// How long what a provider publishes is good, and how often it is asked.
const (
	freshFor = time.Hour        // then it is asked again
	usedFor  = 24 * time.Hour   // as long as it does not answer, what is known is used on
	lookOnce = time.Minute      // for something that is not in what is known
	restFor  = 5 * time.Second  // after a failure
	fetchFor = 10 * time.Second // one fetch
)

// cache keeps one thing that a provider publishes. One caller at a time
// fetches, the others wait; nobody makes us fetch more often than once a
// minute by asking for what is not there.
type cache[T any] struct {
	clock gatehouse.Clock
	fetch func(context.Context) (T, error)

	turn    chan struct{} // holds one token; who has it may touch what is below
	value   T
	at      time.Time // of value; zero: there is none
	looked  time.Time // when it was last fetched before its time
	failed  time.Time // zero: the last fetch was good
	failure error
}

func newCache[T any](clock gatehouse.Clock, fetch func(context.Context) (T, error)) *cache[T] {
	c := &cache[T]{clock: clock, fetch: fetch, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// get gives what is known, fetching it when there is nothing or it is old.
func (c *cache[T]) get(ctx context.Context) (T, error) {
	if err := c.enter(ctx); err != nil {
		var none T
		return none, err
	}
	defer c.leave()
	now := c.clock.Now()
	if !c.at.IsZero() && now.Sub(c.at) < freshFor {
		return c.value, nil
	}
	err := c.refresh(ctx)
	if err != nil && !c.at.IsZero() && now.Sub(c.at) < usedFor {
		err = nil
	}
	return c.value, err
}

// look gives what is known after fetching it anew, because something was missing
// in it; unless that was done within the last minute.
func (c *cache[T]) look(ctx context.Context) (T, error) {
	if err := c.enter(ctx); err != nil {
		var none T
		return none, err
	}
	defer c.leave()
	now := c.clock.Now()
	if !c.looked.IsZero() && now.Sub(c.looked) < lookOnce {
		return c.value, nil
	}
	c.looked = now
	err := c.refresh(ctx)
	return c.value, err
}

// refresh fetches, unless that failed just now. A caller who went away is no
// failure of the provider's.
func (c *cache[T]) refresh(ctx context.Context) error {
	if !c.failed.IsZero() && c.clock.Now().Sub(c.failed) < restFor {
		return c.failure
	}
	limited, cancel := context.WithTimeout(ctx, fetchFor)
	defer cancel()
	v, err := c.fetch(limited)
	if err != nil {
		if ctx.Err() == nil {
			c.failed, c.failure = c.clock.Now(), err
		}
		return err
	}
	c.value, c.at, c.failed, c.failure = v, c.clock.Now(), time.Time{}, nil
	return nil
}

func (c *cache[T]) enter(ctx context.Context) error {
	select {
	case <-c.turn:
		return nil
	case <-ctx.Done():
		return gatehouse.Errorf(gatehouse.Unavailable, "The sign-in took too long. Try again in some minutes.").Because(ctx.Err())
	}
}

func (c *cache[T]) leave() { c.turn <- struct{}{} }
