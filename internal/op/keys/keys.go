// Package keys holds the provider's signing keys, one of each algorithm in use:
// it makes the first ones, signs with those whose time has come, puts new ones
// in their place, and publishes the public half of all that somebody may still
// have to check. The private halves lie sealed in the store, so that all nodes
// sign with the same keys.
package keys

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/store"
)

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

// What a signed text says that it is (typ), so that none is taken for another.
const (
	TypeJWT    = "JWT"        // an ID token
	TypeAccess = "at+jwt"     // an access token (RFC 9068 section 2.1)
	TypeLogout = "logout+jwt" // a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4)
	// TypeUserinfo is an answer of user-info. It has no type of its own in OpenID
	// Connect; here it has, since it looks much like an ID token.
	TypeUserinfo = "userinfo+jwt"
)

// Algorithms are those by which the provider can sign, the usual one first.
func Algorithms() []string {
	return []string{string(jose.RS256), string(jose.ES256), string(jose.EdDSA)}
}

// signing names what one key signs.
type signing struct{ id, typ string }

// loaded is what was read of the store once, parsed.
type loaded struct {
	at     time.Time
	keys   []gatehouse.SigningKey // the newest first
	public jose.JSONWebKeySet
	jwks   []byte
	signer map[signing]jose.Signer
}

// Ensure makes the first key of each algorithm that has none. Nodes that start
// at the same time agree on them.
func (r *Ring) Ensure(ctx context.Context) error {
	found, err := r.read(ctx)
	if err != nil {
		return err
	}
	if len(missing(found)) == 0 {
		return r.use(found)
	}
	made := map[string]gatehouse.SigningKey{}
	for _, a := range missing(found) {
		if made[a], err = generate(a, r.Clock.Now()); err != nil {
			return err
		}
	}
	err = r.Store.Update(ctx, func(tx *store.Tx) error {
		if found, err = tx.SigningKeys(); err != nil {
			return err
		}
		for _, a := range missing(found) { // unless somebody else was quicker
			k := made[a]
			if err := tx.SaveSigningKey(&k); err != nil {
				return err
			}
			found = append(found, k)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("make the first signing keys: %w", err)
	}
	return r.use(found)
}

// missing are the algorithms of which there is no key.
func missing(found []gatehouse.SigningKey) []string {
	return slices.DeleteFunc(Algorithms(), func(a string) bool {
		return slices.ContainsFunc(found, func(k gatehouse.SigningKey) bool { return k.Algorithm == a })
	})
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
	// RS256 first, for programs that look at the first key alone; of each
	// algorithm the newest.
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b gatehouse.SigningKey) int {
		return cmp.Or(slices.Index(Algorithms(), a.Algorithm)-slices.Index(Algorithms(), b.Algorithm), b.ActiveAt.Compare(a.ActiveAt))
	})
	l := &loaded{keys: found, signer: map[signing]jose.Signer{}}
	for _, k := range found {
		private, err := x509.ParsePKCS8PrivateKey(k.Private)
		if err != nil {
			return nil, fmt.Errorf("parse signing key %s: %w", k.ID, err)
		}
		pair, ok := private.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("parse signing key %s: it cannot sign", k.ID)
		}
		for _, typ := range []string{TypeJWT, TypeAccess, TypeLogout, TypeUserinfo} {
			s, err := jose.NewSigner(
				jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.Algorithm), Key: jose.JSONWebKey{Key: pair, KeyID: k.ID}},
				(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
			if err != nil {
				return nil, fmt.Errorf("use signing key %s: %w", k.ID, err)
			}
			l.signer[signing{k.ID, typ}] = s
		}
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

// Sign makes a compact JWS of the payload, of a type, with the key of the
// algorithm ("": RS256) that is in use.
func (r *Ring) Sign(ctx context.Context, algorithm, typ string, payload []byte) (string, error) {
	l, err := r.current(ctx)
	if err != nil {
		return "", err
	}
	algorithm = cmp.Or(algorithm, string(jose.RS256))
	now := r.Clock.Now()
	for _, k := range l.keys {
		if k.Algorithm != algorithm || k.ActiveAt.After(now) || retired(k, now) {
			continue
		}
		signed, err := l.signer[signing{k.ID, typ}].Sign(payload)
		if err != nil {
			return "", fmt.Errorf("sign with %s: %w", k.ID, err)
		}
		return signed.CompactSerialize()
	}
	return "", fmt.Errorf("no %s key is in use", algorithm)
}

func retired(k gatehouse.SigningKey, now time.Time) bool {
	return !k.RetireAt.IsZero() && !now.Before(k.RetireAt)
}

// Verify gives the payload of a compact JWS of a type that one of our keys
// signed.
func (r *Ring) Verify(ctx context.Context, compact, typ string) ([]byte, error) {
	var algorithms []jose.SignatureAlgorithm
	for _, a := range Algorithms() {
		algorithms = append(algorithms, jose.SignatureAlgorithm(a))
	}
	signed, err := jose.ParseSignedCompact(compact, algorithms)
	if err != nil {
		return nil, fmt.Errorf("parse a signed token: %w", err)
	}
	if len(signed.Signatures) != 1 || signed.Signatures[0].Header.ExtraHeaders[jose.HeaderType] != typ {
		return nil, errors.New("a signed token must have one signature, and the type that is expected")
	}
	known, err := r.known(ctx, signed.Signatures[0].Header)
	if err != nil {
		return nil, err
	}
	payload, err := signed.Verify(known)
	if err != nil {
		return nil, fmt.Errorf("check a signed token: %w", err)
	}
	return payload, nil
}

// known is the public key that a header names, for the algorithm that it names.
func (r *Ring) known(ctx context.Context, h jose.Header) (jose.JSONWebKey, error) {
	l, err := r.current(ctx)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	now := r.Clock.Now()
	for i, k := range l.keys {
		if k.ID == h.KeyID && k.Algorithm == h.Algorithm && !retired(k, now) {
			return l.public.Keys[i], nil
		}
	}
	return jose.JSONWebKey{}, errors.New("the key of a signed token is not ours")
}

// JWKS is the set of public keys (RFC 7517) as it is published.
func (r *Ring) JWKS(ctx context.Context) ([]byte, error) {
	l, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	return l.jwks, nil
}
