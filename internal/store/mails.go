package store

import (
	"time"
)

// MailRow is a mail as the database keeps it: sealed until it is sent, and then
// only that it was. Package mail gives it meaning.
type MailRow struct {
	ID        string
	Address   string // of who gets it, lower case
	Message   []byte // sealed in the database; nil once the mail is gone
	State     string // "waiting", "sent", "kept" (in the mailbox of development), "dropped"
	CreatedAt time.Time
	EndedAt   time.Time // zero: waiting
	ExpiresAt time.Time // the row is removed then
}

const mailColumns = `id, address, message_sealed, state, created_at, ended_at, expires_at`

func (tx *Tx) scanMail(r row) (m MailRow, err error) {
	var sealed []byte
	if err = r.Scan(&m.ID, &m.Address, &sealed, &m.State, at(&m.CreatedAt), at(&m.EndedAt), at(&m.ExpiresAt)); err != nil {
		return m, err
	}
	m.Message, err = tx.unseal(sealed, cell{"mails", m.ID, "message"})
	return m, err
}

// AddMail keeps a mail that is to be sent. ID, State and CreatedAt are filled in.
func (tx *Tx) AddMail(m *MailRow) error {
	fresh := *m
	fresh.ID, fresh.State, fresh.CreatedAt = NewID(), "waiting", tx.now
	sealed, err := tx.seal(fresh.Message, cell{"mails", fresh.ID, "message"})
	if err != nil {
		return err
	}
	_, err = tx.exec(`insert into mails (`+mailColumns+`) values ($1, $2, $3, $4, $5, $6, $7)`,
		fresh.ID, fresh.Address, sealed, fresh.State, fresh.CreatedAt, fresh.EndedAt, fresh.ExpiresAt)
	if err == nil {
		*m = fresh
	}
	return err
}

// Mail finds a mail by id.
func (tx *Tx) Mail(id string) (MailRow, error) {
	return one(tx, tx.scanMail, `select `+mailColumns+` from mails where id = $1`, id)
}

// EndMail notes what became of a waiting mail; what it said is removed unless it
// is kept. NotFound when it does not wait.
func (tx *Tx) EndMail(id, state string, expires time.Time) error {
	return must(tx.exec(`update mails set state = $2, ended_at = $3, expires_at = $4,
		message_sealed = case when $2 = 'kept' then message_sealed end
		where id = $1 and state = 'waiting'`, id, state, tx.now, expires))
}

// MailsSince counts the mails that were sent or kept for an address after a time.
func (tx *Tx) MailsSince(address string, since time.Time) (int64, error) {
	return one(tx, scanInt, `select count(*) from mails where address = $1 and ended_at > $2 and state in ('sent', 'kept')`,
		address, since)
}

// KeptMails lists the mails of the mailbox, the newest first.
func (tx *Tx) KeptMails(c Cursor) (Page[MailRow], error) {
	q := selecting(mailColumns, "mails")
	return newest(tx, q.Where(q.Equal("state", "kept")), c, tx.scanMail, func(m MailRow) string { return m.ID })
}

// TrimMails removes all kept mails but the newest n.
func (tx *Tx) TrimMails(n int) error {
	_, err := tx.exec(`delete from mails where state = 'kept' and id not in
		(select id from mails where state = 'kept' order by id desc limit $1)`, n)
	return err
}
