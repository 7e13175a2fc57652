package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"gatehouse"
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

// AtLocalhost is the address at which passkeys work on this machine, where the
// present one is a loopback IP address; false elsewhere.
func (c *Credentials) AtLocalhost() (*url.URL, bool) {
	u, err := url.Parse(c.URL)
	if err != nil || !net.ParseIP(u.Hostname()).IsLoopback() {
		return nil, false
	}
	u.Host = strings.Replace(u.Host, u.Hostname(), "localhost", 1)
	u.Host = strings.NewReplacer("[", "", "]", "").Replace(u.Host)
	return u, true
}

// BeginPasskey gives what a browser needs to make a new passkey
// (PublicKeyCredentialCreationOptions as JSON). The passkey stays on the device,
// which asks for a fingerprint, a face or a PIN each time.
func (c *Credentials) BeginPasskey(ctx context.Context, u gatehouse.User, browserHash []byte) (options any, err error) {
	party, ok := c.party()
	if !ok {
		return nil, noPasskeys()
	}
	var made *protocol.CredentialCreation
	err = c.Store.Update(ctx, func(tx *store.Tx) error {
		has, err := tx.Passkeys(u.ID)
		if err != nil {
			return fmt.Errorf("read the passkeys of user %s: %w", u.ID, err)
		}
		if len(has) >= mostPasskeys {
			return tooManyPasskeys()
		}
		h, err := holderOf(u, has...)
		if err != nil {
			return err
		}
		var session *webauthn.SessionData
		made, session, err = party.BeginRegistration(h,
			webauthn.WithExclusions(webauthn.Credentials(h.passkeys).CredentialDescriptors()), webauthn.WithCredentialParameters(signatures()))
		if err != nil {
			return fmt.Errorf("ask for a new passkey: %w", err)
		}
		return keepQuestion(tx, purposeAdd, u.ID, browserHash, session)
	})
	if err != nil {
		return nil, err
	}
	return made.Response, nil
}

// keepQuestion keeps what a browser was asked, by its challenge.
func keepQuestion(tx *store.Tx, purpose, userID string, browserHash []byte, asked *webauthn.SessionData) error {
	data, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("keep the question for a passkey: %w", err)
	}
	return tx.SaveCeremony(asked.Challenge, &gatehouse.Ceremony{
		Purpose: purpose, UserID: userID, BrowserHash: browserHash, Data: data, ExpiresAt: tx.Now().Add(passkeyTime),
	})
}

// takeQuestion is what this browser was asked, once; Expired when it was not, or
// too long ago.
func takeQuestion(tx *store.Tx, purpose, challenge string, browserHash []byte) (at gatehouse.Ceremony, asked webauthn.SessionData, no *gatehouse.Error, err error) {
	at, err = tx.TakeCeremony(purpose, challenge, browserHash)
	if errors.Is(err, gatehouse.NotFound) {
		return at, asked, oldPasskey(), nil
	}
	if err == nil {
		err = json.Unmarshal(at.Data, &asked)
	}
	if err != nil {
		return at, asked, nil, fmt.Errorf("take the question for a passkey: %w", err)
	}
	return at, asked, nil, nil
}

// AddPasskey keeps a passkey that a browser made after BeginPasskey. What is not
// right is Invalid, one that is known a Conflict.
func (c *Credentials) AddPasskey(ctx context.Context, by gatehouse.Actor, userID, name string, browserHash []byte, answer string) (gatehouse.Passkey, error) {
	var p gatehouse.Passkey
	party, ok := c.party()
	if !ok {
		return p, noPasskeys()
	}
	a, err := parseMade(answer)
	if err != nil {
		return p, badPasskey(err)
	}
	var no *gatehouse.Error
	err = c.Store.Update(ctx, func(tx *store.Tx) error {
		var at gatehouse.Ceremony
		var asked webauthn.SessionData
		var err error
		if at, asked, no, err = takeQuestion(tx, purposeAdd, a.Response.CollectedClientData.Challenge, browserHash); err != nil || no != nil {
			return err
		}
		if at.UserID != userID {
			no = oldPasskey()
			return nil
		}
		made, err := party.CreateCredential(holder{user: gatehouse.User{ID: userID}}, asked, a)
		if err != nil {
			no = badPasskey(explained(err))
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

func keepPasskey(tx *store.Tx, by gatehouse.Actor, userID, name string, made *webauthn.Credential) (gatehouse.Passkey, error) {
	has, err := tx.Passkeys(userID)
	if err != nil {
		return gatehouse.Passkey{}, fmt.Errorf("read the passkeys of user %s: %w", userID, err)
	}
	if len(has) >= mostPasskeys {
		return gatehouse.Passkey{}, tooManyPasskeys()
	}
	kept, err := keep(made)
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

// RemovePasskeys forgets all passkeys of a user, whose devices are lost.
func (c *Credentials) RemovePasskeys(tx *store.Tx, by gatehouse.Actor, userID string) error {
	all, err := tx.Passkeys(userID)
	if err != nil {
		return fmt.Errorf("read the passkeys of user %s: %w", userID, err)
	}
	for _, p := range all {
		if err := c.RemovePasskey(tx, by, userID, p.ID); err != nil {
			return err
		}
	}
	return nil
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
	var asking *protocol.CredentialAssertion
	err = c.Store.Update(ctx, func(tx *store.Tx) error {
		var session *webauthn.SessionData
		var err error
		if userID == "" {
			asking, session, err = party.BeginDiscoverableLogin()
		} else {
			asking, session, err = askOf(tx, party, userID)
		}
		if err != nil {
			return err
		}
		return keepQuestion(tx, purposeGive, userID, browserHash, session)
	})
	if err != nil {
		return nil, err
	}
	return asking.Response, nil
}

// askOf asks for one of the passkeys of a user.
func askOf(tx *store.Tx, party *webauthn.WebAuthn, userID string) (*protocol.CredentialAssertion, *webauthn.SessionData, error) {
	has, err := tx.Passkeys(userID)
	if err != nil {
		return nil, nil, fmt.Errorf("read the passkeys of user %s: %w", userID, err)
	}
	if len(has) == 0 {
		return nil, nil, gatehouse.Errorf(gatehouse.Invalid, "You have no passkey here. Use another way.")
	}
	h, err := holderOf(gatehouse.User{ID: userID}, has...)
	if err != nil {
		return nil, nil, err
	}
	return party.BeginLogin(h)
}

// PasskeyProof checks what a passkey answered after BeginPasskeyProof, once, in
// the caller's transaction, and gives the user whose it is. What is not right is
// an *gatehouse.Error of kind Invalid or Expired as no, and the caller ends its
// transaction without an error, so that the challenge stays used.
func (c *Credentials) PasskeyProof(tx *store.Tx, browserHash []byte, answer, address string) (userID string, no *gatehouse.Error, err error) {
	userID, no, err = c.passkeyProof(tx, browserHash, answer, address)
	if err == nil {
		outcome := "right"
		if no != nil {
			outcome = "wrong"
		}
		tx.OnCommit(func() { c.count("passkey", outcome) })
	}
	return userID, no, err
}

func (c *Credentials) passkeyProof(tx *store.Tx, browserHash []byte, answer, address string) (userID string, no *gatehouse.Error, err error) {
	party, ok := c.party()
	if !ok {
		return "", noPasskeys(), nil
	}
	a, err := parseUsed(answer)
	if err != nil {
		return "", badPasskey(err), nil
	}
	at, asked, no, err := takeQuestion(tx, purposeGive, a.Response.CollectedClientData.Challenge, browserHash)
	if err != nil || no != nil {
		return "", no, err
	}
	p, err := tx.PasskeyByCredential(a.RawID)
	if errors.Is(err, gatehouse.NotFound) {
		return "", gatehouse.Errorf(gatehouse.Invalid, "This passkey is not known here any more. Use another way, and remove it from your device."), nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("find the passkey: %w", err)
	}
	if at.UserID != "" && at.UserID != p.UserID {
		return p.UserID, gatehouse.Errorf(gatehouse.Invalid, "This passkey belongs to another account. Use one of yours."), nil
	}
	h, err := holderOf(gatehouse.User{ID: p.UserID}, p)
	if err != nil {
		return p.UserID, nil, err
	}
	asked.AllowedCredentialIDs = nil // the passkey is known, and its user is who was asked
	after, err := checkUse(party, asked, h, a)
	if errors.Is(err, errCopied) {
		no, err = copied(tx, p, address)
		return p.UserID, no, err
	}
	if err != nil {
		return p.UserID, badPasskey(err), nil
	}
	if p.Record, err = keep(after); err != nil {
		return p.UserID, nil, fmt.Errorf("write passkey %s: %w", p.ID, err)
	}
	p.LastUsedAt = tx.Now()
	return p.UserID, nil, tx.SavePasskey(&p)
}

// copied tells that a passkey is on two devices that do not know of each other.
func copied(tx *store.Tx, p gatehouse.Passkey, address string) (*gatehouse.Error, error) {
	by := gatehouse.Actor{Kind: gatehouse.ActorAnonymous, Address: address}
	no := gatehouse.Errorf(gatehouse.Invalid, "This passkey seems to have been copied, so it is not taken. Use another way, and remove it on your security page.")
	return no.Because(errCopied), record(tx, by, "passkey.copied", p.UserID, map[string]string{"passkey": p.ID, "name": p.Name})
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
