// Package passkeytest is a device with passkeys and the browser around it, for
// tests: it answers what navigator.credentials would answer. It imports nothing
// of ours, so that it cannot share our mistakes.
package passkeytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/big"
)

// Device keeps passkeys for one browser at one address. The flags say what it
// does otherwise than it should.
type Device struct {
	Origin, Host string

	Algorithm  int    // of new passkeys: -7 (usual), -8 or -257
	Counts     bool   // passkeys have a counter
	Unverified bool   // does not ask who is there
	Absent     bool   // nobody touches it
	BackedUp   bool   // passkeys may be, and are, on several devices
	Framed     bool   // the page is in a frame of another site
	Kind       string // said instead of webauthn.create or webauthn.get
	Extensions bool   // adds an extension's output
	Tail       []byte // added behind what it says

	keys []*Key
}

// Key is a passkey of a Device.
type Key struct {
	ID, User []byte
	Count    uint32
	private  crypto.Signer
}

// Keys are the passkeys that were made, the oldest first.
func (d *Device) Keys() []*Key { return d.keys }

var b64 = base64.RawURLEncoding

type described struct {
	ID string `json:"id"`
}

// Create makes a passkey as navigator.credentials.create does, for options as
// JSON, and gives what goes back to the server.
func (d *Device) Create(options []byte) (string, error) {
	var o struct {
		RP   struct{ ID string }
		User struct {
			ID string
		}
		Challenge          string
		ExcludeCredentials []described
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return "", err
	}
	for _, e := range o.ExcludeCredentials {
		if d.find(e.ID) != nil {
			return "", errors.New("InvalidStateError: the device has one already")
		}
	}
	user, err := b64.DecodeString(o.User.ID)
	if err != nil {
		return "", err
	}
	k := &Key{ID: random(32), User: user}
	cose, err := k.make(d.Algorithm)
	if err != nil {
		return "", err
	}
	d.keys = append(d.keys, k)
	credential := append(make([]byte, 16), byte(len(k.ID)>>8), byte(len(k.ID)))
	credential = append(append(credential, k.ID...), cose...)
	attestation := cborMap(
		cborText("fmt"), cborText("none"),
		cborText("attStmt"), cborMap(),
		cborText("authData"), cborBytes(d.says(k, 1<<6, credential)),
	)
	return answer(k, map[string]any{
		"clientDataJSON":    b64.EncodeToString(d.clientData("webauthn.create", o.Challenge)),
		"attestationObject": b64.EncodeToString(attestation),
		"transports":        []string{"internal", "made-up"},
	})
}

// Get uses a passkey as navigator.credentials.get does.
func (d *Device) Get(options []byte) (string, error) {
	var o struct {
		Challenge        string
		AllowCredentials []described
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return "", err
	}
	var k *Key
	for _, mine := range d.keys {
		if len(o.AllowCredentials) == 0 {
			k = mine
		}
	}
	for _, a := range o.AllowCredentials {
		if found := d.find(a.ID); found != nil {
			k = found
		}
	}
	if k == nil {
		return "", errors.New("NotAllowedError: the device has none")
	}
	return d.Use(k, o.Challenge)
}

// Use answers a challenge with a passkey.
func (d *Device) Use(k *Key, challenge string) (string, error) {
	if d.Counts {
		k.Count++
	}
	says, client := d.says(k, 0, nil), d.clientData("webauthn.get", challenge)
	sum := sha256.Sum256(client)
	signature, err := k.sign(append(append([]byte{}, says...), sum[:]...))
	if err != nil {
		return "", err
	}
	return answer(k, map[string]any{
		"clientDataJSON":    b64.EncodeToString(client),
		"authenticatorData": b64.EncodeToString(says),
		"signature":         b64.EncodeToString(signature),
		"userHandle":        b64.EncodeToString(k.User),
	})
}

func (d *Device) find(id string) *Key {
	for _, k := range d.keys {
		if b64.EncodeToString(k.ID) == id {
			return k
		}
	}
	return nil
}

func answer(k *Key, response map[string]any) (string, error) {
	id := b64.EncodeToString(k.ID)
	b, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response})
	return string(b), err
}

func (d *Device) clientData(kind, challenge string) []byte {
	if d.Kind != "" {
		kind = d.Kind
	}
	b, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.Origin, "crossOrigin": d.Framed}) // plain texts
	return b
}

// says is the authenticator data.
func (d *Device) says(k *Key, flags byte, credential []byte) []byte {
	host := sha256.Sum256([]byte(d.Host))
	if !d.Absent {
		flags |= 1
	}
	if !d.Unverified {
		flags |= 1 << 2
	}
	if d.BackedUp {
		flags |= 1<<3 | 1<<4
	}
	if d.Extensions {
		flags |= 1 << 7
	}
	b := append(host[:], flags)
	b = append(binary.BigEndian.AppendUint32(b, k.Count), credential...)
	if d.Extensions {
		b = append(b, cborMap(cborText("credProtect"), cborInt(2))...)
	}
	return append(b, d.Tail...)
}

// make makes the key pair, and gives its public half as a COSE key.
func (k *Key) make(algorithm int) ([]byte, error) {
	switch algorithm {
	case -8:
		public, private, err := ed25519.GenerateKey(rand.Reader)
		k.private = private
		return cborMap(cborInt(1), cborInt(1), cborInt(3), cborInt(-8), cborInt(-1), cborInt(6), cborInt(-2), cborBytes(public)), err
	case -257:
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		k.private = private
		e := big.NewInt(int64(private.E)).Bytes()
		return cborMap(cborInt(1), cborInt(3), cborInt(3), cborInt(-257), cborInt(-1), cborBytes(private.N.Bytes()), cborInt(-2), cborBytes(e)), nil
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	k.private = private
	point, err := private.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	return cborMap(cborInt(1), cborInt(2), cborInt(3), cborInt(-7), cborInt(-1), cborInt(1),
		cborInt(-2), cborBytes(point[1:33]), cborInt(-3), cborBytes(point[33:])), nil
}

func (k *Key) sign(message []byte) ([]byte, error) {
	if _, ok := k.private.(ed25519.PrivateKey); ok {
		return k.private.Sign(rand.Reader, message, crypto.Hash(0))
	}
	sum := sha256.Sum256(message)
	return k.private.Sign(rand.Reader, sum[:], crypto.SHA256)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func cborHead(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	}
	return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
}

func cborInt(n int) []byte {
	if n < 0 {
		return cborHead(1, uint64(-1-n))
	}
	return cborHead(0, uint64(n))
}

func cborBytes(b []byte) []byte { return append(cborHead(2, uint64(len(b))), b...) }
func cborText(s string) []byte  { return append(cborHead(3, uint64(len(s))), s...) }

// cborMap has keys and values one after the other.
func cborMap(items ...[]byte) []byte {
	b := cborHead(5, uint64(len(items)/2))
	for _, i := range items {
		b = append(b, i...)
	}
	return b
}
