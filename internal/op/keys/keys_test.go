package keys

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func kept(t *testing.T, s *store.Store) (found []gatehouse.SigningKey) {
	t.Helper()
	err := s.View(t.Context(), func(tx *store.Tx) (err error) {
		found, err = tx.SigningKeys()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEnsure(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		t.Run("NodesThatStartTogetherAgree", func(t *testing.T) {
			var wg sync.WaitGroup
			rings := make([]*Ring, 4)
			for i := range rings {
				rings[i] = &Ring{Store: s}
				wg.Go(func() {
					if err := rings[i].Ensure(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			keys := kept(t, s)
			if len(keys) != 3 {
				t.Fatalf("%d keys were made", len(keys))
			}
			for _, r := range rings {
				signed, err := r.Sign(t.Context(), "", TypeJWT, []byte(`{}`))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := rings[0].Verify(t.Context(), signed, TypeJWT); err != nil {
					t.Errorf("one node does not know the key of another: %v", err)
				}
			}
		})
		t.Run("ASecondStartMakesNoOther", func(t *testing.T) {
			before := kept(t, s)
			if err := (&Ring{Store: s}).Ensure(t.Context()); err != nil {
				t.Fatal(err)
			}
			if after := kept(t, s); len(after) != 3 || after[0].ID != before[0].ID {
				t.Errorf("the keys are %v", after)
			}
		})
	})
}

func TestT20SignsByRS256(t *testing.T) {
	t.Parallel()
	r := &Ring{Store: storetest.Open(t)}
	if err := r.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	compact, err := r.Sign(t.Context(), "", TypeJWT, []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	head := signed.Signatures[0].Header
	if head.KeyID != ofAlgorithm(kept(t, r.Store), "RS256")[0].ID || head.ExtraHeaders["typ"] != "JWT" {
		t.Errorf("the header is %+v", head)
	}
	payload, err := r.Verify(t.Context(), compact, TypeJWT)
	if err != nil || string(payload) != `{"a":1}` {
		t.Errorf("%s %v", payload, err)
	}
}

func TestT19JWKS(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clock := func() time.Time { return now }
	s := storetest.OpenWith(t, storetest.Options{Clock: func() time.Time { return now }})
	r := &Ring{Store: s, Clock: clock}
	if err := r.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := ofAlgorithm(kept(t, s), "RS256")[0]
	announced, err := generate("RS256", now)
	if err != nil {
		t.Fatal(err)
	}
	announced.CreatedAt, announced.ActiveAt = now.Add(time.Second), now.Add(time.Hour)
	if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveSigningKey(&announced) }); err != nil {
		t.Fatal(err)
	}

	now = now.Add(2 * fresh)
	published := set(t, r)
	if len(published.Keys) != 4 {
		t.Fatalf("%d keys are published", len(published.Keys))
	}
	for i, k := range published.Keys {
		if !k.IsPublic() || k.Use != "sig" || k.Algorithm != []string{"RS256", "RS256", "ES256", "EdDSA"}[i] || k.KeyID == "" {
			t.Errorf("a key is %+v", k)
		}
	}
	if by := signer(t, r); by != first.ID {
		t.Error("a key signs before its time")
	}
	now = now.Add(time.Hour)
	if by := signer(t, r); by != announced.ID {
		t.Error("a key does not sign in its time")
	}
	first.RetireAt = now.Add(time.Minute)
	if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveSigningKey(&first) }); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	if left := set(t, r); len(left.Keys) != 3 || left.Keys[0].KeyID != announced.ID {
		t.Errorf("a key that retired is published: %v", left.Keys)
	}
}

func set(t *testing.T, r *Ring) (found jose.JSONWebKeySet) {
	t.Helper()
	b, err := r.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &found); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), `"d":`) {
		t.Fatal("a private key is published")
	}
	return found
}

func signer(t *testing.T, r *Ring) string {
	t.Helper()
	compact, err := r.Sign(t.Context(), "", TypeJWT, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	return signed.Signatures[0].Header.KeyID
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	r := &Ring{Store: storetest.Open(t)}
	if err := r.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := ofAlgorithm(kept(t, r.Store), "RS256")[0].ID
	foreign, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(alg jose.SignatureAlgorithm, key any, kid string) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, (&jose.SignerOptions{}).WithType(TypeJWT))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := s.Sign([]byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		compact, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return compact
	}
	jwks, err := r.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, compact := range map[string]string{
		"Nothing":           "",
		"Text":              "not a token",
		"AlgNone":           "eyJhbGciOiJub25lIn0.e30.",
		"ForeignKey":        sign(jose.RS256, foreign, id),
		"ForeignKeyID":      sign(jose.RS256, foreign, "another"),
		"HMACWithPublicKey": sign(jose.HS256, jwks, id),
		"OtherAlgorithm":    sign(jose.PS256, foreign, id),
	} {
		if _, err := r.Verify(t.Context(), compact, TypeJWT); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestKeysOutliveAStoreThatIsGone(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := storetest.Open(t)
	r := &Ring{Store: s, Clock: func() time.Time { return now }}
	if _, err := r.Sign(t.Context(), "", TypeJWT, []byte(`{}`)); err == nil {
		t.Error("something signed without a key")
	}
	if err := r.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the store cannot be asked
	if _, err := r.Sign(ctx, "", TypeJWT, []byte(`{}`)); err != nil {
		t.Errorf("known keys are not used: %v", err)
	}
}
