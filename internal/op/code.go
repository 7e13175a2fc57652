package op

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
)

// grantByCode is the authorization code grant. A code is taken once: whoever
// comes second ends what the first one got (RFC 6749 section 4.1.2).
func (p *Provider) grantByCode(a *ask) (tokenAnswer, error) {
	if a.form["code"] == "" {
		return tokenAnswer{}, wire.Missing("code")
	}
	var (
		made     minted
		user     gatehouse.User
		replayed bool
	)
	err := p.update(a.r.Context(), a.once, func(tx *store.Tx) error {
		made, replayed = minted{}, false
		code, err := tx.TakeCode(gatehouse.Digest(a.form["code"]))
		if errors.Is(err, gatehouse.NotFound) || err == nil && code.Grant.ClientID != a.client.ID {
			return wire.InvalidGrant() // and whose code it is keeps it
		}
		if err != nil {
			return err
		}
		if !code.UsedAt.IsZero() {
			replayed = true
			if err := p.endFamily(tx, a, "code.replayed", code.Family, code.Grant.UserID); err != nil {
				return err
			}
			return tx.DeleteCode(code.Hash) // there is nothing more to end, and the audit log needs one line of it
		}
		if err := redeemable(code, a.form, tx.Now()); err != nil {
			if a.client.FAPI() {
				err = wire.InvalidGrant() // also where code_verifier is missing: RFC 7636 section 4.6 knows no other error
			}
			return err
		}
		if !a.held.fits(code.Grant.Details) {
			return wire.InvalidGrant()
		}
		if user, err = activeUser(tx, a.client, code.Grant.UserID); err != nil {
			return err
		}
		if err := introduce(tx, a.client, user); err != nil {
			return err
		}
		if err := tx.JoinSession(code.Grant.SessionID, a.client.ID); err != nil {
			return err
		}
		made, err = p.mintFor(tx, a, code.Grant, code.Family)
		return err
	})
	switch {
	case err != nil:
		return tokenAnswer{}, err
	case replayed:
		p.replayed(a, "code")
		return tokenAnswer{}, wire.InvalidGrant()
	}
	return p.tell(a, made, user)
}

// redeemable says whether a code may be redeemed by a request of its client now.
func redeemable(code gatehouse.Code, form wire.Params, now time.Time) error {
	redirect := form["redirect_uri"]
	switch {
	case !now.Before(code.ExpiresAt):
		return wire.InvalidGrant()
	case redirect == "" && !code.HasNoRedirect:
		return wire.Missing("redirect_uri")
	case redirect != "" && redirect != code.RedirectURI:
		return wire.InvalidGrant()
	case code.Challenge != "" && form["code_verifier"] == "":
		return wire.Missing("code_verifier")
	case !proves(code.Challenge, form["code_verifier"]):
		return wire.InvalidGrant()
	}
	return nil
}

// proves says whether a PKCE verifier is the one of a challenge. A verifier
// without a challenge is refused: somebody took the challenge out of the request
// (RFC 9700 section 4.8.2).
func proves(challenge, verifier string) bool {
	if challenge == "" {
		return verifier == ""
	}
	if !isVerifier(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// isVerifier says whether s has the form of a code_verifier (RFC 7636 section
// 4.1).
func isVerifier(s string) bool {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	return len(s) >= 43 && len(s) <= 128 && strings.Trim(s, unreserved) == ""
}

// activeUser reads the user of a grant as the client knows them, who must still
// be allowed in.
func activeUser(tx *store.Tx, c gatehouse.Client, id string) (gatehouse.User, error) {
	u, err := knownTo(tx, c, id)
	var none *nameless
	if errors.Is(err, gatehouse.NotFound) || errors.As(err, &none) || err == nil && u.State != gatehouse.UserActive {
		return gatehouse.User{}, wire.InvalidGrant()
	}
	return u, err
}
