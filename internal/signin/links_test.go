package signin

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func (w *world) needsClaim() bool {
	w.t.Helper()
	needed, err := w.NeedsClaim(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return needed
}

func (w *world) link(purpose, userID string) string {
	w.t.Helper()
	token, err := w.MakeLink(context.Background(), purpose, userID, 24*time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func TestClaim(t *testing.T) {
	t.Parallel()
	t.Run("MakesTheFirstAdministratorOnce", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			token, spare := w.link(PurposeClaim, ""), w.link(PurposeClaim, "")
			if !w.needsClaim() {
				t.Fatal("no claim is needed although there is no administrator")
			}
			r, err := w.TakeLink(t.Context(), PurposeClaim, token, here().Browser)
			if err != nil || r.User.Username != "admin" || r.User.Role != gatehouse.RoleSuperAdministrator || r.GoTo != "/admin" || len(r.SessionToken) != 43 {
				t.Fatalf("got %+v, %v", r, err)
			}
			if _, err := w.TakeLink(t.Context(), PurposeClaim, token, Browser{}); !errors.Is(err, gatehouse.Expired) {
				t.Errorf("the second time: %v", err)
			}
			w.update(func(tx *store.Tx) error {
				page, err := tx.Events(store.EventFilter{Action: "administrator.claimed"}, store.Cursor{})
				if len(page.Items) != 1 || page.Items[0].Actor.Address != "192.0.2.1" {
					t.Errorf("audit log: %+v", page.Items)
				}
				return err
			})
			// Before the administrator has a way to sign in, the console still helps: to the same account.
			again, err := w.TakeLink(t.Context(), PurposeClaim, spare, Browser{})
			if err != nil || again.User.ID != r.User.ID {
				t.Errorf("locked out: %+v, %v", again.User, err)
			}
			late := w.link(PurposeClaim, "")
			a := answer(w.begin(Start{Purpose: gatehouse.ForLink, UserID: r.User.ID}), "boss")
			a.CurrentUserID = r.User.ID
			w.finish(a)
			if w.needsClaim() {
				t.Error("a claim is needed although the administrator can sign in")
			}
			if _, err := w.TakeLink(t.Context(), PurposeClaim, late, Browser{}); !errors.Is(err, gatehouse.Forbidden) {
				t.Errorf("a young link when there is an administrator: %v", err)
			}
		})
	})
	t.Run("OnlyOneOfTwoAtOnceWins", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			token := w.link(PurposeClaim, "")
			errs := make([]error, 6)
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() { _, errs[i] = w.TakeLink(t.Context(), PurposeClaim, token, Browser{}) })
			}
			wg.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else if !errors.Is(err, gatehouse.Expired) {
					t.Errorf("a loser got %v", err)
				}
			}
			if won != 1 || w.sessions() != 1 {
				t.Errorf("%d won, %d sessions", won, w.sessions())
			}
		})
	})
}

func TestTakeLink(t *testing.T) {
	t.Parallel()
	w, c := one(t)
	user := gatehouse.User{Username: "dev-admin", State: gatehouse.UserActive, Role: gatehouse.RoleSuperAdministrator}
	w.update(func(tx *store.Tx) error { return tx.SaveUser(&user) })
	token := w.link(PurposeDev, user.ID)
	for _, wrong := range []string{"", "x", gatehouse.NewSecret(), token + "a"} {
		if _, err := w.TakeLink(t.Context(), PurposeDev, wrong, Browser{}); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := w.TakeLink(t.Context(), PurposeClaim, token, Browser{}); !errors.Is(err, gatehouse.Expired) {
		t.Errorf("for another purpose: %v", err)
	}
	if r, err := w.TakeLink(t.Context(), PurposeDev, token, Browser{}); err != nil || r.User.ID != user.ID || r.Decision.Rule != "link_dev" {
		t.Errorf("got %+v, %v", r, err)
	}
	old := w.link(PurposeDev, user.ID)
	c.pass(24 * time.Hour)
	for range 2 {
		if _, err := w.TakeLink(t.Context(), PurposeDev, old, Browser{}); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("an old link: %v", err)
		}
	}
	blocked := w.link(PurposeDev, user.ID)
	user.State = gatehouse.UserBlocked
	w.update(func(tx *store.Tx) error { return tx.SaveUser(&user) })
	if _, err := w.TakeLink(t.Context(), PurposeDev, blocked, Browser{}); !errors.Is(err, gatehouse.Forbidden) {
		t.Errorf("of a blocked user: %v", err)
	}
	for _, wrong := range []struct {
		purpose, user string
		ttl           time.Duration
	}{{PurposeDev, "", time.Hour}, {PurposeClaim, "", 0}} {
		if _, err := w.MakeLink(t.Context(), wrong.purpose, wrong.user, wrong.ttl); err == nil {
			t.Errorf("made a link %+v", wrong)
		}
	}
}
