package signin

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/passkeytest"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/users"
)

const good = "correct horse battery staple"

// local is a world in which people sign in without a provider too.
type local struct {
	*world
	*clock
}

// eachLocal runs a test on both databases, at a time that it moves.
func eachLocal(t *testing.T, fn func(t *testing.T, w *local)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB, storetest.Options) *store.Store{"sqlite": storetest.OpenWith, "postgres": storetest.OpenPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
			w := newWorld(t, open(t, storetest.Options{Clock: c.Now}), c.Now)
			w.Local = cheap(&credentials.Credentials{Store: w.Store, Clock: c.Now, URL: w.URL})
			w.Users = &users.Users{Store: w.Store, Credentials: w.Local}
			fn(t, &local{w, c})
		})
	}
}

// person makes somebody with a password of the operator's.
func (w *local) person(name string, role gatehouse.AdminRole) gatehouse.User {
	w.t.Helper()
	hash, err := w.Local.NewPassword(w.t.Context(), gatehouse.User{Username: name}, good)
	if err != nil {
		w.t.Fatal(err)
	}
	var u gatehouse.User
	w.update(func(tx *store.Tx) error {
		by := gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "a test"}
		if u, err = w.Users.Make(tx, by, users.New{Username: name, Role: role}); err != nil {
			return err
		}
		return w.Local.SetPassword(tx, by, u.ID, hash, true)
	})
	return u
}

// app gives somebody an authenticator app, and its secret.
func (w *local) app(u gatehouse.User) (secret string) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		s, err := w.Local.BeginAuthenticator(tx, u)
		secret = strings.ReplaceAll(s.Key, " ", "")
		return err
	})
	if _, err := w.Local.ConfirmAuthenticator(w.t.Context(), gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID}, u.ID, w.code(secret)); err != nil {
		w.t.Fatal(err)
	}
	w.pass(30 * time.Second)
	return secret
}

func (w *local) code(secret string) string {
	w.t.Helper()
	code, err := totp.GenerateCode(secret, w.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// passkey gives somebody a passkey on a device of its own.
func (w *local) passkey(u gatehouse.User) *passkeytest.Device {
	w.t.Helper()
	d := &passkeytest.Device{Origin: "https://id.example.com", Host: "id.example.com"}
	options, err := w.Local.BeginPasskey(w.t.Context(), u, browser)
	if err != nil {
		w.t.Fatal(err)
	}
	made, err := d.Create(w.json(options))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.Local.AddPasskey(w.t.Context(), gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID}, u.ID, "", browser, made); err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *local) json(v any) []byte {
	w.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// touch answers a question that the sign-in asks for a passkey.
func (w *local) touch(d *passkeytest.Device, options any, err error) string {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	given, err := d.Get(w.json(options))
	if err != nil {
		w.t.Fatal(err)
	}
	return given
}

func here() Local {
	return Local{Browser: Browser{Hash: browser, UserAgent: "Agent", Address: "192.0.2.1"}}
}

// enters wants a session of this method, and gives it.
func (w *local) enters(r Result, err error, method string) gatehouse.Session {
	w.t.Helper()
	if err != nil || r.SessionToken == "" {
		w.t.Fatalf("no session: %+v, %v", r, err)
	}
	s := w.sessionOf(r.SessionToken)
	if s.Method != method {
		w.t.Errorf("the session's method is %q, want %q", s.Method, method)
	}
	return s
}

func (w *local) sessionOf(token string) (s gatehouse.Session) {
	w.t.Helper()
	sum := sha256.Sum256([]byte(token))
	w.update(func(tx *store.Tx) (err error) {
		s, _, err = tx.SessionByToken(sum[:])
		return err
	})
	return s
}

// owes wants a question for more on a page, and gives the attempt.
func (w *local) owes(r Result, err error, page string) string {
	w.t.Helper()
	if err != nil || r.SessionToken != "" {
		w.t.Fatalf("want a question: %+v, %v", r, err)
	}
	u, err := url.Parse(r.GoTo)
	if err != nil || u.Path != page || u.Query().Get("attempt") == "" {
		w.t.Fatalf("goes to %s, want %s", r.GoTo, page)
	}
	return u.Query().Get("attempt")
}

// no wants a refusal by a rule, whose decision is kept.
func (w *local) no(err error, rule string, kind gatehouse.ErrorKind) {
	w.t.Helper()
	var r *Refused
	if !errors.As(err, &r) || r.Decision.Rule != rule || gatehouse.KindOf(err) != kind || len(r.Decision.Reference) != 8 {
		w.t.Errorf("got %v (%+v), want a refusal by %s, kind %s", err, r, rule, kind)
		return
	}
	w.update(func(tx *store.Tx) error {
		d, err := tx.Decision(r.Decision.Reference)
		if d.Outcome != gatehouse.OutcomeRefused || d.Address != "192.0.2.1" {
			w.t.Errorf("kept %+v", d)
		}
		return err
	})
}

// cheap has passwords cost next to nothing.
func cheap(c *credentials.Credentials) *credentials.Credentials {
	c.Hasher.Cost.Memory, c.Hasher.Cost.Passes = 64, 1
	return c
}
