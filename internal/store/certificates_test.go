package store_test

import (
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestCertificatesAreAChainOfTheirConnector(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, _ func(time.Duration)) {
		one, two := newConnector(t, s, "one"), newConnector(t, s, "two")
		first := gatehouse.Certificate{ConnectorID: one.ID, Number: 1, PullID: "p1", Digest: "d1", Body: `{"a":1}`}
		second := gatehouse.Certificate{ConnectorID: one.ID, Number: 2, PullID: "p2", Digest: "d2", Body: `{"a":2}`}
		other := gatehouse.Certificate{ConnectorID: two.ID, Number: 1, PullID: "p3", Digest: "d3", Body: `{}`}
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.LastCertificate(one.ID)
			is(t, err, gatehouse.NotFound)
			for _, c := range []*gatehouse.Certificate{&first, &second, &other} {
				is(t, tx.AddCertificate(c), "")
			}
			return nil
		})
		for _, twice := range []gatehouse.Certificate{
			{ConnectorID: one.ID, Number: 2, PullID: "p9"}, {ConnectorID: one.ID, Number: 3, PullID: "p2"},
		} {
			err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.AddCertificate(&twice) })
			is(t, err, gatehouse.Conflict)
		}
		view(t, s, func(tx *store.Tx) error {
			last, err := tx.LastCertificate(one.ID)
			is(t, err, "")
			same(t, last, second)
			of, err := tx.CertificateOf("p3")
			is(t, err, "")
			same(t, of, other)
			_, err = tx.CertificateOf("p9")
			is(t, err, gatehouse.NotFound)
			page, err := tx.Certificates(one.ID, store.Cursor{Limit: 1})
			is(t, err, "")
			same(t, page.Items, []gatehouse.Certificate{first})
			page, err = tx.Certificates(one.ID, store.Cursor{Limit: 1, After: page.Next})
			is(t, err, "")
			same(t, page, store.Page[gatehouse.Certificate]{Items: []gatehouse.Certificate{second}})
			_, err = tx.Certificates(one.ID, store.Cursor{After: "WyJ4Il0"}) // ["x"]
			is(t, err, gatehouse.Invalid)
			return nil
		})
	})
}

func TestTheFirstKeyForCertificatesCounts(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, _ func(time.Duration)) {
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.CertificateSeed()
			is(t, err, gatehouse.NotFound)
			kept, err := tx.KeepCertificateSeed([]byte("first"))
			is(t, err, "")
			same(t, string(kept), "first")
			kept, err = tx.KeepCertificateSeed([]byte("second"))
			same(t, string(kept), "first")
			return err
		})
	})
}
