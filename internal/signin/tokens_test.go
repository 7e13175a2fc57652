package signin

import (
	"context"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/provided"
	"gatehouse/internal/store"
)

// TestTokensAreKept: those of whoever comes in or connects an account, and of
// nobody else.
func TestTokensAreKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.Provided = &provided.Provided{Store: w.Store}
		given := gatehouse.Tokens{Access: "access", Refresh: "refresh", ID: "not kept", Scopes: []string{"api"}}
		w.fake.finish = func(_ context.Context, _ gatehouse.Attempt, v url.Values) (gatehouse.Vouched, error) {
			tokens := given
			return gatehouse.Vouched{Subject: v.Get("code"), Profile: gatehouse.Profile{Username: v.Get("code")}, Tokens: &tokens}, nil
		}
		kept := func(connection, subject string) (k gatehouse.Tokens, err error) {
			err = w.Store.View(t.Context(), func(tx *store.Tx) error {
				c, err := tx.ConnectionByName(connection)
				if err != nil {
					return err
				}
				i, err := tx.Identity(c.ID, subject)
				if err != nil {
					return err
				}
				p, err := tx.ProviderTokens(i.ID)
				k = p.Tokens
				return err
			})
			return k, err
		}
		want := given
		want.ID = ""
		r := w.finish(answer(w.begin(Start{}), "alice"))
		if got, err := kept("one", "alice"); err != nil || !cmp.Equal(want, got) {
			t.Errorf("at a sign-in: %v, %v", got, err)
		}
		link := answer(w.begin(Start{Connection: "two", Purpose: gatehouse.ForLink, UserID: r.User.ID}), "alice-at-two")
		link.Connection, link.CurrentUserID = "two", r.User.ID
		w.finish(link)
		if got, err := kept("two", "alice-at-two"); err != nil || !cmp.Equal(want, got) {
			t.Errorf("connected: %v, %v", got, err)
		}
		// Scopes that shrink are kept as they are told now.
		given = gatehouse.Tokens{Access: "second", Refresh: "refresh2", Scopes: []string{"read_user"}}
		w.finish(answer(w.begin(Start{}), "alice"))
		if got, err := kept("one", "alice"); err != nil || !cmp.Equal(given, got) {
			t.Errorf("at the next sign-in: %v, %v", got, err)
		}
		// Who has to wait for approval is not in.
		w.change(gatehouse.Connection{Name: "one", Enabled: true, Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true, BlockAutoCreatedUsers: true}})
		if _, err := w.Finish(t.Context(), answer(w.begin(Start{}), "waiting")); err == nil {
			t.Fatal("somebody came in who should wait")
		}
		if _, err := kept("one", "waiting"); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("of somebody who waits: %v", err)
		}
	})
}
