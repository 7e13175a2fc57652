package op

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/store"
)

// KeySchedule says when signing keys are followed by new ones. Zero values mean
// the defaults.
type KeySchedule struct {
	Every    time.Duration // how long a key signs; default 90 days
	Announce time.Duration // how long a new one is published before it signs; default 24 h
}

func (s KeySchedule) every() time.Duration    { return cmp.Or(s.Every, 90*24*time.Hour) }
func (s KeySchedule) announce() time.Duration { return cmp.Or(s.Announce, 24*time.Hour) }

// keepMargin is added to the longest life of a token, for lifetimes that were
// made longer meanwhile and for clocks that differ.
const keepMargin = 24 * time.Hour

// SigningAlgorithms are the algorithms by which the provider signs.
func SigningAlgorithms() []string { return keys.Algorithms() }

// RotateKey makes a new signing key for an algorithm: it is announced first, and
// the old one stays until the last token that it signed has ended. atOnce is for
// a key that is not trusted any more: it goes now, and what it signed with it. It
// reports false when a new key is announced already.
func (p *Provider) RotateKey(ctx context.Context, by gatehouse.Actor, algorithm string, atOnce bool) (gatehouse.SigningKey, bool, error) {
	longest, err := p.longestToken(ctx)
	if err != nil {
		return gatehouse.SigningKey{}, false, err
	}
	made, rotated, err := p.keys().Rotate(ctx, keys.Rotation{
		Algorithm: algorithm, Announce: p.KeySchedule.announce(), Keep: longest + keepMargin, AtOnce: atOnce, By: by,
	})
	made.Private = nil
	if rotated {
		p.log().InfoContext(ctx, "a new signing key was made", "algorithm", algorithm, "key", made.ID, "signs_from", made.ActiveAt)
	}
	return made, rotated, err
}

// RotateDueKeys makes new keys in place of those that have signed for long
// enough. It is to be called every now and then, on any node.
func (p *Provider) RotateDueKeys(ctx context.Context) error {
	due, err := p.keys().Due(ctx, p.KeySchedule.every()-p.KeySchedule.announce())
	if err != nil {
		return err
	}
	for _, algorithm := range due {
		if _, _, err := p.RotateKey(ctx, gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "signing keys"}, algorithm, false); err != nil {
			return err
		}
	}
	return nil
}

// longestToken is the longest life of anything that is signed, for any client.
func (p *Provider) longestToken(ctx context.Context) (longest time.Duration, err error) {
	err = p.Store.View(ctx, func(tx *store.Tx) error {
		all, err := tx.Clients()
		longest = max(p.Lifetimes.id(), p.Lifetimes.access())
		for _, c := range all {
			l := p.Lifetimes.of(c)
			longest = max(longest, l.id(), l.access())
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read the lifetimes of clients: %w", err)
	}
	return longest, nil
}
