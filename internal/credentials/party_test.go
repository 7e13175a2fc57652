package credentials

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/webauthn"

	"gatehouse"
	"gatehouse/internal/passkeytest"
	"gatehouse/internal/store"
)

// TestPasskeysOfEveryKind: what devices make, and how they use it.
func TestPasskeysOfEveryKind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for name, change := range map[string]func(*passkeytest.Device){
			"ES256":      func(*passkeytest.Device) {},
			"EdDSA":      func(d *passkeytest.Device) { d.Algorithm = -8 },
			"RS256":      func(d *passkeytest.Device) { d.Algorithm = -257 },
			"BackedUp":   func(d *passkeytest.Device) { d.BackedUp = true },
			"Extensions": func(d *passkeytest.Device) { d.Extensions = true },
			"Counts":     func(d *passkeytest.Device) { d.Counts = true },
		} {
			u, d := w.admin(strings.ToLower(name)), w.device()
			change(d)
			w.passkey(d, u)
			for _, asked := range []string{"", u.ID, ""} {
				if id, err := w.prove(d, asked); err != nil || id != u.ID {
					t.Errorf("%s: %s, %v", name, id, err)
				}
			}
			k := w.keptOf(u)
			if len(k.PublicKey) == 0 || k.Count != d.Keys()[0].Count || k.BackedUp != d.BackedUp || k.BackupEligible != d.BackedUp || strings.Join(k.Transports, " ") != "internal" {
				t.Errorf("%s: kept %+v", name, k)
			}
		}
	})
}

// keptOf is what is kept of the only passkey of a user.
func (w *world) keptOf(u gatehouse.User) (k keptPasskey) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		all, err := tx.Passkeys(u.ID)
		if err == nil && len(all) == 1 {
			err = json.Unmarshal(all[0].Record, &k)
		}
		return err
	})
	return k
}

// TestPasskeyFlaws: whatever is wrong with an answer, no passkey is made by it,
// nobody is proved, and nothing that is kept changes.
func TestPasskeyFlaws(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for name, change := range map[string]func(*passkeytest.Device){
			"OtherOrigin":    func(d *passkeytest.Device) { d.Origin = "https://id.example.com.evil.example" },
			"PlainHTTP":      func(d *passkeytest.Device) { d.Origin = "http://id.example.com" },
			"OtherPort":      func(d *passkeytest.Device) { d.Origin = "https://id.example.com:8443" },
			"Subdomain":      func(d *passkeytest.Device) { d.Origin = "https://evil.id.example.com" },
			"NoOrigin":       func(d *passkeytest.Device) { d.Origin = "" },
			"OtherHost":      func(d *passkeytest.Device) { d.Host = "example.com" },
			"NotVerified":    func(d *passkeytest.Device) { d.Unverified = true },
			"NobodyThere":    func(d *passkeytest.Device) { d.Absent = true },
			"InAFrame":       func(d *passkeytest.Device) { d.Framed = true },
			"OtherCeremony":  func(d *passkeytest.Device) { d.Kind = "payment.get" },
			"SomethingMore":  func(d *passkeytest.Device) { d.Tail = []byte{0} },
			"BrokenBehindIt": func(d *passkeytest.Device) { d.Extensions, d.Tail = true, []byte{0xbf} },
		} {
			u, right, wrong := w.admin(strings.ToLower(name)), w.device(), w.device()
			change(wrong)
			if _, err := w.AddPasskey(t.Context(), operator(), u.ID, "x", browser, w.making(wrong, u)); !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("%s: a new passkey: %v", name, err)
			}
			w.passkey(right, u)
			before := w.keptOf(u)
			change(right)
			for _, asked := range []string{"", u.ID} {
				if _, err := w.prove(right, asked); !errors.Is(err, gatehouse.Invalid) {
					t.Errorf("%s: its use, asked of %q: %v", name, asked, err)
				}
			}
			if after := w.keptOf(u); after.Count != before.Count || !bytes.Equal(after.PublicKey, before.PublicKey) {
				t.Errorf("%s: it changed to %+v", name, after)
			}
		}
	})
}

// making is what a device answers that is asked for a new passkey.
func (w *world) making(d *passkeytest.Device, u gatehouse.User) string {
	w.t.Helper()
	options, err := w.BeginPasskey(w.t.Context(), u, browser)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := d.Create(asJSON(w.t, options))
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

// TestForgedAnswers: what somebody makes of true answers.
func TestForgedAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, mallory, d, bad := w.admin("olga"), w.admin("mallory"), w.device(), w.device()
		w.passkey(d, u)
		w.passkey(bad, mallory)
		olgas, hers := d.Keys()[0], bad.Keys()[0]
		encode := base64.RawURLEncoding.EncodeToString
		for name, tt := range map[string]struct {
			asked string
			forge func(answer string) string
			by    *passkeytest.Device
			kind  gatehouse.ErrorKind
		}{
			"OlgasIDMallorysKey": {"", func(a string) string { return strings.ReplaceAll(a, encode(hers.ID), encode(olgas.ID)) }, bad, gatehouse.Invalid},
			"OlgasIDAndHandle": {"", func(a string) string {
				return strings.NewReplacer(encode(hers.ID), encode(olgas.ID), encode(hers.User), encode(olgas.User)).Replace(a)
			}, bad, gatehouse.Invalid},
			"OlgasHandleMallorysKey":   {"", func(a string) string { return strings.ReplaceAll(a, encode(hers.User), encode(olgas.User)) }, bad, gatehouse.Invalid},
			"NoHandle":                 {"", func(a string) string { return strings.ReplaceAll(a, encode(hers.User), "") }, bad, gatehouse.Invalid},
			"OtherHandleWhereAskedFor": {u.ID, func(a string) string { return strings.ReplaceAll(a, encode(olgas.User), encode(hers.User)) }, d, gatehouse.Invalid},
			"UnknownPasskey":           {"", func(a string) string { return strings.ReplaceAll(a, encode(olgas.ID), encode([]byte("nobody's"))) }, d, gatehouse.Invalid},
			"TwoIDs": {"", func(a string) string {
				return strings.Replace(a, `"id":"`+encode(olgas.ID), `"id":"`+encode(hers.ID), 1)
			}, d, gatehouse.Invalid},
			"ChangedSignature": {"", func(a string) string { return strings.Replace(a, `"signature":"ME`, `"signature":"MF`, 1) }, d, gatehouse.Invalid},
			"NoSignature":      {"", func(a string) string { return strings.Replace(a, `"signature":"`, `"unsigned":"`, 1) }, d, gatehouse.Invalid},
			"OtherChallenge":   {"", func(string) string { a, _ := d.Use(olgas, encode(make([]byte, 32))); return a }, d, gatehouse.Expired},
			"NoChallenge":      {"", func(string) string { a, _ := d.Use(olgas, ""); return a }, d, gatehouse.Expired},
			"ANewPasskeyAsUse": {"", func(string) string { return w.making(w.device(), u) }, d, gatehouse.Invalid},
			"Huge":             {"", func(a string) string { return a + strings.Repeat(" ", longestAnswer) }, d, gatehouse.Invalid},
			"Twice":            {"", func(a string) string { return a + a }, d, gatehouse.Invalid},
		} {
			was := w.ask(tt.by, tt.asked)
			forged := tt.forge(was)
			if forged == was {
				t.Errorf("%s: nothing was forged: %s", name, was)
			}
			if id, err := w.answered(forged, browser); !errors.Is(err, tt.kind) {
				t.Errorf("%s: %s, %v", name, id, err)
			}
		}
		if _, err := w.prove(d, u.ID); err != nil {
			t.Errorf("a true answer: %v", err)
		}
		other := w.making(w.device(), u)
		for name, answer := range map[string]string{
			"a use as a new passkey": w.ask(d, ""),
			"huge":                   other + strings.Repeat(" ", longestAnswer),
			"two ids":                strings.Replace(other, `"id":"`, `"id":"YQ`, 1),
			"a long id":              fmt.Sprintf(`{"id":"%[1]s","rawId":"%[1]s","type":"public-key","response":{}}`, encode(make([]byte, longestCredentialID+1))),
		} {
			if _, err := w.AddPasskey(t.Context(), operator(), u.ID, "x", browser, answer); !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestAKnownPasskeyIsNotTakenTwice, whoever brings it.
func TestAKnownPasskeyIsNotTakenTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		u, other, d := w.admin("olga"), w.admin("mallory"), w.device()
		w.passkey(d, u)
		copied := w.device()
		answer := w.making(copied, other)
		id := base64.RawURLEncoding.EncodeToString
		// Mallory's device gives olga's id to its own key, in the signed part as well.
		var a struct {
			Response struct {
				ClientDataJSON, AttestationObject string
			} `json:"response"`
		}
		if err := json.Unmarshal([]byte(answer), &a); err != nil {
			t.Fatal(err)
		}
		object, err := base64.RawURLEncoding.DecodeString(a.Response.AttestationObject)
		if err != nil {
			t.Fatal(err)
		}
		object = bytes.ReplaceAll(object, copied.Keys()[0].ID, d.Keys()[0].ID)
		forged := fmt.Sprintf(`{"id":"%[1]s","rawId":"%[1]s","type":"public-key","response":{"clientDataJSON":"%[2]s","attestationObject":"%[3]s"}}`,
			id(d.Keys()[0].ID), a.Response.ClientDataJSON, id(object))
		if _, err := w.AddPasskey(t.Context(), operator(), other.ID, "x", browser, forged); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("olga's id is mallory's too: %v", err)
		}
		if got, err := w.prove(d, ""); err != nil || got != u.ID {
			t.Errorf("olga's passkey: %s, %v", got, err)
		}
	})
}

// FuzzPasskeyAnswers: what a browser says never makes or proves anything by
// chance, nor a panic.
func FuzzPasskeyAnswers(f *testing.F) {
	c := &Credentials{URL: "https://id.example.com"}
	party, _ := c.party()
	user := gatehouse.User{ID: "user"}
	options, session, err := party.BeginRegistration(holder{user: user}, webauthn.WithCredentialParameters(signatures()))
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(options.Response)
	if err != nil {
		f.Fatal(err)
	}
	d := &passkeytest.Device{Origin: c.URL, Host: "id.example.com"}
	made, err := d.Create(text)
	if err != nil {
		f.Fatal(err)
	}
	id := d.Keys()[0].ID
	used, err := d.Use(d.Keys()[0], session.Challenge)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{made, used, "{}", "", "[]", `{"id":"YQ","rawId":"YQ","type":"public-key","response":{"attestationObject":"v_8"}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		if a, err := parseMade(answer); err == nil {
			if m, err := party.CreateCredential(holder{user: user}, *session, a); err == nil && (!bytes.Equal(m.ID, a.RawID) || len(m.PublicKey) == 0) {
				t.Errorf("made %+v", m)
			}
		}
		if a, err := parseUsed(answer); err == nil {
			other := webauthn.Credential{ID: id, PublicKey: []byte{0xa0}}
			if _, err := checkUse(party, *session, holder{user, []webauthn.Credential{other}}, a); err == nil {
				t.Error("a passkey without a key proves somebody")
			}
		}
	})
}
