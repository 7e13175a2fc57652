package credentials

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
)

// TestWays is what leads in, for every kind of person and setting.
func TestWays(t *testing.T) {
	t.Parallel()
	all := gatehouse.LocalWays{Password: true, Passkeys: 1}
	for name, tt := range map[string]struct {
		rules Rules
		role  gatehouse.AdminRole
		has   gatehouse.LocalWays
		want  Ways
	}{
		"Administrator":          {Rules{}, gatehouse.RoleAuditor, all, Ways{true, true}},
		"WithNothing":            {Rules{}, gatehouse.RoleAuditor, gatehouse.LocalWays{Authenticator: true, RecoveryCodes: 9}, Ways{}},
		"OfAProvider":            {Rules{}, "", all, Ways{}},
		"MadeByHand":             {Rules{}, "", gatehouse.LocalWays{Password: true, ByHand: true, Passkeys: 1}, Ways{true, true}},
		"PasskeysForAll":         {Rules{PasskeysForAll: true}, "", all, Ways{false, true}},
		"Off":                    {Rules{Off: true, PasskeysForAll: true}, gatehouse.RoleSuperAdministrator, all, Ways{}},
		"AlwaysChangesNoRight":   {Rules{Always: true}, "", all, Ways{}},
		"AdministratorsPasskey":  {Rules{}, gatehouse.RoleAuditor, gatehouse.LocalWays{Passkeys: 2}, Ways{false, true}},
		"AdministratorsPassword": {Rules{OneFactor: true}, gatehouse.RoleAuditor, gatehouse.LocalWays{Password: true}, Ways{true, false}},
	} {
		if got := tt.rules.ways(gatehouse.User{Role: tt.role}, tt.has); got != tt.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestOfferedAndHasWayIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		offered := func() (is bool) {
			w.update(func(tx *store.Tx) (err error) {
				is, err = w.Offered(tx)
				return err
			})
			return is
		}
		has := func(u gatehouse.User) (is bool) {
			w.update(func(tx *store.Tx) (err error) {
				is, err = w.HasWayIn(tx, u.ID)
				return err
			})
			return is
		}
		person, admin := w.user("li.na", ""), w.user("olga", gatehouse.RoleAuditor)
		if offered() {
			t.Error("offered while nobody can")
		}
		w.passkey(w.device(), person)
		if offered() || has(person) {
			t.Error("a person of a provider signs in by a passkey")
		}
		w.Rules.PasskeysForAll = true
		if !offered() || !has(person) {
			t.Error("passkeys for all are for nobody")
		}
		w.Rules = Rules{}
		w.passkey(w.device(), admin)
		if !offered() || !has(admin) {
			t.Error("an administrator's passkey leads nowhere")
		}
		w.Rules.Off = true
		if offered() || has(admin) {
			t.Error("switched off, and offered")
		}
		w.Rules = Rules{Always: true}
		w.update(func(tx *store.Tx) error {
			return errors.Join(w.EndAll(tx, operator(), person.ID), w.EndAll(tx, operator(), admin.ID), w.EndAll(tx, operator(), admin.ID))
		})
		if !offered() || has(admin) {
			t.Error("always offered, or a way is left")
		}
		if got := len(w.events("credentials.ended")); got != 2 {
			t.Errorf("%d ends are told", got)
		}
	})
}

// TestEndAllEndsEverything: nothing of what a user had proves anything any more.
func TestEndAllEndsEverything(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, d := w.admin("olga"), w.device()
		secret, recovery := w.app(u)
		w.passkey(d, u)
		answer := w.ask(d, "")
		w.update(func(tx *store.Tx) error { return w.EndAll(tx, operator(), u.ID) })
		_, errCode := w.Code(t.Context(), u.ID, w.code(secret, 0), "")
		_, errRecovery := w.Code(t.Context(), u.ID, recovery[0], "")
		_, errPasskey := w.answered(answer, browser)
		for what, err := range map[string]error{"password": w.try("olga", good), "code": errCode, "recovery code": errRecovery, "passkey": errPasskey} {
			if !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// TestG6NothingIsKeptInClear: neither in a row nor in the audit log.
func TestG6NothingIsKeptInClear(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u := w.admin("olga")
		secret, recovery := w.app(u)
		w.update(func(tx *store.Tx) error {
			p, err := tx.Password(u.ID)
			if strings.Contains(p.Hash, good) || !strings.HasPrefix(p.Hash, "$argon2id$") {
				t.Errorf("a password is kept as %s", p.Hash)
			}
			return err
		})
		for _, e := range w.events("") {
			if text := fmt.Sprint(e); strings.Contains(text, good) || strings.Contains(text, secret) || strings.Contains(text, recovery[0]) {
				t.Errorf("G7: the audit log has a secret: %s", text)
			}
		}
	})
}

func TestGuessesAreForgotten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.admin("olga")
		_ = w.try("nobody", "x")
		_, _ = w.BeginPasskeyProof(t.Context(), "", browser)
		w.pass(25 * time.Hour)
		var gone int64
		w.update(func(tx *store.Tx) (err error) {
			gone, err = tx.DeleteExpired(100)
			return err
		})
		if gone != 4 { // of the name, of nobody, of the network, and the challenge
			t.Errorf("%d rows went", gone)
		}
	})
}

// counted keeps what was counted.
type counted struct {
	mu  sync.Mutex
	got map[string]int
}

func (c *counted) Count(name string, labels ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got[name+" "+strings.Join(labels, " ")]++
}

func (c *counted) Observe(string, time.Duration, ...string) {}

// TestProofsAreCounted, right and wrong ones.
func TestProofsAreCounted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		m := &counted{got: map[string]int{}}
		u, d := w.admin("olga"), w.device()
		w.passkey(d, u)
		w.Metrics = m
		_, _ = w.prove(d, "")
		d.Unverified = true
		_, _ = w.prove(d, "")
		_ = w.try("olga", good)
		_ = w.try("olga", "wrong")
		want := map[string]int{
			"local_proof method passkey outcome right": 1, "local_proof method passkey outcome wrong": 1,
			"local_proof method password outcome right": 1, "local_proof method password outcome wrong": 1,
		}
		if d := cmp.Diff(want, m.got); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}
