package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/store"
)

// bits of a new RSA key.
const bits = 2048

// generate makes a key that is in use from now on.
func generate(algorithm string, now time.Time) (gatehouse.SigningKey, error) {
	private, err := generatePair(algorithm)
	if err != nil {
		return gatehouse.SigningKey{}, fmt.Errorf("make a key for %s: %w", algorithm, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return gatehouse.SigningKey{}, fmt.Errorf("encode a key for %s: %w", algorithm, err)
	}
	print, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return gatehouse.SigningKey{}, fmt.Errorf("name a key for %s: %w", algorithm, err)
	}
	now = now.Truncate(time.Millisecond)
	return gatehouse.SigningKey{
		ID:        base64.RawURLEncoding.EncodeToString(print),
		Algorithm: algorithm, Private: der, CreatedAt: now, ActiveAt: now,
	}, nil
}

func generatePair(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case string(jose.RS256):
		return rsa.GenerateKey(rand.Reader, bits)
	case string(jose.ES256):
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case string(jose.EdDSA):
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("there is no signing algorithm %q; take one of RS256, ES256 and EdDSA", algorithm)
}

// Rotation says how a key is followed by a new one.
type Rotation struct {
	Algorithm string
	Announce  time.Duration // the new key is published for so long before it signs
	Keep      time.Duration // the old one for so long after it last signed
	AtOnce    bool          // the old one is not trusted any more: it goes now, and the new one signs now
	By        gatehouse.Actor
}

// Rotate makes a new key. It reports false, and changes nothing, when one is
// announced already, unless it must be at once.
func (r *Ring) Rotate(ctx context.Context, o Rotation) (made gatehouse.SigningKey, rotated bool, err error) {
	fresh, err := generate(o.Algorithm, r.Clock.Now())
	if err != nil {
		return made, false, err
	}
	err = r.Store.Update(ctx, func(tx *store.Tx) error {
		found, err := tx.SigningKeys()
		if err != nil {
			return err
		}
		var changed []gatehouse.SigningKey
		changed, rotated = plan(ofAlgorithm(found, o.Algorithm), fresh, o, tx.Now())
		if !rotated {
			return nil
		}
		for i := range changed {
			if err := tx.SaveSigningKey(&changed[i]); err != nil {
				return err
			}
		}
		made = changed[len(changed)-1]
		return tx.Record(gatehouse.Event{
			Actor: o.By, Action: "signing_key.rotated", Target: "installation/signing_keys",
			Details: map[string]string{"algorithm": o.Algorithm, "key": made.ID, "active_at": made.ActiveAt.Format(time.RFC3339)},
		})
	})
	if err != nil {
		return made, false, fmt.Errorf("rotate the signing key of %s: %w", o.Algorithm, err)
	}
	r.forget()
	return made, rotated, nil
}

// Due are the algorithms whose newest key is so old that a new one is to be
// announced.
func (r *Ring) Due(ctx context.Context, every time.Duration) ([]string, error) {
	found, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	now := r.Clock.Now()
	return slices.DeleteFunc(Algorithms(), func(a string) bool {
		return slices.ContainsFunc(found, func(k gatehouse.SigningKey) bool { return k.Algorithm == a && now.Sub(k.ActiveAt) < every })
	}), nil
}

func ofAlgorithm(all []gatehouse.SigningKey, algorithm string) []gatehouse.SigningKey {
	return slices.DeleteFunc(slices.Clone(all), func(k gatehouse.SigningKey) bool { return k.Algorithm != algorithm })
}

// plan says what becomes of the keys of one algorithm when a new one is made: it
// comes last. False when there is nothing to do.
func plan(old []gatehouse.SigningKey, fresh gatehouse.SigningKey, o Rotation, now time.Time) ([]gatehouse.SigningKey, bool) {
	fresh.CreatedAt, fresh.ActiveAt = now, now
	if !o.AtOnce {
		fresh.ActiveAt = now.Add(o.Announce)
	}
	var changed []gatehouse.SigningKey
	for _, k := range old {
		switch {
		case o.AtOnce:
			k.RetireAt = now
		case k.ActiveAt.After(now):
			return nil, false
		case k.RetireAt.IsZero():
			k.RetireAt = fresh.ActiveAt.Add(o.Keep)
		default:
			continue
		}
		changed = append(changed, k)
	}
	return append(changed, fresh), true
}

// forget has the keys read again.
func (r *Ring) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loaded != nil {
		old := *r.loaded
		old.at = time.Time{}
		r.loaded = &old
	}
}
