package credentials

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"gatehouse"
)

// longestAnswer bounds what a browser brings from a passkey. Real ones have
// under 4 KB, since no attestation is asked for.
const longestAnswer = 32 << 10

// longestCredentialID bounds the id of a passkey (Web Authentication Level 3,
// section 7.1).
const longestCredentialID = 1023

// party is who asks for passkeys: they belong to the host of the installation.
// It is false where browsers do not have them: at an IP address.
func (c *Credentials) party() (*webauthn.WebAuthn, bool) {
	host := c.host()
	p, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "Gatehouse", RPOrigins: []string{c.URL},
		// Who made a device does not matter here; that it asks who is there does.
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login: webauthn.TimeoutConfig{Timeout: passkeyTime}, Registration: webauthn.TimeoutConfig{Timeout: passkeyTime},
		},
		// Some password managers answer more than they were asked. We read none of it.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	return p, err == nil && host != ""
}

// host is that of the installation, by which people know it.
func (c *Credentials) host() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// signatures are those that a passkey may have, the best first.
func signatures() []protocol.CredentialParameter {
	var all []protocol.CredentialParameter
	for _, a := range []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256} {
		all = append(all, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: a})
	}
	return all
}

// keptPasskey is what is kept of a passkey besides its id: no more than what
// checks its next use.
type keptPasskey struct {
	PublicKey      []byte   `json:"public_key"` // COSE
	Count          uint32   `json:"count"`
	BackupEligible bool     `json:"backup_eligible"` // it may be on several devices
	BackedUp       bool     `json:"backed_up"`
	Transports     []string `json:"transports,omitempty"` // how a browser reaches it
	AAGUID         []byte   `json:"aaguid,omitempty"`     // which model, for the names of some
}

// keep writes what is kept of a passkey.
func keep(c *webauthn.Credential) (json.RawMessage, error) {
	k := keptPasskey{
		PublicKey: c.PublicKey, Count: c.Authenticator.SignCount, AAGUID: c.Authenticator.AAGUID,
		BackupEligible: c.Flags.BackupEligible, BackedUp: c.Flags.BackupState,
	}
	// Only what the standard knows: it goes back to browsers.
	for _, t := range []protocol.AuthenticatorTransport{protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal} {
		if slices.Contains(c.Transport, t) {
			k.Transports = append(k.Transports, string(t))
		}
	}
	return json.Marshal(k)
}

// kept reads a passkey as it was kept.
func kept(p gatehouse.Passkey) (webauthn.Credential, error) {
	var k keptPasskey
	if err := json.Unmarshal(p.Record, &k); err != nil {
		return webauthn.Credential{}, fmt.Errorf("read passkey %s: %w", p.ID, err)
	}
	flags := protocol.FlagUserPresent | protocol.FlagUserVerified
	if k.BackupEligible {
		flags |= protocol.FlagBackupEligible
	}
	if k.BackedUp {
		flags |= protocol.FlagBackupState
	}
	c := webauthn.Credential{
		ID: p.CredentialID, PublicKey: k.PublicKey, Flags: webauthn.NewCredentialFlags(flags),
		Authenticator: webauthn.Authenticator{AAGUID: k.AAGUID, SignCount: k.Count},
	}
	for _, t := range k.Transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return c, nil
}

// holder is a user with passkeys, as the library wants one.
type holder struct {
	user     gatehouse.User
	passkeys []webauthn.Credential
}

func holderOf(u gatehouse.User, all ...gatehouse.Passkey) (holder, error) {
	h := holder{user: u}
	for _, p := range all {
		c, err := kept(p)
		if err != nil {
			return h, err
		}
		h.passkeys = append(h.passkeys, c)
	}
	return h, nil
}

// WebAuthnID tells a device whose passkey it is.
func (h holder) WebAuthnID() []byte { return []byte(h.user.ID) }

// WebAuthnName tells one account from another.
func (h holder) WebAuthnName() string { return h.user.Username }

// WebAuthnDisplayName is what the person is called.
func (h holder) WebAuthnDisplayName() string {
	if h.user.Name == "" {
		return h.user.Username
	}
	return h.user.Name
}

// WebAuthnCredentials are the passkeys.
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.passkeys }

var errAnswer = errors.New("the answer is too long, or none of a passkey")

// parseMade reads what a browser brings of a new passkey. Nothing is checked yet.
func parseMade(answer string) (*protocol.ParsedCredentialCreationData, error) {
	if len(answer) > longestAnswer {
		return nil, errAnswer
	}
	a, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return nil, explained(err)
	}
	if len(a.RawID) > longestCredentialID {
		return nil, errAnswer
	}
	return a, nil
}

// parseUsed reads what a browser brings of the use of a passkey. Nothing is
// checked yet.
func parseUsed(answer string) (*protocol.ParsedCredentialAssertionData, error) {
	if len(answer) > longestAnswer {
		return nil, errAnswer
	}
	a, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return nil, explained(err)
	}
	if len(a.RawID) > longestCredentialID {
		return nil, errAnswer
	}
	return a, nil
}

// errCopied is for a passkey whose counter did not grow: somebody has a copy.
var errCopied = errors.New("the counter of the passkey did not grow")

// checkUse checks the use of a passkey and gives what is known of it from now on.
// Whose it is was told by the question (session.UserID), or is told by the device.
func checkUse(party *webauthn.WebAuthn, session webauthn.SessionData, h holder, a *protocol.ParsedCredentialAssertionData) (after *webauthn.Credential, err error) {
	if len(session.UserID) > 0 {
		after, err = party.ValidateLogin(h, session, a)
	} else {
		_, after, err = party.ValidatePasskeyLogin(func(id, user []byte) (webauthn.User, error) {
			if !bytes.Equal(user, h.WebAuthnID()) {
				return nil, errors.New("the device says that the passkey is somebody else's")
			}
			return h, nil
		}, session, a)
	}
	if err != nil {
		return nil, explained(err)
	}
	if after.Authenticator.CloneWarning {
		return nil, errCopied
	}
	return after, nil
}

// explained is an error of the library with what it knows besides, bounded, since
// some of it came from outside.
func explained(err error) error {
	var e *protocol.Error
	if errors.As(err, &e) && e.DevInfo != "" {
		return fmt.Errorf("%w (%.200q)", err, e.DevInfo)
	}
	return err
}
