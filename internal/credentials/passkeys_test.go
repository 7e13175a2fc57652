package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse"
	"gatehouse/internal/passkeytest"
	"gatehouse/internal/store"
)

// prove uses the device for a question that is asked in a browser.
func (w *world) prove(d *passkeytest.Device, userID string) (string, error) {
	w.t.Helper()
	return w.answered(w.ask(d, userID), browser)
}

func (w *world) ask(d *passkeytest.Device, userID string) (answer string) {
	w.t.Helper()
	options, err := w.BeginPasskeyProof(w.t.Context(), userID, browser)
	if err != nil {
		w.t.Fatal(err)
	}
	if answer, err = d.Get(asJSON(w.t, options)); err != nil {
		w.t.Fatal(err)
	}
	return answer
}

func (w *world) answered(answer string, browser []byte) (userID string, _ error) {
	var no *gatehouse.Error
	err := w.Store.Update(context.Background(), func(tx *store.Tx) error {
		var err error
		userID, no, err = w.PasskeyProof(tx, browser, answer, "192.0.2.1")
		return err
	})
	if err == nil && no != nil {
		return userID, no
	}
	return userID, err
}

func TestPasskeyProof(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, d := w.admin("olga"), w.device()
		p := w.passkey(d, u)
		if p.Name != "My <telephone>" {
			t.Errorf("called %q", p.Name)
		}
		for _, asked := range []string{"", u.ID} {
			if id, err := w.prove(d, asked); err != nil || id != u.ID {
				t.Errorf("asked of %q: %s, %v", asked, id, err)
			}
		}
		w.update(func(tx *store.Tx) error {
			all, err := tx.Passkeys(u.ID)
			if len(all) != 1 || !all[0].LastUsedAt.Equal(w.clock()) {
				t.Errorf("kept %+v", all)
			}
			return err
		})
	})
}

// TestPasskeyOptions: what browsers are asked for keeps the promises of the
// package: the device asks who is there, and the passkey names its user itself.
func TestPasskeyOptions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, d := w.admin("olga"), w.device()
		w.passkey(d, u)
		options, err := w.BeginPasskey(t.Context(), u, browser)
		if err != nil {
			t.Fatal(err)
		}
		text := string(asJSON(t, options))
		for _, part := range []string{
			`"residentKey":"required"`, `"userVerification":"required"`, `"attestation":"none"`, `"id":"id.example.com"`, `"pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":-8},{"type":"public-key","alg":-257}]`,
			`"excludeCredentials":[{"type":"public-key","id":"`,
		} {
			if !strings.Contains(text, part) {
				t.Errorf("options lack %s: %s", part, text)
			}
		}
		if _, err := d.Create(asJSON(t, options)); err == nil {
			t.Error("the same device makes a second one")
		}
		open, err := w.BeginPasskeyProof(t.Context(), "", browser)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(asJSON(t, open)); strings.Contains(text, "allowCredentials") || !strings.Contains(text, `"userVerification":"required"`) || strings.Contains(text, u.ID) {
			t.Errorf("S3: a stranger learns something: %s", text)
		}
	})
}

// TestPasskeyChallengeOnce: a challenge counts once, in its browser, for its
// user and its purpose, in time.
func TestPasskeyChallengeOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, other, d := w.admin("olga"), w.admin("petra"), w.device()
		w.passkey(d, u)
		answer := w.ask(d, "")
		if _, err := w.answered(answer, another); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("A13: in another browser: %v", err)
		}
		if _, err := w.answered(answer, browser); err != nil {
			t.Errorf("the first time: %v", err)
		}
		if _, err := w.answered(answer, browser); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("again: %v", err)
		}
		late := w.ask(d, "")
		w.pass(passkeyTime)
		if _, err := w.answered(late, browser); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("too late: %v", err)
		}
		if _, err := w.BeginPasskeyProof(t.Context(), other.ID, browser); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("one who has none is asked: %v", err)
		}
		w.passkey(w.device(), other)
		options, err := w.BeginPasskeyProof(t.Context(), other.ID, browser)
		if err != nil {
			t.Fatal(err)
		}
		var asked struct{ Challenge string }
		if err := json.Unmarshal(asJSON(t, options), &asked); err != nil {
			t.Fatal(err)
		}
		foreign, err := d.Use(d.Keys()[0], asked.Challenge)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.answered(foreign, browser); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("somebody else's passkey: %v", err)
		}
		creation, err := w.BeginPasskey(t.Context(), u, browser)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(asJSON(t, creation), &asked); err != nil {
			t.Fatal(err)
		}
		if mixed, _ := d.Use(d.Keys()[0], asked.Challenge); mixed != "" {
			if _, err := w.answered(mixed, browser); !errors.Is(err, gatehouse.Expired) {
				t.Errorf("the challenge of a new passkey: %v", err)
			}
		}
	})
}

func TestPasskeyRaceHasOneWinner(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, d := w.admin("olga"), w.device()
		w.passkey(d, u)
		answer := w.ask(d, "")
		var won atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := w.answered(answer, browser); err == nil {
					won.Add(1)
				} else if !errors.Is(err, gatehouse.Expired) {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d won", won.Load())
		}
	})
}

// TestPasskeyCopied: a counter that stands still or goes back is told, and lets
// nobody in.
func TestPasskeyCopied(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, d := w.admin("olga"), w.device()
		d.Counts = true
		w.passkey(d, u)
		for range 2 {
			if _, err := w.prove(d, ""); err != nil {
				t.Fatal(err)
			}
		}
		d.Keys()[0].Count = 0 // a copy that was made before
		if _, err := w.prove(d, ""); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("the copy: %v", err)
		}
		if got := w.events("passkey.copied"); len(got) != 1 || got[0].Target != "user/"+u.ID {
			t.Errorf("told: %+v", got)
		}
		d.Keys()[0].Count = 2
		if _, err := w.prove(d, ""); err != nil {
			t.Errorf("the device itself: %v", err)
		}
	})
}

func TestAddPasskeyRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, other := w.admin("olga"), w.admin("petra")
		begin := func(d *passkeytest.Device) string {
			options, err := w.BeginPasskey(t.Context(), u, browser)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := d.Create(asJSON(t, options))
			if err != nil {
				t.Fatal(err)
			}
			return answer
		}
		wrong := w.device()
		wrong.Unverified = true
		for name, tt := range map[string]struct {
			userID, answer string
			browser        []byte
			kind           gatehouse.ErrorKind
		}{
			"Nothing":      {u.ID, "", browser, gatehouse.Invalid},
			"Nonsense":     {u.ID, `{"id":"YQ","rawId":"YQ","type":"public-key","response":{}}`, browser, gatehouse.Invalid},
			"OtherBrowser": {u.ID, begin(w.device()), another, gatehouse.Expired},
			"OtherUser":    {other.ID, begin(w.device()), browser, gatehouse.Expired},
			"NotVerified":  {u.ID, begin(wrong), browser, gatehouse.Invalid},
		} {
			if _, err := w.AddPasskey(t.Context(), operator(), tt.userID, "x", tt.browser, tt.answer); !errors.Is(err, tt.kind) {
				t.Errorf("%s: %v", name, err)
			}
		}
		right := begin(w.device())
		if _, err := w.AddPasskey(t.Context(), operator(), u.ID, "", browser, right); err != nil {
			t.Fatal(err)
		}
		if _, err := w.AddPasskey(t.Context(), operator(), u.ID, "", browser, right); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("again: %v", err)
		}
	})
}

func TestPasskeysAreNamedBoundedAndRemoved(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, other := w.admin("olga"), w.admin("petra")
		for range mostPasskeys {
			w.passkey(w.device(), u)
		}
		if _, err := w.BeginPasskey(t.Context(), u, browser); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("one more than the most: %v", err)
		}
		var all []gatehouse.Passkey
		w.update(func(tx *store.Tx) (err error) {
			all, err = tx.Passkeys(u.ID)
			return err
		})
		id := all[0].ID
		w.update(func(tx *store.Tx) error {
			for name, err := range map[string]error{
				"rename of another": w.RenamePasskey(tx, operator(), other.ID, id, "x"),
				"remove of another": w.RemovePasskey(tx, operator(), other.ID, id),
				"rename of none":    w.RenamePasskey(tx, operator(), u.ID, "none", "x"),
			} {
				if !errors.Is(err, gatehouse.NotFound) {
					t.Errorf("G2: %s: %v", name, err)
				}
			}
			return w.RenamePasskey(tx, operator(), u.ID, id, " The \u202eblue\n one "+strings.Repeat("字", 200))
		})
		w.update(func(tx *store.Tx) error {
			all, err := tx.Passkeys(u.ID)
			if name := all[0].Name; !strings.HasPrefix(name, "The blue one 字") || len(name) > longestPasskeyName {
				t.Errorf("called %q", name)
			}
			return errors.Join(err, w.RemovePasskey(tx, operator(), u.ID, id))
		})
		w.passkey(w.device(), u) // there is room again
		if len(w.events("passkey.removed")) != 1 || len(w.events("passkey.renamed")) != 1 {
			t.Error("the audit log lacks it")
		}
	})
}

func TestPasskeysNeedAName(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"https://id.example.com": true, "https://id.example.com:8443": true, "http://localhost:8080": true,
		"http://127.0.0.1:8080": false, "https://[2001:db8::1]": false, "": false, "%": false,
	} {
		if ok := (&Credentials{URL: url}).Passkeys(); ok != want {
			t.Errorf("%s: %t", url, ok)
		}
	}
	for url, want := range map[string]string{
		"http://127.0.0.1:8080": "http://localhost:8080", "http://[::1]:8080": "http://localhost:8080", "http://127.0.0.1": "http://localhost",
		"http://localhost:8080": "", "https://192.0.2.1": "", "https://id.example.com": "", "%": "",
	} {
		got := ""
		if u, ok := (&Credentials{URL: url}).AtLocalhost(); ok {
			got = u.String()
		}
		if got != want {
			t.Errorf("%s: at %q", url, got)
		}
	}
	c := &Credentials{URL: "http://127.0.0.1:8080"}
	_, errAdd := c.BeginPasskey(t.Context(), gatehouse.User{}, browser)
	_, errProof := c.BeginPasskeyProof(t.Context(), "", browser)
	_, errAdded := c.AddPasskey(t.Context(), operator(), "", "", browser, "{}")
	for _, err := range []error{errAdd, errProof, errAdded} {
		if !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("at an IP address: %v", err)
		}
	}
}
