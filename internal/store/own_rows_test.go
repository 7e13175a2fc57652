package store_test

import (
	"errors"
	"sync"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// TestOwnRowsAreHeld: of many who change one row by UpdateOwnRows, each has seen
// what those before it did, also when some of them use Update.
func TestOwnRowsAreHeld(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const writers = 20
		first := gatehouse.Token{Hash: hash("0"), Kind: gatehouse.RefreshToken, Family: "f"}
		update(t, s, func(tx *store.Tx) error { return tx.SaveTokens(&first) })
		var (
			all sync.WaitGroup
			mu  sync.Mutex
			won int
		)
		for i := range writers {
			by := s.UpdateOwnRows
			if i%4 == 0 {
				by = s.Update
			}
			all.Go(func() {
				mine := false
				err := by(t.Context(), func(tx *store.Tx) (err error) {
					old, err := tx.Token(first.Hash)
					if err != nil || !old.UsedAt.IsZero() {
						mine = false
						return err
					}
					if err := tx.SaveTokens(&gatehouse.Token{Hash: hash(store.NewID()), Kind: gatehouse.RefreshToken, Family: "f"}); err != nil {
						return err
					}
					mine, err = tx.RotateToken(first.Hash, hash("next"))
					return err
				})
				if err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if mine {
					won++
				}
			})
		}
		all.Wait()
		if won != 1 {
			t.Errorf("%d of %d rotated the token", won, writers)
		}
	})
}

// TestOwnRowsThatEndNothingOutlives: what UpdateOwnRows made of a row is seen by
// an Update that ends all of a family at the same moment, or was refused.
func TestOwnRowsThatEndNothingOutlives(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for range 20 {
			family := store.NewID()
			old, next := hash(family+" old"), hash(family+" next")
			token := func(h []byte) *gatehouse.Token {
				return &gatehouse.Token{Hash: h, Kind: gatehouse.RefreshToken, Family: family}
			}
			update(t, s, func(tx *store.Tx) error { return tx.SaveTokens(token(old)) })
			refused := errors.New("refused")
			var all sync.WaitGroup
			all.Go(func() {
				err := s.UpdateOwnRows(t.Context(), func(tx *store.Tx) error {
					if err := tx.SaveTokens(token(next)); err != nil {
						return err
					}
					won, err := tx.RotateToken(old, next)
					if err == nil && !won {
						err = refused
					}
					return err
				})
				if err != nil && !errors.Is(err, refused) {
					t.Error(err)
				}
			})
			all.Go(func() {
				if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.RevokeFamily(family) }); err != nil {
					t.Error(err)
				}
			})
			all.Wait()
			err := s.Ask(t.Context(), func(tx *store.Tx) error { _, _, err := tx.LiveToken(next); return err })
			if !errors.Is(err, gatehouse.NotFound) {
				t.Fatalf("a token outlived its family: %v", err)
			}
		}
	})
}
