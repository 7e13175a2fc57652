package op

import (
	"context"
	"crypto/rand"
	"fmt"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
)

// subject is what a client knows a user by (sub). The user is as the client knows
// them (see store.UserFor).
func (p *Provider) subject(c gatehouse.Client, u gatehouse.User) string {
	if !request.Pairwise(c) {
		return request.Subject(u)
	}
	salt := p.salt.Load()
	if salt == nil {
		panic("op: EnsureKeys was not called")
	}
	return request.PairwiseSubject(*salt, c, u)
}

// sid is what a client knows a session by.
func (p *Provider) sid(c gatehouse.Client, sessionID string) string {
	salt := p.salt.Load()
	switch {
	case sessionID == "" || !request.Pairwise(c):
		return sessionID
	case salt == nil:
		panic("op: EnsureKeys was not called")
	}
	return request.PairwiseSession(*salt, c, sessionID)
}

// ensureSalt reads what pairwise subjects are made with, or makes it.
func (p *Provider) ensureSalt(ctx context.Context) error {
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	var salt []byte
	err := p.Store.Update(ctx, func(tx *store.Tx) (err error) {
		salt, err = tx.PairwiseSalt(fresh)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the salt of pairwise subjects: %w", err)
	}
	p.salt.Store(&salt)
	return nil
}
