package credentials

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// TestRFC6238 are the test vectors of its appendix B, cut to six digits.
func TestRFC6238(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	for at, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		n, ok := stepOf(secret, code, time.Unix(at, 0))
		if !ok || n != at/30 {
			t.Errorf("%d: %d, %t", at, n, ok)
		}
	}
	for _, code := range []string{"", "28708", "2870820", "abcdef", "287 083", "-87082", "２８７０８２"} {
		if _, ok := stepOf(secret, code, time.Unix(59, 0)); ok {
			t.Errorf("%q is taken", code)
		}
	}
	if _, ok := stepOf(secret, " 287 082 ", time.Unix(59, 0)); !ok {
		t.Error("as the app shows it, it is not taken")
	}
}

// TestS7CodesOfOneStepAround: the step before and after, no more, and each once.
func TestS7CodesOfOneStepAround(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u := w.admin("olga")
		secret, _ := w.app(u)
		w.pass(10 * step)
		check := func(steps int) error {
			_, err := w.Code(t.Context(), u.ID, w.code(secret, steps), "192.0.2.1")
			return err
		}
		for _, far := range []int{-2, 2} {
			if err := check(far); !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("%d steps away: %v", far, err)
			}
		}
		for _, near := range []int{-1, 0, 1} {
			if err := check(near); err != nil {
				t.Errorf("%d steps away: %v", near, err)
			}
		}
		for _, again := range []int{-1, 0, 1} {
			if err := check(again); !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("%d steps away, again: %v", again, err)
			}
		}
	})
}

// TestS7OneWinner: of many who use the same code, or the same recovery code, at
// once, one gets in.
func TestS7OneWinner(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u := w.admin("olga")
		secret, recovery := w.app(u)
		for what, code := range map[string]string{ByAuthenticator: w.code(secret, 0), ByRecoveryCode: recovery[3]} {
			var won, lost atomic.Int64
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() {
					by, err := w.Code(context.Background(), u.ID, code, "192.0.2.1")
					switch {
					case err == nil && by == what:
						won.Add(1)
					case errors.Is(err, gatehouse.Invalid):
						lost.Add(1)
					default:
						t.Errorf("%s by %q: %v", what, by, err)
					}
				})
			}
			all.Wait()
			if won.Load() != 1 || lost.Load() != 4 {
				t.Errorf("%s: %d won, %d lost", what, won.Load(), lost.Load())
			}
			w.update(func(tx *store.Tx) error {
				_, err := w.Unlock(tx, operator(), u.ID)
				return err
			})
		}
	})
}

// TestS7FiveTries: then a pause, for recovery codes as well.
func TestS7FiveTries(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u := w.admin("olga")
		secret, recovery := w.app(u)
		for i, wrong := range []string{"000000", "", "nonsense", "aaaa-aaaa-aaaa-aaaa", strings.Repeat("9", 999)} {
			if _, err := w.Code(t.Context(), u.ID, wrong, "192.0.2.1"); !errors.Is(err, gatehouse.Invalid) {
				t.Fatalf("try %d: %v", i, err)
			}
		}
		for _, right := range []string{w.code(secret, 0), recovery[0]} {
			if _, err := w.Code(t.Context(), u.ID, right, "198.51.100.7"); !errors.Is(err, gatehouse.Limited) {
				t.Errorf("in the pause: %v", err)
			}
		}
		if err := w.try("olga", good); err != nil {
			t.Errorf("the password has pauses of its own: %v", err)
		}
		w.pass(time.Minute)
		if by, err := w.Code(t.Context(), u.ID, recovery[0], "192.0.2.1"); err != nil || by != ByRecoveryCode {
			t.Errorf("after it: %s, %v", by, err)
		}
		if len(w.events("credentials.paused")) != 1 || len(w.events("recovery_code.used")) != 1 {
			t.Error("the audit log lacks it")
		}
	})
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, other := w.admin("olga"), w.admin("petra")
		_, first := w.app(u)
		_, _ = w.app(other)
		if len(first) != recoveryCodes {
			t.Fatalf("%d codes", len(first))
		}
		seen := map[string]bool{}
		for _, c := range first {
			if len(c) != 19 || strings.Count(c, "-") != 3 || seen[c] {
				t.Errorf("a code is %q", c)
			}
			seen[c] = true
		}
		if _, err := w.Code(t.Context(), other.ID, first[0], ""); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("somebody else's: %v", err)
		}
		if _, err := w.Code(t.Context(), u.ID, strings.ToUpper(strings.ReplaceAll(first[0], "-", " ")), ""); err != nil {
			t.Errorf("as somebody types it: %v", err)
		}
		var second []string
		w.update(func(tx *store.Tx) (err error) {
			second, err = w.NewRecoveryCodes(tx, operator(), u.ID)
			return err
		})
		if _, err := w.Code(t.Context(), u.ID, first[1], ""); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("one of those before: %v", err)
		}
		if _, err := w.Code(t.Context(), u.ID, second[1], ""); err != nil {
			t.Errorf("a new one: %v", err)
		}
		w.update(func(tx *store.Tx) error {
			has, err := tx.LocalWays(u.ID)
			if has.RecoveryCodes != recoveryCodes-1 {
				t.Errorf("%d are left", has.RecoveryCodes)
			}
			return err
		})
		third := w.admin("without")
		w.update(func(tx *store.Tx) error {
			if _, err := w.NewRecoveryCodes(tx, operator(), third.ID); !errors.Is(err, gatehouse.Conflict) {
				t.Errorf("without an app: %v", err)
			}
			return nil
		})
	})
}

func TestAuthenticatorIsSetUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u := w.admin("olga")
		by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID, Address: "192.0.2.1"}
		if _, err := w.ConfirmAuthenticator(t.Context(), by, u.ID, "123456"); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("nothing is being set up: %v", err)
		}
		var s Setup
		w.update(func(tx *store.Tx) (err error) {
			s, err = w.BeginAuthenticator(tx, u)
			return err
		})
		uri, err := url.Parse(s.URI)
		if err != nil || uri.Scheme != "otpauth" || uri.Host != "totp" || uri.Path != "/id.example.com:olga" ||
			uri.Query().Get("secret") != strings.ReplaceAll(s.Key, " ", "") || uri.Query().Get("issuer") != "id.example.com" {
			t.Errorf("%s, %v", s.URI, err)
		}
		secret := uri.Query().Get("secret")
		if _, err := w.Code(t.Context(), u.ID, w.code(secret, 0), ""); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("one that is not confirmed counts: %v", err)
		}
		if _, err := w.ConfirmAuthenticator(t.Context(), by, u.ID, "000000"); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("a wrong code: %v", err)
		}
		if _, err := w.ConfirmAuthenticator(t.Context(), by, u.ID, w.code(secret, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Code(t.Context(), u.ID, w.code(secret, 0), ""); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("the code that confirmed it counts again: %v", err)
		}
		w.pass(step)
		w.update(func(tx *store.Tx) error { // another one is begun: the first counts on
			_, err := w.BeginAuthenticator(tx, u)
			return err
		})
		if _, err := w.Code(t.Context(), u.ID, w.code(secret, 0), ""); err != nil {
			t.Errorf("the first while another one is set up: %v", err)
		}
		w.update(func(tx *store.Tx) error {
			return errors.Join(w.RemoveAuthenticator(tx, operator(), u.ID), w.RemoveAuthenticator(tx, operator(), u.ID))
		})
		w.update(func(tx *store.Tx) error {
			has, err := tx.LocalWays(u.ID)
			if has.Authenticator || has.RecoveryCodes > 0 {
				t.Errorf("left: %+v", has)
			}
			return err
		})
		if len(w.events("authenticator.removed")) != 1 {
			t.Error("removing what is not there is told")
		}
	})
}

// TestCodesAreShown: to the browser and the user that made them, for a while.
func TestCodesAreShown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, other := w.admin("olga"), w.admin("petra")
		var token string
		w.update(func(tx *store.Tx) (err error) {
			token, err = w.ShowCodes(tx, u.ID, browser, []string{"one", "two"})
			return err
		})
		shown := func(id, token string, b []byte) error {
			var codes []string
			var err error
			w.update(func(tx *store.Tx) error {
				codes, err = w.ShownCodes(tx, id, token, b)
				return nil
			})
			if err == nil && strings.Join(codes, " ") != "one two" {
				t.Errorf("shown: %v", codes)
			}
			return err
		}
		if err := shown(u.ID, token, browser); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"OtherUser": shown(other.ID, token, browser), "OtherBrowser": shown(u.ID, token, another),
			"NoBrowser": shown(u.ID, token, nil), "OtherToken": shown(u.ID, "x", browser),
		} {
			if !errors.Is(err, gatehouse.Expired) {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.update(func(tx *store.Tx) error {
			return errors.Join(w.HideCodes(tx, other.ID, token, browser), w.HideCodes(tx, u.ID, token, another))
		})
		if err := shown(u.ID, token, browser); err != nil {
			t.Errorf("others hid them: %v", err)
		}
		w.update(func(tx *store.Tx) error { return w.HideCodes(tx, u.ID, token, browser) })
		if err := shown(u.ID, token, browser); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("hidden: %v", err)
		}
	})
}
