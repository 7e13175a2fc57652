package store_test

import (
	"errors"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// TestAskIsOneQuestion: an Ask has no transaction around it, so that nothing may
// depend on one.
func TestAskIsOneQuestion(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ann := newUser(t, s, "ann")
		read := func(tx *store.Tx) error {
			got, err := tx.User(ann.ID)
			if err == nil && got.Username != "ann" {
				t.Errorf("found %q", got.Username)
			}
			return err
		}
		if err := s.Ask(t.Context(), read); err != nil {
			t.Errorf("one question: %v", err)
		}
		for name, fn := range map[string]func(*store.Tx) error{
			"two questions": func(tx *store.Tx) error { return errors.Join(read(tx), read(tx)) },
			"a change":      func(tx *store.Tx) error { return tx.SetSetting("k", "v") },
			"a change that tells something": func(tx *store.Tx) error {
				_, err := tx.TakeCode(hash("c"))
				return err
			},
			"a bulk load": func(tx *store.Tx) error {
				return tx.SaveTokens(&gatehouse.Token{Hash: hash("t"), Kind: gatehouse.AccessToken})
			},
		} {
			if err := s.Ask(t.Context(), fn); err == nil || errors.Is(err, gatehouse.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestSentStatements: what is only sent has happened for the next statement and
// for the commit, is undone with the rest, and its error fails the Update.
func TestSentStatements(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		token := func(name string) *gatehouse.Token {
			return &gatehouse.Token{Hash: hash(name), Kind: gatehouse.AccessToken, Family: name}
		}
		has := func(name string, want bool) {
			t.Helper()
			err := s.Ask(t.Context(), func(tx *store.Tx) error { _, err := tx.Token(hash(name)); return err })
			if want != (err == nil) || err != nil && !errors.Is(err, gatehouse.NotFound) {
				t.Errorf("token %s: %v", name, err)
			}
		}
		update(t, s, func(tx *store.Tx) error { return tx.SaveTokens(token("alone")) })
		has("alone", true)
		update(t, s, func(tx *store.Tx) error {
			if err := tx.SaveTokens(token("a"), token("b")); err != nil {
				return err
			}
			_, err := tx.Token(hash("b"))
			return err
		})
		has("a", true)
		undone := errors.New("undone")
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return errors.Join(tx.SaveTokens(token("c")), undone) }); !errors.Is(err, undone) {
			t.Errorf("got %v", err)
		}
		has("c", false)
		for name, then := range map[string]func(*store.Tx) error{
			"commit":    func(*store.Tx) error { return nil },
			"statement": func(tx *store.Tx) error { _, err := tx.Token(hash("a")); return err },
		} {
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				if err := tx.SaveTokens(token("d"), token("a")); err != nil { // "a" is there already
					return err
				}
				return then(tx)
			})
			if !errors.Is(err, gatehouse.Conflict) {
				t.Errorf("%s: got %v, want a conflict", name, err)
			}
			has("d", false)
		}
		many := make([]*gatehouse.Token, 200)
		for i := range many {
			many[i] = token(store.NewID())
		}
		update(t, s, func(tx *store.Tx) error {
			for _, m := range many {
				if err := tx.SaveTokens(m); err != nil {
					return err
				}
			}
			return nil
		})
		has(many[0].Family, true)
		has(many[199].Family, true)
	})
}
