package store_test

import (
	"fmt"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestMails(t *testing.T) {
	t.Parallel()
	atNoon(t, func(t *testing.T, s *store.Store) {
		var ids []string
		for i := range 5 {
			update(t, s, func(tx *store.Tx) error {
				m := store.MailRow{Address: "a@example.com", Message: []byte(fmt.Sprint(i)), ExpiresAt: noon.Add(time.Hour)}
				is(t, tx.AddMail(&m), "")
				ids = append(ids, m.ID)
				got, err := tx.Mail(m.ID)
				same(t, got, store.MailRow{ID: m.ID, Address: "a@example.com", Message: []byte(fmt.Sprint(i)), State: "waiting", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)})
				return err
			})
		}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.EndMail(ids[0], "sent", noon.Add(2*time.Hour)), "")
			is(t, tx.EndMail(ids[0], "sent", noon), gatehouse.NotFound) // once
			is(t, tx.EndMail(ids[1], "dropped", noon.Add(time.Hour)), "")
			for _, id := range ids[2:] {
				is(t, tx.EndMail(id, "kept", noon.Add(time.Hour)), "")
			}
			got, err := tx.Mail(ids[0])
			if got.Message != nil || got.State != "sent" || !got.EndedAt.Equal(noon) {
				t.Errorf("of a sent mail is left %+v", got)
			}
			is(t, err, "")
			for since, want := range map[time.Time]int64{noon.Add(-time.Hour): 4, noon: 0} {
				n, err := tx.MailsSince("a@example.com", since)
				is(t, err, "")
				if n != want {
					t.Errorf("%d mails after %v", n, since)
				}
			}
			return tx.TrimMails(2)
		})
		view(t, s, func(tx *store.Tx) error {
			kept := pages(t, tx.KeptMails, func(m store.MailRow) string { return string(m.Message) })
			same(t, kept, []string{"4", "3"})
			return nil
		})
	})
}
