// Package webauthn checks what a browser brings from a passkey: that it was made
// or used at this very address, for this very question, by somebody whom the
// device asked to prove themselves. It follows Web Authentication Level 2, with
// no attestation: who made a device does not matter here.
package webauthn

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Party is who asks: passkeys belong to its host.
type Party struct {
	ID     string // host, without a port
	Origin string // https://id.example.com, as browsers say it
}

// Record is what is kept of a passkey.
type Record struct {
	Key            []byte   `json:"key"` // PKIX
	Count          uint32   `json:"count"`
	BackupEligible bool     `json:"backup_eligible"` // it may be on several devices
	BackedUp       bool     `json:"backed_up"`
	Transports     []string `json:"transports,omitempty"` // how a browser reaches it
	AAGUID         []byte   `json:"aaguid,omitempty"`     // which model, for the names of some
}

// Made is a new passkey.
type Made struct {
	ID     []byte // of the credential
	Record Record
}

// Answer is what a browser brings, as PublicKeyCredential.toJSON writes it.
type Answer struct {
	ID       []byte
	response response
}

// response has the fields of both ceremonies.
type response struct {
	ClientData  encoded  `json:"clientDataJSON"`
	Attestation encoded  `json:"attestationObject"`
	AuthData    encoded  `json:"authenticatorData"`
	Signature   encoded  `json:"signature"`
	UserHandle  encoded  `json:"userHandle"`
	Transports  []string `json:"transports"`
}

// encoded is base64url without padding.
type encoded []byte

// UnmarshalJSON is for encoding/json; null is nothing.
func (e *encoded) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	*e = b
	return err
}

// longestID bounds the id of a credential (section 7.1, step 25 of Level 3).
const longestID = 1023

// Parse reads what a browser brings. Nothing of it is checked yet.
func Parse(data []byte) (Answer, error) {
	var in struct {
		RawID    encoded  `json:"rawId"`
		Type     string   `json:"type"`
		Response response `json:"response"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return Answer{}, fmt.Errorf("read the answer of a passkey: %w", err)
	}
	if in.Type != "public-key" || len(in.RawID) == 0 || len(in.RawID) > longestID {
		return Answer{}, errors.New("the answer is none of a passkey")
	}
	return Answer{ID: in.RawID, response: in.Response}, nil
}

// UserHandle is whose the passkey is, as it was told when it was made.
func (a Answer) UserHandle() []byte { return a.response.UserHandle }

// clientData is what the browser itself says.
type clientData struct {
	Type        string `json:"type"`
	Challenge   string `json:"challenge"`
	Origin      string `json:"origin"`
	CrossOrigin bool   `json:"crossOrigin"`
	TopOrigin   string `json:"topOrigin"`
}

// Challenge is which question is answered, "" when none is. It says nothing
// about whether the answer is right.
func (a Answer) Challenge() string {
	var c clientData
	if json.Unmarshal(a.response.ClientData, &c) != nil {
		return ""
	}
	return c.Challenge
}

// Create checks that a passkey was made here, for the challenge (section 7.1).
func (p Party) Create(a Answer, challenge string) (Made, error) {
	if err := p.client(a, "webauthn.create", challenge); err != nil {
		return Made{}, err
	}
	item, rest, err := decode(a.response.Attestation)
	if err != nil || len(rest) > 0 {
		return Made{}, errCBOR
	}
	m, _ := item.(map[any]any)
	data, err := p.authenticator(bytesOf(m["authData"]))
	if err != nil {
		return Made{}, err
	}
	if len(data.id) == 0 || !bytes.Equal(data.id, a.ID) {
		return Made{}, errors.New("the passkey has no id, or two")
	}
	made := Made{ID: data.id, Record: Record{
		Key: data.key, Count: data.count, BackupEligible: data.eligible, BackedUp: data.backedUp,
		AAGUID: data.aaguid, Transports: known(a.response.Transports),
	}}
	return made, nil
}

// known leaves out what the standard does not know: it goes back to browsers.
func known(transports []string) []string {
	var some []string
	for _, t := range []string{"usb", "nfc", "ble", "smart-card", "hybrid", "internal"} {
		if slices.Contains(transports, t) {
			some = append(some, t)
		}
	}
	return some
}

// ErrCopied is for a passkey whose counter did not grow: somebody has a copy.
var ErrCopied = errors.New("the counter of the passkey did not grow")

// Assert checks that a passkey was used here, for the challenge, and gives what
// is kept of it from now on (section 7.2).
func (p Party) Assert(a Answer, challenge string, before Record) (Record, error) {
	if err := p.client(a, "webauthn.get", challenge); err != nil {
		return before, err
	}
	data, err := p.authenticator(a.response.AuthData)
	if err != nil {
		return before, err
	}
	sum := sha256.Sum256(a.response.ClientData)
	if !verify(before.Key, append(bytes.Clone(a.response.AuthData), sum[:]...), a.response.Signature) {
		return before, errors.New("the signature is not the passkey's")
	}
	if data.eligible != before.BackupEligible {
		return before, errors.New("the passkey says another thing than before of whether it may be copied")
	}
	if (data.count > 0 || before.Count > 0) && data.count <= before.Count {
		return before, ErrCopied
	}
	before.Count, before.BackedUp = data.count, data.backedUp
	return before, nil
}

// client checks what the browser says.
func (p Party) client(a Answer, kind, challenge string) error {
	var c clientData
	if err := json.Unmarshal(a.response.ClientData, &c); err != nil {
		return fmt.Errorf("read what the browser says: %w", err)
	}
	switch {
	case c.Type != kind:
		return errors.New("the answer is of another ceremony")
	case challenge == "" || subtle.ConstantTimeCompare([]byte(c.Challenge), []byte(challenge)) != 1:
		return errors.New("the answer is to another question")
	case c.Origin != p.Origin:
		return fmt.Errorf("the answer is for the address %.100q", c.Origin)
	case c.CrossOrigin || c.TopOrigin != "":
		return errors.New("the page was in a frame of another site")
	}
	return nil
}

// The flags of an authenticator (section 6.1).
const (
	userPresent   = 1 << 0
	userVerified  = 1 << 2
	mayBeBackedUp = 1 << 3
	isBackedUp    = 1 << 4
	hasCredential = 1 << 6
	hasExtensions = 1 << 7
)

// authenticatorData is what the device says.
type authenticatorData struct {
	count              uint32
	eligible, backedUp bool
	aaguid, id, key    []byte // of a new credential
}

// authenticator reads and checks what the device says: it is for this host, and
// somebody was there and proved to the device who they are.
func (p Party) authenticator(b []byte) (authenticatorData, error) {
	const fixed = 37
	var d authenticatorData
	if len(b) < fixed {
		return d, errors.New("what the device says is too short")
	}
	host := sha256.Sum256([]byte(p.ID))
	flags := b[32]
	switch {
	case subtle.ConstantTimeCompare(b[:32], host[:]) != 1:
		return d, errors.New("the passkey is of another host")
	case flags&userPresent == 0 || flags&userVerified == 0:
		return d, errors.New("the device did not ask who is there")
	case flags&isBackedUp != 0 && flags&mayBeBackedUp == 0:
		return d, errors.New("the passkey is backed up and may not be")
	}
	d.count = binary.BigEndian.Uint32(b[33:fixed])
	d.eligible, d.backedUp = flags&mayBeBackedUp != 0, flags&isBackedUp != 0
	rest := b[fixed:]
	var err error
	if flags&hasCredential != 0 {
		if rest, err = d.credential(rest); err != nil {
			return d, err
		}
	}
	if flags&hasExtensions != 0 {
		if _, rest, err = decode(rest); err != nil {
			return d, err
		}
	}
	if len(rest) > 0 {
		return d, errors.New("what the device says is too long")
	}
	return d, nil
}

// credential reads a new credential (section 6.5.1).
func (d *authenticatorData) credential(b []byte) (rest []byte, err error) {
	const fixed = 18
	if len(b) < fixed {
		return nil, errors.New("the new passkey is cut off")
	}
	length := int(binary.BigEndian.Uint16(b[16:fixed]))
	if length == 0 || length > longestID || len(b) < fixed+length {
		return nil, errors.New("the id of the new passkey is too long or cut off")
	}
	d.aaguid, d.id = b[:16:16], b[fixed:fixed+length:fixed+length]
	item, rest, err := decode(b[fixed+length:])
	if err != nil {
		return nil, err
	}
	d.key, err = publicKey(item)
	return rest, err
}
