package store_test

import (
	"fmt"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// bench runs fn on both databases; PostgreSQL is skipped without a server.
func bench(b *testing.B, fn func(b *testing.B, s *store.Store)) {
	b.Run("sqlite", func(b *testing.B) { fn(b, storetest.OpenWith(b, storetest.Options{})) })
	b.Run("postgres", func(b *testing.B) { fn(b, storetest.OpenPostgres(b, storetest.Options{})) })
}

func BenchmarkLiveToken(b *testing.B) {
	bench(b, func(b *testing.B, s *store.Store) {
		if err := s.Update(b.Context(), func(tx *store.Tx) error {
			u := gatehouse.User{Username: "ann"}
			if err := tx.SaveUser(&u); err != nil {
				return err
			}
			return tx.SaveTokens(&gatehouse.Token{Hash: hash("t"), Kind: gatehouse.AccessToken, Grant: grantable(u.ID, "app")})
		}); err != nil {
			b.Fatal(err)
		}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := s.View(b.Context(), func(tx *store.Tx) error {
					_, _, err := tx.LiveToken(hash("t"))
					return err
				}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkUpdate writes tokens by many callers at once: how well commits are shared.
func BenchmarkUpdate(b *testing.B) {
	bench(b, func(b *testing.B, s *store.Store) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := s.Update(b.Context(), func(tx *store.Tx) error {
					return tx.SaveTokens(&gatehouse.Token{Hash: hash(store.NewID()), Kind: gatehouse.AccessToken})
				}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkPull stages and finishes 50,000 accounts with 150,000 grants: the
// first time, and again without news.
func BenchmarkPull(b *testing.B) {
	var app store.Staged
	for i := range 50_000 {
		id := fmt.Sprint(i)
		app.Accounts = append(app.Accounts, gatehouse.Account{ID: id, Username: "user" + id, Name: "Some Body", Email: id + "@example.com", State: "active"})
		for j := range 3 {
			resource := gatehouse.ResourceID(fmt.Sprintf("project/%d", (i+j*7)%5000))
			app.Grants = append(app.Grants, gatehouse.Grant{AccountID: id, ResourceID: resource, Role: gatehouse.Role{Level: 30}})
		}
	}
	bench(b, func(b *testing.B, s *store.Store) {
		for range b.N {
			c := gatehouse.Connector{Key: store.NewID()}
			if err := s.Update(b.Context(), func(tx *store.Tx) error {
				c.ID = ""
				return tx.SaveConnector(&c)
			}); err != nil {
				b.Fatal(err)
			}
			for _, want := range []int64{200_000, 0} {
				if n := pull(b, s, c.ID, app); n != want {
					b.Fatalf("%d rows were written, want %d", n, want)
				}
			}
		}
	})
}
