package credentials

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatehouse"
	"gatehouse/internal/credentials/password"
	"gatehouse/internal/passkeytest"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// world is credentials over an empty database, at a time that the test moves.
type world struct {
	*Credentials
	t   *testing.T
	mu  sync.Mutex
	now time.Time
}

var (
	browser = []byte("the browser's hash, 32 bytes lon")
	another = []byte("another browser's, 32 bytes long")
)

const good = "correct horse battery staple"

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// each runs a test on both databases.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB, storetest.Options) *store.Store{"sqlite": storetest.OpenWith, "postgres": storetest.OpenPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
			s := open(t, storetest.Options{Clock: w.clock})
			w.Credentials = &Credentials{
				Store: s, Clock: w.clock, URL: "https://id.example.com",
				Hasher: password.Hasher{Cost: password.Cost{Memory: 64, Passes: 1}},
			}
			fn(t, w)
		})
	}
}

func (w *world) update(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.Store.Update(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// user makes somebody.
func (w *world) user(name string, role gatehouse.AdminRole) gatehouse.User {
	w.t.Helper()
	u := gatehouse.User{Username: name, Email: name + "@example.com", EmailVerified: true, State: gatehouse.UserActive, Role: role}
	w.update(func(tx *store.Tx) error {
		u.ID = ""
		return tx.SaveUser(&u)
	})
	return u
}

func operator() gatehouse.Actor {
	return gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "a test", Address: "192.0.2.200"}
}

// admin makes an administrator with a password.
func (w *world) admin(name string) gatehouse.User {
	w.t.Helper()
	u := w.user(name, gatehouse.RoleSuperAdministrator)
	w.give(u, good, false)
	return u
}

func (w *world) give(u gatehouse.User, plain string, byHand bool) {
	w.t.Helper()
	hash, err := w.NewPassword(w.t.Context(), u, plain)
	if err != nil {
		w.t.Fatal(err)
	}
	w.update(func(tx *store.Tx) error { return w.SetPassword(tx, operator(), u.ID, hash, byHand) })
}

// try tries a password from an address of its own.
func (w *world) try(name, plain string) error {
	_, err := w.Password(w.t.Context(), Try{Name: name, Password: plain, Address: "192.0.2.1"})
	return err
}

// app sets up an authenticator app, and gives its secret and the recovery codes.
func (w *world) app(u gatehouse.User) (secret string, recovery []string) {
	w.t.Helper()
	var s Setup
	w.update(func(tx *store.Tx) (err error) {
		s, err = w.BeginAuthenticator(tx, u)
		return err
	})
	secret = strings.ReplaceAll(s.Key, " ", "")
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID, Address: "192.0.2.1"}
	recovery, err := w.ConfirmAuthenticator(w.t.Context(), by, u.ID, w.code(secret, 0))
	if err != nil {
		w.t.Fatal(err)
	}
	w.pass(step) // the code of now was used
	return secret, recovery
}

// code is what an app shows some steps from now.
func (w *world) code(secret string, steps int) string {
	w.t.Helper()
	if _, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret); err != nil {
		w.t.Fatalf("the secret is no base32: %v", err)
	}
	code, err := totp.GenerateCode(secret, w.clock().Add(time.Duration(steps)*step))
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

func (w *world) device() *passkeytest.Device {
	return &passkeytest.Device{Origin: "https://id.example.com", Host: "id.example.com"}
}

// passkey makes a passkey of a user on a device.
func (w *world) passkey(d *passkeytest.Device, u gatehouse.User) gatehouse.Passkey {
	w.t.Helper()
	options, err := w.BeginPasskey(w.t.Context(), u, browser)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := d.Create(asJSON(w.t, options))
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := w.AddPasskey(w.t.Context(), operator(), u.ID, "My <telephone>", browser, answer)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// events are the audit events of an action.
func (w *world) events(action string) []gatehouse.Event {
	w.t.Helper()
	var found store.Page[gatehouse.Event]
	w.update(func(tx *store.Tx) (err error) {
		found, err = tx.Events(store.EventFilter{Action: action}, store.Cursor{})
		return err
	})
	return found.Items
}
