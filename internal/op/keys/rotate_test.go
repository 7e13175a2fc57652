package keys

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// T19: a new key is announced before it signs, the old one stays until the last
// token that it signed has ended, and nodes never differ.
func TestT19Rotate(t *testing.T) {
	t.Parallel()
	for _, algorithm := range Algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			clock := func() time.Time { return now }
			s := storetest.OpenWith(t, storetest.Options{Clock: clock})
			one, other := &Ring{Store: s, Clock: clock}, &Ring{Store: s, Clock: clock}
			if err := one.Ensure(t.Context()); err != nil {
				t.Fatal(err)
			}
			sign := func(r *Ring) (compact, id string) {
				t.Helper()
				compact, err := r.Sign(t.Context(), algorithm, TypeAccess, []byte(`{}`))
				if err != nil {
					t.Fatal(err)
				}
				signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
				if err != nil {
					t.Fatal(err)
				}
				return compact, signed.Signatures[0].Header.KeyID
			}
			published := func(r *Ring, id string) bool {
				t.Helper()
				return slices.ContainsFunc(set(t, r).Keys, func(k jose.JSONWebKey) bool { return k.KeyID == id })
			}
			_, first := sign(one)
			sign(other)
			o := Rotation{Algorithm: algorithm, Announce: 24 * time.Hour, Keep: 2 * time.Hour, By: gatehouse.Actor{Kind: gatehouse.ActorJob}}
			made, rotated, err := one.Rotate(t.Context(), o)
			if err != nil || !rotated {
				t.Fatal(rotated, err)
			}
			if _, again, err := other.Rotate(t.Context(), o); err != nil || again {
				t.Errorf("a second one while one is announced: %v %v", again, err)
			}
			if !published(one, made.ID) || !published(one, first) {
				t.Error("not announced at once where it was made")
			}
			now = now.Add(fresh)
			if !published(other, made.ID) {
				t.Error("another node does not announce it")
			}
			old, by := sign(other)
			if by != first {
				t.Error("it signs before its time")
			}
			now = now.Add(24 * time.Hour)
			for _, r := range []*Ring{one, other} {
				if _, by := sign(r); by != made.ID {
					t.Error("it does not sign in its time")
				}
				if _, err := r.Verify(t.Context(), old, TypeAccess); err != nil {
					t.Errorf("a token from before: %v", err)
				}
			}
			now = now.Add(2 * time.Hour)
			for _, r := range []*Ring{one, other} {
				if published(r, first) {
					t.Error("the old key stays for ever")
				}
				if _, err := r.Verify(t.Context(), old, TypeAccess); err == nil {
					t.Error("the old key is still taken")
				}
			}
			// At once, when a key is not trusted any more.
			o.AtOnce = true
			at, _, err := one.Rotate(t.Context(), o)
			if err != nil || published(one, made.ID) {
				t.Errorf("the key that is not trusted stays: %v", err)
			}
			if _, by := sign(one); by != at.ID {
				t.Error("the new key does not sign at once")
			}
		})
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, s := range []*store.Store{storetest.OpenWith(t, storetest.Options{Clock: func() time.Time { return now }}), storetest.OpenPostgres(t, storetest.Options{Clock: func() time.Time { return now }})} {
		now = time.Now()
		r := &Ring{Store: s, Clock: func() time.Time { return now }}
		due := func(want ...string) {
			t.Helper()
			got, err := r.Due(t.Context(), 90*24*time.Hour)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("due: %v %v", got, err)
			}
		}
		if err := r.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
		due()
		now = now.Add(90 * 24 * time.Hour)
		due(Algorithms()...)
		// Nodes that all find it due make one key.
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, _, err := (&Ring{Store: s, Clock: r.Clock}).Rotate(t.Context(), Rotation{Algorithm: "ES256", Announce: time.Hour, By: gatehouse.Actor{Kind: gatehouse.ActorJob, ID: "keys"}}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if keys := ofAlgorithm(kept(t, s), "ES256"); len(keys) != 2 {
			t.Errorf("%d keys", len(keys))
		}
		due("RS256", "EdDSA")
	}
	if _, _, err := (&Ring{}).Rotate(t.Context(), Rotation{Algorithm: "HS256"}); err == nil {
		t.Error("a secret as a signing key")
	}
}

func TestT10TypesAreNotMixed(t *testing.T) {
	t.Parallel()
	r := &Ring{Store: storetest.Open(t)}
	if err := r.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	id, err := r.Sign(t.Context(), "", TypeJWT, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Verify(t.Context(), id, TypeAccess); err == nil {
		t.Error("an ID token passes as an access token")
	}
}
