package store_test

import (
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestMerges(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
		m := gatehouse.Merge{KeptID: ann.ID, GoneID: bob.ID, By: "boss", Moved: gatehouse.Moved{
			State: gatehouse.UserActive, Role: gatehouse.RoleAuditor, Email: "bob@example.com", Identities: []string{"i"},
			Emails:   []gatehouse.Email{{UserID: bob.ID, Address: "b@x.org", Verified: true, CreatedAt: noon}},
			Accounts: []gatehouse.AccountReference{{ConnectorID: "k", ID: "7", Why: "email"}},
			Consents: []gatehouse.Consent{{UserID: bob.ID, ClientID: "app", Scopes: []string{"openid"}, At: noon}},
		}}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveMerge(&m), "")
			bob.State, bob.MergedInto = gatehouse.UserMerged, ann.ID
			is(t, tx.SaveUser(&bob), "")
			is(t, tx.SaveMerge(&gatehouse.Merge{ID: "none"}), gatehouse.NotFound)
			return nil
		})
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.Merge(m.ID)
			same(t, got, m)
			is(t, err, "")
			for _, id := range []string{ann.ID, bob.ID} {
				all, err := tx.Merges(id)
				same(t, all, []gatehouse.Merge{m})
				is(t, err, "")
			}
			found, err := tx.UserByNumber(bob.Number)
			same(t, found, ann)
			is(t, err, "")
			listed, err := tx.Users(store.UserFilter{}, store.Cursor{})
			same(t, listed.Items, []gatehouse.User{ann})
			is(t, err, "")
			listed, err = tx.Users(store.UserFilter{State: gatehouse.UserMerged}, store.Cursor{})
			same(t, listed.Items, []gatehouse.User{bob})
			return err
		})
		update(t, s, func(tx *store.Tx) error {
			m.SplitAt, m.SplitBy = noon.Add(time.Hour), "boss"
			is(t, tx.SaveMerge(&m), "")
			got, err := tx.Merge(m.ID)
			same(t, got, m)
			return err
		})
	})
}

// TestClientNumbers: a client goes on to know a person by the number it saw first.
func TestClientNumbers(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
		number := func(tx *store.Tx, client string, u gatehouse.User) int64 {
			t.Helper()
			found, err := tx.UserFor(client, u.ID)
			is(t, err, "")
			return found.Number
		}
		update(t, s, func(tx *store.Tx) error {
			m := gatehouse.Merge{KeptID: ann.ID, GoneID: bob.ID}
			is(t, tx.SaveMerge(&m), "")
			is(t, tx.Introduce("both", ann), "")
			is(t, tx.Introduce("both", bob), "")
			is(t, tx.Introduce("one", bob), "")
			is(t, tx.GiveNumbers(m), "")
			is(t, tx.Introduce("one", ann), "")
			is(t, tx.Introduce("new", ann), "")
			same(t, []int64{number(tx, "both", ann), number(tx, "one", ann), number(tx, "new", ann), number(tx, "never", ann)},
				[]int64{ann.Number, bob.Number, ann.Number, ann.Number})
			is(t, tx.TakeNumbers(m.ID), "")
			same(t, []int64{number(tx, "both", ann), number(tx, "one", ann), number(tx, "one", bob)}, []int64{ann.Number, ann.Number, bob.Number})
			known, err := tx.ClientNumbers(ann.ID)
			same(t, known, []store.ClientNumber{{ClientID: "both", Number: ann.Number}, {ClientID: "new", Number: ann.Number}})
			return err
		})
	})
}
