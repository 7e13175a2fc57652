package credentials

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"gatehouse"
	"gatehouse/internal/store"
)

// What an authenticator app works with: what every app knows (RFC 6238, with the
// numbers that its section 5.2 recommends).
const (
	step         = 30 * time.Second
	secretLength = 20 // bytes, that of SHA-1 (RFC 4226 section 4)
	digits       = otp.DigitsSix
)

// Recovery codes: each has 80 random bits, so that its SHA-256 gives nothing away.
const (
	recoveryCodes = 10
	recoveryBytes = 10
)

// What Code was proved by.
const (
	ByAuthenticator = "authenticator"
	ByRecoveryCode  = "recovery_code"
)

// Setup is what somebody needs to set up an authenticator app.
type Setup struct {
	Key string // base32, in groups of four
	URI string // otpauth://…, for a QR code
}

// BeginAuthenticator makes the secret of a new authenticator app. It counts for
// nothing until ConfirmAuthenticator; one that counts stays until then.
func (c *Credentials) BeginAuthenticator(tx *store.Tx, u gatehouse.User) (Setup, error) {
	a := gatehouse.Authenticator{UserID: u.ID, Secret: make([]byte, secretLength)}
	_, _ = rand.Read(a.Secret) // never fails: crypto/rand stops the program instead
	if err := tx.SaveAuthenticator(&a); err != nil {
		return Setup{}, fmt.Errorf("begin an authenticator of user %s: %w", u.ID, err)
	}
	return c.setup(u, a), nil
}

// AuthenticatorSetup is what BeginAuthenticator made for a user; NotFound when
// nothing is being set up.
func (c *Credentials) AuthenticatorSetup(tx *store.Tx, u gatehouse.User) (Setup, error) {
	a, err := tx.Authenticator(u.ID, false)
	if err != nil {
		return Setup{}, err
	}
	return c.setup(u, a), nil
}

func (c *Credentials) setup(u gatehouse.User, a gatehouse.Authenticator) Setup {
	key := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(a.Secret)
	uri := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + c.host() + ":" + u.Username,
		RawQuery: "secret=" + key + "&issuer=" + url.QueryEscape(c.host()) + "&algorithm=SHA1&digits=6&period=30",
	}
	return Setup{Key: grouped(key), URI: uri.String()}
}

func grouped(s string) string {
	var groups []string
	for len(s) > 4 {
		groups, s = append(groups, s[:4]), s[4:]
	}
	return strings.Join(append(groups, s), " ")
}

// ConfirmAuthenticator makes the app that is being set up count, once the user
// enters a code that it shows, and gives new recovery codes. A wrong code is
// Invalid.
func (c *Credentials) ConfirmAuthenticator(ctx context.Context, by gatehouse.Actor, userID, code string) (recovery []string, err error) {
	var no *gatehouse.Error
	err = c.Store.Update(ctx, func(tx *store.Tx) error {
		recovery = nil
		all := []guess{ofAccount("code", userID), ofNetwork(by.Address)}
		var err error
		if _, no, err = begin(tx, all...); err != nil || no != nil {
			return err
		}
		a, err := tx.Authenticator(userID, false)
		if errors.Is(err, gatehouse.NotFound) {
			no = gatehouse.Errorf(gatehouse.Expired, "No authenticator app is being set up. Begin again.")
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the authenticator of user %s: %w", userID, err)
		}
		used, ok := stepOf(a.Secret, code, tx.Now())
		if !ok {
			no = wrongCode()
			return nil
		}
		a.Confirmed, a.Step, a.CreatedAt = true, used, tx.Now()
		if err := tx.SaveAuthenticator(&a); err != nil {
			return fmt.Errorf("save the authenticator of user %s: %w", userID, err)
		}
		if recovery, err = newRecoveryCodes(tx, userID); err != nil {
			return err
		}
		return errors.Join(right(tx, all...), record(tx, by, "authenticator.set", userID, nil))
	})
	if err == nil && no != nil {
		return nil, no
	}
	return recovery, err
}

// RemoveAuthenticator takes the app of a user away, and the recovery codes with it.
func (c *Credentials) RemoveAuthenticator(tx *store.Tx, by gatehouse.Actor, userID string) error {
	counted, err := tx.DeleteAuthenticator(userID)
	if err != nil {
		return fmt.Errorf("remove the authenticator of user %s: %w", userID, err)
	}
	if !counted {
		return nil
	}
	return record(tx, by, "authenticator.removed", userID, nil)
}

// NewRecoveryCodes gives a user new recovery codes; those before are of no more
// use. They stand in for an authenticator app, so without one there are none.
func (c *Credentials) NewRecoveryCodes(tx *store.Tx, by gatehouse.Actor, userID string) ([]string, error) {
	if _, err := tx.Authenticator(userID, true); errors.Is(err, gatehouse.NotFound) {
		return nil, gatehouse.Errorf(gatehouse.Conflict, "Recovery codes stand in for an authenticator app. Set one up first.")
	} else if err != nil {
		return nil, fmt.Errorf("read the authenticator of user %s: %w", userID, err)
	}
	codes, err := newRecoveryCodes(tx, userID)
	if err != nil {
		return nil, err
	}
	return codes, record(tx, by, "recovery_codes.made", userID, nil)
}

func newRecoveryCodes(tx *store.Tx, userID string) ([]string, error) {
	codes, plain := make([]string, recoveryCodes), make([]string, recoveryCodes)
	for i := range codes {
		var b [recoveryBytes]byte
		_, _ = rand.Read(b[:]) // never fails
		plain[i] = strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
		codes[i] = strings.ReplaceAll(grouped(plain[i]), " ", "-")
	}
	if err := tx.SaveRecoveryCodes(userID, plain); err != nil {
		return nil, fmt.Errorf("save the recovery codes of user %s: %w", userID, err)
	}
	return codes, nil
}

// Code checks a code of a user's authenticator app, or a recovery code, and says
// which it was (ByAuthenticator, ByRecoveryCode). Each counts once, also for two
// who send it at the same time. A wrong one is Invalid, a pause after five of them
// Limited.
func (c *Credentials) Code(ctx context.Context, userID, code, address string) (by string, err error) {
	var no *gatehouse.Error
	err = c.Store.Update(ctx, func(tx *store.Tx) error {
		all := []guess{ofAccount("code", userID), ofNetwork(address)}
		var slowed []guess
		var err error
		if slowed, no, err = begin(tx, all...); err != nil || no != nil {
			return err
		}
		if by, err = use(tx, userID, code); err != nil {
			return err
		}
		if by == "" {
			no = wrongCode()
			return tellSlowed(tx, slowed, userID, address)
		}
		if by == ByRecoveryCode {
			who := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: userID, Address: address}
			if err := record(tx, who, "recovery_code.used", userID, nil); err != nil {
				return err
			}
		}
		return right(tx, all...)
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("check a code: %w", err)
	case no != nil:
		c.count("code", map[bool]string{true: "paused", false: "wrong"}[no.Kind == gatehouse.Limited])
		return "", no
	}
	c.count(by, "right")
	return by, nil
}

// use uses a code up, and says what it was of; "" when of nothing.
func use(tx *store.Tx, userID, code string) (string, error) {
	a, err := tx.Authenticator(userID, true)
	if errors.Is(err, gatehouse.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the authenticator of user %s: %w", userID, err)
	}
	if used, ok := stepOf(a.Secret, code, tx.Now()); ok {
		first, err := tx.UseStep(userID, used)
		if err != nil || first {
			return ByAuthenticator, err
		}
		return "", nil
	}
	plain := strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))
	if len(plain) != recoveryBytes*8/5 {
		return "", nil
	}
	ok, err := tx.UseRecoveryCode(userID, plain)
	if err != nil || !ok {
		return "", err
	}
	return ByRecoveryCode, nil
}

// stepOf finds the step whose code was entered: the present one, or the one
// before or after it, since clocks differ and people type slowly (RFC 6238
// section 5.2).
func stepOf(secret []byte, code string, now time.Time) (int64, bool) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	if len(code) != digits.Length() {
		return 0, false
	}
	key := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	present, found, at := now.Unix()/int64(step/time.Second), false, int64(0)
	for _, n := range []int64{present - 1, present, present + 1} {
		want, err := hotp.GenerateCodeCustom(key, uint64(max(n, 0)), hotp.ValidateOpts{Digits: digits, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found, at = true, n
		}
	}
	return at, found
}

func wrongCode() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Invalid, "The code is wrong, or was used before. Wait for the next one, and enter that.")
}
