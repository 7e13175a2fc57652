// Package keys holds the provider's signing keys: it makes the first one, signs
// ID tokens with the one that is in use, and publishes the public half of all
// that somebody may still have to check. The private halves lie sealed in the
// store, so that all nodes sign with the same keys.
package keys

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/store"
)

// bits of a new RSA key.
const bits = 2048

// fresh is how long parsed keys are used before the store is asked again: a key
// that another node made is seen after that time at the latest.
const fresh = time.Minute

// Ring is the provider's keys. Its zero value but for Store is ready to use; it
// must not be copied.
type Ring struct {
	Store *store.Store
	Clock gatehouse.Clock

	mu     sync.Mutex
	loaded *loaded
}

// loaded is what was read of the store once, parsed.
type loaded struct {
	at     time.Time
	keys   []gatehouse.SigningKey // the newest first
	public jose.JSONWebKeySet
	jwks   []byte
	signer map[string]jose.Signer // by key id
}

// Ensure makes the first RS256 key if there is none. Nodes that start at the
// same time agree on one.
func (r *Ring) Ensure(ctx context.Context) error {
	found, err := r.read(ctx)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return r.use(found)
	}
	made, err := generate(r.Clock.Now())
	if err != nil {
		return err
	}
	err = r.Store.Update(ctx, func(tx *store.Tx) error {
		if found, err = tx.SigningKeys(); err != nil || len(found) > 0 {
			return err // somebody else was quicker
		}
		k := made
		if err := tx.SaveSigningKey(&k); err != nil {
			return err
		}
		found = []gatehouse.SigningKey{k}
		return nil
	})
	if err != nil {
		return fmt.Errorf("make the first signing key: %w", err)
	}
	return r.use(found)
}

func (r *Ring) read(ctx context.Context) (found []gatehouse.SigningKey, err error) {
	err = r.Store.View(ctx, func(tx *store.Tx) error {
		found, err = tx.SigningKeys()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the signing keys: %w", err)
	}
	return found, nil
}

func generate(now time.Time) (gatehouse.SigningKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return gatehouse.SigningKey{}, fmt.Errorf("make an RSA key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return gatehouse.SigningKey{}, fmt.Errorf("encode an RSA key: %w", err)
	}
	print, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return gatehouse.SigningKey{}, fmt.Errorf("name an RSA key: %w", err)
	}
	now = now.Truncate(time.Millisecond)
	return gatehouse.SigningKey{
		ID:        base64.RawURLEncoding.EncodeToString(print),
		Algorithm: string(jose.RS256), Private: der, CreatedAt: now, ActiveAt: now,
	}, nil
}

// use parses the keys and keeps them for a while.
func (r *Ring) use(found []gatehouse.SigningKey) error {
	l, err := parse(found)
	if err != nil {
		return err
	}
	l.at = r.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loaded = l
	return nil
}

func parse(found []gatehouse.SigningKey) (*loaded, error) {
	l := &loaded{keys: found, signer: map[string]jose.Signer{}}
	for _, k := range found {
		private, err := x509.ParsePKCS8PrivateKey(k.Private)
		if err != nil {
			return nil, fmt.Errorf("parse signing key %s: %w", k.ID, err)
		}
		pair, ok := private.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("parse signing key %s: it cannot sign", k.ID)
		}
		alg := jose.SignatureAlgorithm(k.Algorithm)
		s, err := jose.NewSigner(
			jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: pair, KeyID: k.ID}},
			(&jose.SignerOptions{}).WithType("JWT"))
		if err != nil {
			return nil, fmt.Errorf("use signing key %s: %w", k.ID, err)
		}
		l.signer[k.ID] = s
		l.public.Keys = append(l.public.Keys, jose.JSONWebKey{Key: pair.Public(), KeyID: k.ID, Use: "sig", Algorithm: k.Algorithm})
	}
	jwks, err := json.Marshal(l.public)
	if err != nil {
		return nil, fmt.Errorf("encode the public keys: %w", err)
	}
	l.jwks = jwks
	return l, nil
}

// current gives the parsed keys, read again when they are old. While the store
// cannot be read, the old ones do.
func (r *Ring) current(ctx context.Context) (*loaded, error) {
	r.mu.Lock()
	l := r.loaded
	r.mu.Unlock()
	if l != nil && r.Clock.Now().Sub(l.at) < fresh {
		return l, nil
	}
	found, err := r.read(ctx)
	if err == nil && len(found) == 0 {
		err = errors.New("there is no signing key")
	}
	if err == nil {
		err = r.use(found)
	}
	if err != nil {
		if l != nil {
			return l, nil
		}
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.loaded, nil
}

// Sign makes a compact JWS of the payload with the newest RS256 key that is in
// use.
func (r *Ring) Sign(ctx context.Context, payload []byte) (string, error) {
	l, err := r.current(ctx)
	if err != nil {
		return "", err
	}
	now := r.Clock.Now()
	for _, k := range l.keys {
		if k.Algorithm != string(jose.RS256) || k.ActiveAt.After(now) {
			continue
		}
		signed, err := l.signer[k.ID].Sign(payload)
		if err != nil {
			return "", fmt.Errorf("sign with %s: %w", k.ID, err)
		}
		return signed.CompactSerialize()
	}
	return "", errors.New("no RS256 key is in use")
}

// Verify gives the payload of a compact JWS that one of our keys signed.
func (r *Ring) Verify(ctx context.Context, compact string) ([]byte, error) {
	l, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, fmt.Errorf("parse a signed token: %w", err)
	}
	if len(signed.Signatures) != 1 {
		return nil, errors.New("a signed token must have one signature")
	}
	known := l.public.Key(signed.Signatures[0].Header.KeyID)
	if len(known) != 1 {
		return nil, errors.New("the key of a signed token is not ours")
	}
	payload, err := signed.Verify(known[0])
	if err != nil {
		return nil, fmt.Errorf("check a signed token: %w", err)
	}
	return payload, nil
}

// JWKS is the set of public keys (RFC 7517) as it is published.
func (r *Ring) JWKS(ctx context.Context) ([]byte, error) {
	l, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	return l.jwks, nil
}
