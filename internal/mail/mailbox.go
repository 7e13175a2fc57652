package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// Kept is a mail of the mailbox of development: it was not sent to anybody.
type Kept struct {
	Letter
	ID   string
	To   string
	At   time.Time
	Link string // "" = none
}

// Letters lists the kept mails, the newest first.
func (m *Mailer) Letters(ctx context.Context, c store.Cursor) (store.Page[Kept], error) {
	var rows store.Page[store.MailRow]
	err := m.Store.View(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.KeptMails(c)
		return err
	})
	if err != nil {
		return store.Page[Kept]{}, fmt.Errorf("read the mailbox: %w", err)
	}
	page := store.Page[Kept]{Next: rows.Next}
	for _, row := range rows.Items {
		k, err := m.open(row)
		if err != nil {
			return store.Page[Kept]{}, err
		}
		page.Items = append(page.Items, k)
	}
	return page, nil
}

// Kept is one kept mail; NotFound when there is none.
func (m *Mailer) Kept(ctx context.Context, id string) (Kept, error) {
	var row store.MailRow
	err := m.Store.View(ctx, func(tx *store.Tx) (err error) {
		row, err = tx.Mail(id)
		return err
	})
	if err != nil {
		return Kept{}, fmt.Errorf("read mail %s: %w", id, err)
	}
	if row.State != kept {
		return Kept{}, gatehouse.NotFound
	}
	return m.open(row)
}

func (m *Mailer) open(row store.MailRow) (Kept, error) {
	var message Message
	if err := json.Unmarshal(row.Message, &message); err != nil {
		return Kept{}, fmt.Errorf("read mail %s: %w", row.ID, err)
	}
	letter, err := message.Read(m.URL)
	return Kept{Letter: letter, ID: row.ID, To: row.Address, At: row.EndedAt, Link: message.Link}, err
}
