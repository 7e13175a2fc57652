package credentials

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"gatehouse"
	"gatehouse/internal/credentials/webauthn"
	"gatehouse/internal/store"
)

// mostPasskeys is how many a user may have.
const mostPasskeys = 10

// passkeyTime is how long somebody has to touch the device.
const passkeyTime = 5 * time.Minute

// The purposes of the ceremonies of passkeys.
const (
	purposeAdd  = "passkey_add"
	purposeGive = "passkey"
)

// Passkeys says whether passkeys work here: browsers do not have them for an IP
// address.
func (c *Credentials) Passkeys() bool {
	_, ok := c.party()
	return ok
}

func challenge() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand stops the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// descriptor names a passkey to browsers.
type descriptor struct {
	Type       string   `json:"type"`
	ID         string   `json:"id"`
	Transports []string `json:"transports,omitempty"`
}

func descriptors(all []gatehouse.Passkey) []descriptor {
	out := []descriptor{}
	for _, p := range all {
		var r webauthn.Record
		_ = json.Unmarshal(p.Record, &r) // only a hint is lost
		out = append(out, descriptor{"public-key", encode(p.CredentialID), r.Transports})
	}
	return out
}

// BeginPasskey gives what a browser needs to make a new passkey
// (PublicKeyCredentialCreationOptions as JSON). The passkey stays on the device,
// which asks for a fingerprint, a face or a PIN each time.
func (c *Credentials) BeginPasskey(ctx context.Context, u gatehouse.User, browserHash []byte) (options any, err error) {
	party, ok := c.party()
	if !ok {
		return nil, noPasskeys()
	}
	token := challenge()
	var has []gatehouse.Passkey
	err = c.Store.Update(ctx, func(tx *store.Tx) error {
		var err error
		if has, err = tx.Passkeys(u.ID); err != nil {
			return fmt.Errorf("read the passkeys of user %s: %w", u.ID, err)
		}
		if len(has) >= mostPasskeys {
			return tooManyPasskeys()
		}
		return tx.SaveCeremony(token, &gatehouse.Ceremony{
			Purpose: purposeAdd, UserID: u.ID, BrowserHash: browserHash, ExpiresAt: tx.Now().Add(passkeyTime),
		})
	})
	if err != nil {
		return nil, err
	}
	name := u.Name
	if name == "" {
		name = u.Username
	}
	var algorithms []map[string]any
	for _, a := range webauthn.Algorithms() {
		algorithms = append(algorithms, map[string]any{"type": "public-key", "alg": a})
	}
	return map[string]any{
		"rp":                     map[string]string{"id": party.ID, "name": "Gatehouse"},
		"user":                   map[string]string{"id": encode([]byte(u.ID)), "name": u.Username, "displayName": name},
		"challenge":              token,
		"pubKeyCredParams":       algorithms,
		"timeout":                passkeyTime.Milliseconds(),
		"excludeCredentials":     descriptors(has),
		"authenticatorSelection": map[string]any{"residentKey": "required", "requireResidentKey": true, "userVerification": "required"},
		"attestation":            "none",
	}, nil
}

// AddPasskey keeps a passkey that a browser made after BeginPasskey. What is not
// right is Invalid, one that is known a Conflict.
func (c *Credentials) AddPasskey(ctx context.Context, by gatehouse.Actor, userID, name string, browserHash []byte, answer string) (gatehouse.Passkey, error) {
	var p gatehouse.Passkey
	party, ok := c.party()
	if !ok {
		return p, noPasskeys()
	}
	a, err := webauthn.Parse([]byte(answer))
	if err != nil {
		return p, badPasskey(err)
	}
	token := a.Challenge()
	var no *gatehouse.Error
	err = c.Store.Update(ctx, func(tx *store.Tx) error {
		no = nil
		at, err := tx.TakeCeremony(purposeAdd, token, browserHash)
		if errors.Is(err, gatehouse.NotFound) || err == nil && at.UserID != userID {
			no = oldPasskey()
			return nil
		}
		if err != nil {
			return fmt.Errorf("take the challenge: %w", err)
		}
		made, err := party.Create(a, token)
		if err != nil {
			no = badPasskey(err)
			return nil
		}
		p, err = keepPasskey(tx, by, userID, name, made)
		return err
	})
	if err == nil && no != nil {
		err = no
	}
	return p, err
}

func keepPasskey(tx *store.Tx, by gatehouse.Actor, userID, name string, made webauthn.Made) (gatehouse.Passkey, error) {
	has, err := tx.Passkeys(userID)
	if err != nil {
		return gatehouse.Passkey{}, fmt.Errorf("read the passkeys of user %s: %w", userID, err)
	}
	if len(has) >= mostPasskeys {
		return gatehouse.Passkey{}, tooManyPasskeys()
	}
	kept, err := json.Marshal(made.Record)
	if err != nil {
		return gatehouse.Passkey{}, fmt.Errorf("write a passkey: %w", err)
	}
	p := gatehouse.Passkey{UserID: userID, CredentialID: made.ID, Name: passkeyName(name, len(has)), Record: kept}
	if err := tx.SavePasskey(&p); err != nil {
		return p, fmt.Errorf("save a passkey of user %s: %w", userID, err)
	}
	return p, record(tx, by, "passkey.added", userID, map[string]string{"passkey": p.ID, "name": p.Name})
}

// longestPasskeyName bounds what somebody calls a passkey, in bytes.
const longestPasskeyName = 100

// passkeyName is what is shown of a name, and a plain one where nothing is left.
func passkeyName(name string, before int) string {
	name = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))), " ")
	if len(name) > longestPasskeyName {
		name = strings.TrimSpace(strings.ToValidUTF8(name[:longestPasskeyName], ""))
	}
	if name == "" {
		return fmt.Sprintf("Passkey %d", before+1)
	}
	return name
}

// RenamePasskey calls a passkey of a user otherwise; NotFound if it is not theirs.
func (c *Credentials) RenamePasskey(tx *store.Tx, by gatehouse.Actor, userID, id, name string) error {
	p, err := ownPasskey(tx, userID, id)
	if err != nil {
		return err
	}
	p.Name = passkeyName(name, 0)
	if err := tx.SavePasskey(&p); err != nil {
		return fmt.Errorf("rename passkey %s: %w", id, err)
	}
	return record(tx, by, "passkey.renamed", userID, map[string]string{"passkey": id, "name": p.Name})
}

// RemovePasskey forgets a passkey of a user; NotFound if it is not theirs.
func (c *Credentials) RemovePasskey(tx *store.Tx, by gatehouse.Actor, userID, id string) error {
	p, err := ownPasskey(tx, userID, id)
	if err != nil {
		return err
	}
	if err := tx.DeletePasskey(userID, id); err != nil {
		return fmt.Errorf("remove passkey %s: %w", id, err)
	}
	return record(tx, by, "passkey.removed", userID, map[string]string{"passkey": id, "name": p.Name})
}

func ownPasskey(tx *store.Tx, userID, id string) (gatehouse.Passkey, error) {
	all, err := tx.Passkeys(userID)
	if err != nil {
		return gatehouse.Passkey{}, fmt.Errorf("read the passkeys of user %s: %w", userID, err)
	}
	for _, p := range all {
		if p.ID == id {
			return p, nil
		}
	}
	return gatehouse.Passkey{}, gatehouse.NotFound
}

// BeginPasskeyProof gives what a browser needs to ask for a passkey
// (PublicKeyCredentialRequestOptions as JSON): any of this host, or those of one
// user. Anybody can ask, so nothing is told by it.
func (c *Credentials) BeginPasskeyProof(ctx context.Context, userID string, browserHash []byte) (options any, err error) {
	party, ok := c.party()
	if !ok {
		return nil, noPasskeys()
	}
	token, allowed := challenge(), []descriptor{}
	err = c.Store.Update(ctx, func(tx *store.Tx) error {
		if userID != "" {
			has, err := tx.Passkeys(userID)
			if err != nil {
				return fmt.Errorf("read the passkeys of user %s: %w", userID, err)
			}
			allowed = descriptors(has)
		}
		return tx.SaveCeremony(token, &gatehouse.Ceremony{
			Purpose: purposeGive, UserID: userID, BrowserHash: browserHash, ExpiresAt: tx.Now().Add(passkeyTime),
		})
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"challenge": token, "rpId": party.ID, "timeout": passkeyTime.Milliseconds(),
		"allowCredentials": allowed, "userVerification": "required",
	}, nil
}

// PasskeyProof checks what a passkey answered after BeginPasskeyProof, once, in
// the caller's transaction, and gives the user whose it is. What is not right is
// an *gatehouse.Error of kind Invalid or Expired as no, and the caller ends its
// transaction without an error, so that the challenge stays used.
func (c *Credentials) PasskeyProof(tx *store.Tx, browserHash []byte, answer, address string) (userID string, no *gatehouse.Error, err error) {
	party, ok := c.party()
	if !ok {
		return "", noPasskeys(), nil
	}
	a, err := webauthn.Parse([]byte(answer))
	if err != nil {
		return "", badPasskey(err), nil
	}
	at, err := tx.TakeCeremony(purposeGive, a.Challenge(), browserHash)
	if errors.Is(err, gatehouse.NotFound) {
		return "", oldPasskey(), nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("take the challenge: %w", err)
	}
	p, err := tx.PasskeyByCredential(a.ID)
	if errors.Is(err, gatehouse.NotFound) {
		return "", gatehouse.Errorf(gatehouse.Invalid, "This passkey is not known here any more. Use another way, and remove it from your device."), nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("find the passkey: %w", err)
	}
	if at.UserID != "" && at.UserID != p.UserID {
		return p.UserID, gatehouse.Errorf(gatehouse.Invalid, "This passkey belongs to another account. Use one of yours."), nil
	}
	no, err = c.assert(tx, party, a, p, address)
	return p.UserID, no, err
}

// assert checks the signature, and keeps the passkey's new counter.
func (c *Credentials) assert(tx *store.Tx, party webauthn.Party, a webauthn.Answer, p gatehouse.Passkey, address string) (*gatehouse.Error, error) {
	var before webauthn.Record
	if err := json.Unmarshal(p.Record, &before); err != nil {
		return nil, fmt.Errorf("read passkey %s: %w", p.ID, err)
	}
	after, err := party.Assert(a, a.Challenge(), before)
	if errors.Is(err, webauthn.ErrCopied) {
		by := gatehouse.Actor{Kind: gatehouse.ActorAnonymous, Address: address}
		no := gatehouse.Errorf(gatehouse.Invalid, "This passkey seems to have been copied, so it is not taken. Use another way, and remove it on your security page.")
		return no.Because(err), record(tx, by, "passkey.copied", p.UserID, map[string]string{"passkey": p.ID, "name": p.Name})
	}
	if err != nil {
		return badPasskey(err), nil //nolint:nilerr // it is told to the person
	}
	if p.Record, err = json.Marshal(after); err != nil {
		return nil, fmt.Errorf("write passkey %s: %w", p.ID, err)
	}
	p.LastUsedAt = tx.Now()
	return nil, tx.SavePasskey(&p)
}

func noPasskeys() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Invalid, "Passkeys need Gatehouse to be reached by a name, and here it is an IP address. Use another way.")
}

func badPasskey(cause error) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Invalid, "The answer of the passkey cannot be used. Try again, or use another way.").Because(cause)
}

func oldPasskey() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Expired, "This took too long, or was begun in another browser. Try again.")
}

func tooManyPasskeys() error {
	return gatehouse.Errorf(gatehouse.Conflict, "You have %d passkeys, which is the most. Remove one that you do not use first.", mostPasskeys)
}
