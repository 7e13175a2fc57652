package webauthn

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/passkeytest"
)

var here = Party{ID: "id.example.com", Origin: "https://id.example.com"}

func device() *passkeytest.Device {
	return &passkeytest.Device{Origin: here.Origin, Host: here.ID}
}

const challenge = "Y2hhbGxlbmdlLW9mLTMyLWJ5dGVzLWFuZC1ubw"

func creation() []byte {
	return fmt.Appendf(nil, `{"user":{"id":"dXNlcg"},"challenge":%q}`, challenge)
}

// made makes a passkey on a device and has it checked.
func made(t *testing.T, d *passkeytest.Device) (Made, error) {
	t.Helper()
	text, err := d.Create(creation())
	if err != nil {
		t.Fatal(err)
	}
	a, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return here.Create(a, challenge)
}

// used uses the device's newest passkey and has it checked.
func used(t *testing.T, d *passkeytest.Device, r Record) (Record, error) {
	t.Helper()
	text, err := d.Get(fmt.Appendf(nil, `{"challenge":%q}`, challenge))
	if err != nil {
		t.Fatal(err)
	}
	a, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if string(a.UserHandle()) != "user" || a.Challenge() != challenge {
		t.Errorf("told user %q, challenge %q", a.UserHandle(), a.Challenge())
	}
	return here.Assert(a, challenge, r)
}

func TestPasskeysOfEveryKind(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*passkeytest.Device){
		"ES256":      func(*passkeytest.Device) {},
		"EdDSA":      func(d *passkeytest.Device) { d.Algorithm = -8 },
		"RS256":      func(d *passkeytest.Device) { d.Algorithm = -257 },
		"BackedUp":   func(d *passkeytest.Device) { d.BackedUp = true },
		"Extensions": func(d *passkeytest.Device) { d.Extensions = true },
		"Counts":     func(d *passkeytest.Device) { d.Counts = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := device()
			change(d)
			m, err := made(t, d)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(m.ID, d.Keys()[0].ID) || m.Record.BackedUp != d.BackedUp || strings.Join(m.Record.Transports, " ") != "internal" {
				t.Errorf("made %+v", m)
			}
			r := m.Record
			for range 3 {
				if r, err = used(t, d, r); err != nil {
					t.Fatal(err)
				}
			}
			if r.Count != d.Keys()[0].Count {
				t.Errorf("the counter is %d, and here %d", d.Keys()[0].Count, r.Count)
			}
		})
	}
}

// TestFlaws: whatever is wrong with an answer, it counts for nothing.
func TestFlaws(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*passkeytest.Device){
		"OtherOrigin":    func(d *passkeytest.Device) { d.Origin = "https://id.example.com.evil.example" },
		"PlainHTTP":      func(d *passkeytest.Device) { d.Origin = "http://id.example.com" },
		"OtherPort":      func(d *passkeytest.Device) { d.Origin = "https://id.example.com:8443" },
		"Subdomain":      func(d *passkeytest.Device) { d.Origin = "https://evil.id.example.com" },
		"OtherHost":      func(d *passkeytest.Device) { d.Host = "example.com" },
		"NotVerified":    func(d *passkeytest.Device) { d.Unverified = true },
		"NobodyThere":    func(d *passkeytest.Device) { d.Absent = true },
		"InAFrame":       func(d *passkeytest.Device) { d.Framed = true },
		"OtherCeremony":  func(d *passkeytest.Device) { d.Kind = "payment.get" },
		"SomethingMore":  func(d *passkeytest.Device) { d.Tail = []byte{0} },
		"BrokenBehindIt": func(d *passkeytest.Device) { d.Extensions, d.Tail = true, []byte{0xbf} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			right, wrong := device(), device()
			change(wrong)
			if _, err := made(t, wrong); err == nil {
				t.Error("a new passkey is taken")
			}
			m, err := made(t, right)
			if err != nil {
				t.Fatal(err)
			}
			change(right)
			if _, err := used(t, right, m.Record); err == nil {
				t.Error("its use is taken")
			}
		})
	}
}

func TestAssertRefuses(t *testing.T) {
	t.Parallel()
	d := device()
	d.Counts = true
	m, err := made(t, d)
	if err != nil {
		t.Fatal(err)
	}
	other, err := made(t, d)
	if err != nil {
		t.Fatal(err)
	}
	text, err := d.Use(d.Keys()[0], challenge)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := here.Assert(a, "another", m.Record); err == nil {
		t.Error("an answer to another question is taken")
	}
	if _, err := here.Assert(a, "", m.Record); err == nil {
		t.Error("an answer to no question is taken")
	}
	if _, err := here.Assert(a, challenge, other.Record); err == nil {
		t.Error("another passkey's signature is taken")
	}
	if _, err := here.Create(a, challenge); err == nil {
		t.Error("a use is taken for a new passkey")
	}
	after, err := here.Assert(a, challenge, m.Record)
	if err != nil || after.Count != 1 {
		t.Fatalf("%+v, %v", after, err)
	}
	if _, err := here.Assert(a, challenge, after); !errors.Is(err, ErrCopied) {
		t.Errorf("the counter stands still: %v", err)
	}
	d.BackedUp = true
	if _, err := used(t, d, other.Record); err == nil {
		t.Error("a passkey that became one that may be copied is taken")
	}
	changed := a
	changed.response.Signature = bytes.Clone(a.response.Signature)
	changed.response.Signature[8] ^= 1
	if _, err := here.Assert(changed, challenge, m.Record); err == nil {
		t.Error("a changed signature is taken")
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	long := base64.RawURLEncoding.EncodeToString(make([]byte, longestID+1))
	for _, text := range []string{
		"", "null", "[]", "{", `{"rawId":"YQ"}`, `{"rawId":"YQ","type":"password","response":{}}`, `{"rawId":"","type":"public-key"}`,
		`{"rawId":"YQ==","type":"public-key"}`, `{"rawId":"!","type":"public-key"}`, `{"rawId":7,"type":"public-key"}`,
		`{"rawId":"` + long + `","type":"public-key"}`, `{"rawId":"YQ","type":"public-key","response":{"signature":"++"}}`,
	} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	a, err := Parse([]byte(`{"rawId":"YQ","type":"public-key","response":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	if a.Challenge() != "" {
		t.Error("nothing answers a question")
	}
	if _, err := here.Create(a, ""); err == nil {
		t.Error("nothing makes a passkey")
	}
	if _, err := here.Assert(a, "", Record{}); err == nil {
		t.Error("nothing uses a passkey")
	}
}

// FuzzCreate: what a browser says never makes a passkey by chance, nor a panic.
func FuzzCreate(f *testing.F) {
	text, err := device().Create(creation())
	if err != nil {
		f.Fatal(err)
	}
	a, err := Parse([]byte(text))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(a.response.Attestation))
	f.Add([]byte{0xa0})
	f.Add([]byte{0xbf, 0xff})
	f.Fuzz(func(t *testing.T, attestation []byte) {
		b := a
		b.response.Attestation = attestation
		m, err := here.Create(b, challenge)
		if err == nil && (!bytes.Equal(m.ID, a.ID) || len(m.Record.Key) == 0) {
			t.Errorf("made %+v", m)
		}
	})
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   []byte
		want string // as %v; "" = refused
	}{
		"Numbers":       {[]byte{0x83, 0x17, 0x18, 0x64, 0x39, 0x01, 0xf3}, "[23 100 -500]"},
		"Texts":         {[]byte{0x62, 'h', 'i'}, "hi"},
		"Map":           {[]byte{0xa2, 0x01, 0xf5, 0x02, 0xf6}, "map[1:true 2:<nil>]"},
		"Nothing":       {nil, ""},
		"CutOff":        {[]byte{0x44, 1, 2, 3}, ""},
		"CutHead":       {[]byte{0x19, 1}, ""},
		"Endless":       {[]byte{0x5f, 0x41, 1, 0xff}, ""},
		"Huge":          {[]byte{0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, ""},
		"ManyEntries":   {[]byte{0x99, 0xff, 0xff}, ""},
		"TwiceTheKey":   {[]byte{0xa2, 0x01, 0x01, 0x01, 0x02}, ""},
		"KeyIsAList":    {[]byte{0xa1, 0x80, 0x01}, ""},
		"TooDeep":       {[]byte{0x81, 0x81, 0x81, 0x81, 0x81, 0x01}, ""},
		"Tag":           {[]byte{0xc0, 0x01}, ""},
		"Float":         {[]byte{0xf9, 0, 0}, ""},
		"ReservedShort": {[]byte{0x1c}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, rest, err := decode(tt.in)
			if (err == nil) != (tt.want != "") || err == nil && (fmt.Sprint(got) != tt.want || len(rest) > 0) {
				t.Errorf("%v, %x left, %v", got, rest, err)
			}
		})
	}
}

func TestKeysThatWeDoNotTake(t *testing.T) {
	t.Parallel()
	x, y := make([]byte, 32), make([]byte, 32)
	x[31], y[31] = 1, 1 // no point of the curve
	for name, m := range map[string]any{
		"NoMap":           int64(1),
		"Empty":           map[any]any{},
		"NotOnTheCurve":   map[any]any{coseType: typeEC2, coseAlgorithm: int64(es256), coseCurve: curveP256, coseX: x, coseY: y},
		"ShortCoordinate": map[any]any{coseType: typeEC2, coseAlgorithm: int64(es256), coseCurve: curveP256, coseX: x[1:], coseY: y},
		"OtherCurve":      map[any]any{coseType: typeEC2, coseAlgorithm: int64(es256), coseCurve: int64(8), coseX: x, coseY: y},
		"OtherAlgorithm":  map[any]any{coseType: typeEC2, coseAlgorithm: int64(-35), coseCurve: curveP256, coseX: x, coseY: y},
		"ShortEd25519":    map[any]any{coseType: typeOKP, coseAlgorithm: int64(eddsa), coseCurve: curveEd25519, coseX: x[:31]},
		"WeakRSA":         map[any]any{coseType: typeRSA, coseAlgorithm: int64(rs256), coseN: bytes.Repeat([]byte{255}, 128), coseE: []byte{1, 0, 1}},
		"EvenExponent":    map[any]any{coseType: typeRSA, coseAlgorithm: int64(rs256), coseN: bytes.Repeat([]byte{255}, 256), coseE: []byte{1, 0}},
		"TextAsBytes":     map[any]any{coseType: typeOKP, coseAlgorithm: int64(eddsa), coseCurve: curveEd25519, coseX: strings.Repeat("x", 32)},
	} {
		if key, err := publicKey(m); err == nil {
			t.Errorf("%s is taken: %x", name, key)
		}
	}
	if verify([]byte("no key"), nil, nil) {
		t.Error("nothing verifies")
	}
}

func TestRecordKeepsItsShape(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(Record{Key: []byte{1}, Count: 2, BackupEligible: true, BackedUp: true, Transports: []string{"usb"}, AAGUID: []byte{3}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), `{"key":"AQ==","count":2,"backup_eligible":true,"backed_up":true,"transports":["usb"],"aaguid":"Aw=="}`; got != want {
		t.Errorf("kept as %s", got)
	}
}
