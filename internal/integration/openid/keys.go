package openid

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/integration/authcode"
)

// Bounds of a key set. The largest providers publish about ten keys.
const (
	maxKeys    = 64
	minRSABits = 2048 // RFC 7518 3.3
)

// errUnknownKey says that no published key made a signature.
var errUnknownKey = errors.New("no key that the provider publishes made the signature")

// fetchKeys reads the provider's keys. One that we cannot use (another kind,
// for encryption, too short, private) is passed over: RFC 7517 5.
func (d *door) fetchKeys(ctx context.Context) ([]jose.JSONWebKey, error) {
	m, err := d.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	body, err := d.client.Get(ctx, m.Keys, "")
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if _, err := authcode.Object(body); err != nil || json.Unmarshal(body, &set) != nil || set.Keys == nil {
		return nil, d.client.Garbled(errors.New("jwks_uri: the answer is not a key set"))
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) == nil && usable(k) && len(keys) < maxKeys {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, d.client.Garbled(errors.New("jwks_uri: the key set has no key for signatures that we can use"))
	}
	return keys, nil
}

func usable(k jose.JSONWebKey) bool {
	if r, ok := k.Key.(*rsa.PublicKey); ok && r.N.BitLen() < minRSABits {
		return false
	}
	return k.Valid() && k.IsPublic() && (k.Use == "" || k.Use == "sig")
}

// keySet verifies one ID token by the keys of a door. It remembers why it could
// not, since go-oidc passes on only the text.
type keySet struct {
	door *door
	good bool // the signature
	err  error
}

// VerifySignature is oidc.KeySet's. The algorithm was checked before it is
// called, and is checked again. A key that is not known yet has the keys
// fetched anew, at most once a minute.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.verify(ctx, token)
	k.good, k.err = err == nil, err
	return payload, err
}

func (k *keySet) verify(ctx context.Context, token string) ([]byte, error) {
	var allowed []jose.SignatureAlgorithm
	for _, a := range k.door.algorithms {
		allowed = append(allowed, jose.SignatureAlgorithm(a))
	}
	signed, err := jose.ParseSignedCompact(token, allowed)
	if err != nil || len(signed.Signatures) != 1 {
		return nil, errors.New("not one signature")
	}
	keys, err := k.door.keys.get(ctx)
	if err != nil {
		return nil, err
	}
	if payload, ok := verifiedBy(signed, keys); ok {
		return payload, nil
	}
	if keys, err = k.door.keys.look(ctx); err != nil {
		return nil, err
	}
	if payload, ok := verifiedBy(signed, keys); ok {
		return payload, nil
	}
	h := signed.Signatures[0].Header
	return nil, fmt.Errorf("%w (kid %q, alg %q)", errUnknownKey, clip(h.KeyID), clip(h.Algorithm))
}

// verifiedBy tries the keys that the token's header may mean: that of its kid,
// and where one side has no kid, all.
func verifiedBy(signed *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, bool) {
	h := signed.Signatures[0].Header
	for i := range keys {
		if h.KeyID != "" && keys[i].KeyID != "" && keys[i].KeyID != h.KeyID || keys[i].Algorithm != "" && keys[i].Algorithm != h.Algorithm {
			continue
		}
		if payload, err := signed.Verify(&keys[i]); err == nil {
			return payload, true
		}
	}
	return nil, false
}
