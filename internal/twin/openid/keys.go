package openid

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/twin/openid/jws"
)

// RotateKeys signs with new keys from now on. The old ones stay in the key set
// if keepOld, so that tokens under way are still good; else they are gone, as
// after a key was stolen.
func (t *Twin) RotateKeys(keepOld bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.ensureKey(string(jose.RS256)); err != nil {
		return err
	}
	if err := t.state.Keys.Rotate(keepOld); err != nil {
		return err
	}
	t.changed = true
	return t.save()
}

// KeyIDs are the kid of every published key, the oldest first.
func (t *Twin) KeyIDs() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []string
	for _, k := range t.state.Keys {
		ids = append(ids, k.KeyID)
	}
	return ids
}

func (t *Twin) ensureKey(algorithm string) error {
	made, err := t.state.Keys.Ensure(algorithm)
	t.changed = t.changed || made
	return err
}

// jwks answers with the key set (RFC 7517, 5).
func (t *Twin) jwks(*call) answer {
	if err := t.ensureKey(string(jose.RS256)); err != nil {
		return failed(err)
	}
	a := asJSON(http.StatusOK, t.state.Keys.Public())
	a.header.Set("Cache-Control", "public, max-age=300")
	return a
}

// sign makes a JWT of the claims, as wrong as the flaws of the moment want it.
func (t *Twin) sign(algorithm, typ string, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err == nil {
		err = t.ensureKey(algorithm)
	}
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	if t.flawed(DuplicateClaims) {
		other, _ := json.Marshal(t.state.World.Other(fmt.Sprint(claims["sub"])).Sub)
		payload = slices.Concat(payload[:len(payload)-1], []byte(`,"sub":`), other, []byte("}"))
	}
	var wrongs []jws.Wrong
	for _, f := range t.faults.Flaws {
		if slices.Contains(signatureFlaws(), f) {
			wrongs = append(wrongs, jws.Wrong(f))
		}
	}
	return t.state.Keys.Sign(algorithm, typ, payload, wrongs...)
}
