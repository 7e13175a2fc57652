package assertion

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
)

// Bounds of key sets.
const (
	maxKeys    = 64
	maxSet     = 256 << 10 // bytes
	minRSABits = 2048      // RFC 7518 section 3.3
	maxRSABits = 8192      // more only costs us time, with each signature that a stranger makes up
	mostSets   = 1000      // remembered
)

// How long key sets are used.
const (
	fresh = 10 * time.Minute // before they are asked for again
	stale = time.Hour        // while they cannot be
	pause = 30 * time.Second // between two questions of one address
)

// Sets are the key sets that clients publish, kept for a while. Its zero value
// but for Clock is ready to use; it must not be copied.
type Sets struct {
	Clock gatehouse.Clock

	mu  sync.Mutex
	all map[string]*set
}

// set is what is at one address. Its lock is held while it is asked, so that it
// is asked once at a time.
type set struct {
	mu    sync.Mutex
	keys  []jose.JSONWebKey
	got   time.Time // zero: never
	asked time.Time
	err   error
}

// keys are the signer's public keys; anew says that those in memory did not do.
func (s *Sets) keys(ctx context.Context, by Signer, anew bool) ([]jose.JSONWebKey, error) {
	switch {
	case by.JWKS != nil:
		return ParseSet(by.JWKS)
	case by.JWKSURI == "" || by.HTTP == nil:
		return nil, errors.New("the signer has no keys")
	}
	k := s.set(by.Owner + " " + by.JWKSURI) // who may not ask an address must not make it fail for who may
	k.mu.Lock()
	defer k.mu.Unlock()
	now := s.Clock.Now()
	age := now.Sub(k.got)
	switch {
	case !k.got.IsZero() && age < fresh && !anew:
		return k.keys, nil
	case now.Sub(k.asked) < pause && !k.got.IsZero() && age < stale:
		return k.keys, nil
	case now.Sub(k.asked) < pause:
		return nil, k.err
	}
	k.asked = now
	keys, err := fetchSet(context.WithoutCancel(ctx), by.HTTP, by.JWKSURI) // others wait for it, too
	if err == nil {
		k.keys, k.got, k.err = keys, now, nil
		return keys, nil
	}
	k.err = err
	if !k.got.IsZero() && age < stale {
		return k.keys, nil
	}
	return nil, err
}

// set is the set that goes by a name. When there are too many, one makes room.
func (s *Sets) set(name string) *set {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.all[name]; k != nil {
		return k
	}
	if s.all == nil {
		s.all = map[string]*set{}
	}
	if len(s.all) >= mostSets {
		for any := range s.all {
			delete(s.all, any)
			break
		}
	}
	k := &set{err: errors.New("the keys were not read")}
	s.all[name] = k
	return k
}

func fetchSet(ctx context.Context, web *http.Client, uri string) ([]jose.JSONWebKey, error) {
	body, err := Fetch(ctx, web, uri, maxSet)
	if err != nil {
		return nil, fmt.Errorf("read jwks_uri: %w", err)
	}
	return ParseSet(body)
}

// Fetch reads what is at an address that a client registered, at most max bytes.
func Fetch(ctx context.Context, web *http.Client, uri string, max int64) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := web.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, max+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the answer has status %d", resp.StatusCode)
	case int64(len(body)) > max:
		return nil, errors.New("the answer is too long")
	}
	return body, nil
}

// ParseSet reads the public keys of a set (RFC 7517 section 5). One that we
// cannot use (another kind, for encryption, too short) is passed over. A set
// with a private or a symmetric key is refused: it is no secret any more.
func ParseSet(raw []byte) ([]jose.JSONWebKey, error) {
	var all struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &all); err != nil || all.Keys == nil {
		return nil, errors.New("it is no key set")
	}
	var keys []jose.JSONWebKey
	for _, raw := range all.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) != nil {
			continue
		}
		if !k.IsPublic() {
			return nil, errors.New("the key set has a key that is not public")
		}
		if usable(k) && len(keys) < maxKeys {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key for signatures that can be used")
	}
	return keys, nil
}

func usable(k jose.JSONWebKey) bool {
	if r, ok := k.Key.(*rsa.PublicKey); ok && (r.N.BitLen() < minRSABits || r.N.BitLen() > maxRSABits) {
		return false
	}
	return k.Valid() && (k.Use == "" || k.Use == "sig")
}

// Knows says why a public key is none of the signer's; nil when it is one. A
// client with a certificate of its own making is known by it (RFC 8705 section
// 2.2).
func (s *Sets) Knows(ctx context.Context, by Signer, public crypto.PublicKey) error {
	p, ok := public.(interface{ Equal(x crypto.PublicKey) bool })
	if !ok {
		return errors.New("the key is of a kind that is not compared")
	}
	for _, anew := range []bool{false, true} {
		keys, err := s.keys(ctx, by, anew)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if p.Equal(k.Key) {
				return nil
			}
		}
		if by.JWKS != nil {
			break
		}
	}
	return errSignature
}
