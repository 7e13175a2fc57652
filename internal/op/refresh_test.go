package op

import (
	"errors"
	"net/http"
	"sync"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
)

// TestT13NothingOutlivesABlock: a refresh at the same moment as a block is
// refused, or what it gave ends with the block; whichever was first.
func TestT13NothingOutlivesABlock(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		for range 10 {
			last, got := h.grant(), []tokenAnswer(nil)
			var wg sync.WaitGroup
			begin := make(chan struct{})
			wg.Go(func() {
				<-begin
				for range 5 { // so that some are before, and some after
					p := h.refresh(last.RefreshToken)
					if p.status != http.StatusOK {
						return
					}
					last = p.tokens(t)
					got = append(got, last)
				}
			})
			wg.Go(func() {
				<-begin
				h.update(func(tx *store.Tx) error {
					u, err := tx.User(h.alice.ID)
					if err != nil {
						return err
					}
					u.State = gatehouse.UserBlocked
					return errors.Join(tx.SaveUser(&u), tx.RevokeUserTokens(u.ID, ""))
				})
			})
			close(begin)
			wg.Wait()
			h.setState(h.alice, gatehouse.UserActive) // who comes back signs in again
			for _, a := range got {
				if p := h.userinfo(a.AccessToken); p.status != http.StatusUnauthorized {
					t.Fatalf("an access token outlived the block: %d", p.status)
				}
			}
			h.refresh(last.RefreshToken).refused(t, 400, "invalid_grant")
		}
	})
}
