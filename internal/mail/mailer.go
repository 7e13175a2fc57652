package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// Mailer sends what Send adds. It is used by pointer and is safe for concurrent
// use.
type Mailer struct {
	Store   *store.Store
	SMTP    config.SMTP // without a Host nothing is sent
	URL     string      // of this installation, which each mail names
	Mailbox bool        // without a mail server, mails are kept to be read (development)
	Clock   gatehouse.Clock
	Log     *slog.Logger      // nil: discard
	Metrics gatehouse.Metrics // nil: none

	server func() server // for tests; nil: as SMTP says
	once   sync.Once
	slots  chan struct{}
}

const (
	// Hourly is how many mails an address gets in an hour at most, whatever
	// somebody does with our forms. What is above is dropped.
	Hourly = 30
	// HourlyUnproven is how many there may be when one comes that a stranger may
	// have brought about.
	HourlyUnproven = 10
	// atOnce is how many mails are handed over at the same time: a mail server
	// that hangs must not keep all workers from other jobs.
	atOnce = 2
	// mailboxSize and mailboxTime bound what is kept to be read in development.
	mailboxSize = 200
	mailboxTime = 7 * 24 * time.Hour
	// countedTime is how long it is known that an address got a mail.
	countedTime = 24 * time.Hour
)

// What becomes of a mail.
const (
	sent    = "sent"
	kept    = "kept"
	dropped = "dropped"
)

// Ready says whether mail reaches anybody. What needs mail says so otherwise.
func (m *Mailer) Ready() bool { return m.SMTP.Host != "" || m.Mailbox }

// Register gives the runner the work of sending.
func (m *Mailer) Register(r *jobs.Runner) {
	jobs.Handle(r, m.send, jobs.HandleOptions{Timeout: 2 * time.Minute})
}

// send sends one mail. It may be called again for a mail that was sent just
// before the process died; the person then gets it twice, with one Message-ID.
func (m *Mailer) send(ctx context.Context, j *jobs.Job[sendArgs]) error {
	row, full, err := m.look(ctx, j.Args.Mail)
	if errors.Is(err, gatehouse.NotFound) || err == nil && row.State != "waiting" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read mail %s: %w", j.Args.Mail, err)
	}
	switch {
	case full:
		m.log().Warn("A mail was dropped: its address gets too many.", "mail", row.ID, "in_an_hour", most(row))
		return m.end(ctx, row, dropped, "limited", nil)
	case m.SMTP.Host == "" && m.Mailbox:
		return m.end(ctx, row, kept, kept, nil)
	case m.SMTP.Host == "":
		return m.end(ctx, row, dropped, "no_server", nil)
	}
	select {
	case m.free() <- struct{}{}:
		defer func() { <-m.slots }()
	default:
		return jobs.Snooze(time.Second)
	}
	return m.hand(ctx, j, row)
}

func (m *Mailer) free() chan struct{} {
	m.once.Do(func() { m.slots = make(chan struct{}, atOnce) })
	return m.slots
}

// look reads a mail, and whether its address had too many of late.
func (m *Mailer) look(ctx context.Context, id string) (row store.MailRow, full bool, err error) {
	err = m.Store.View(ctx, func(tx *store.Tx) error {
		if row, err = tx.Mail(id); err != nil {
			return err
		}
		n, err := tx.MailsSince(row.Address, tx.Now().Add(-time.Hour))
		full = n >= most(row)
		return err
	})
	return row, full, err
}

// most is how many mails an address may have had when this one goes.
func most(row store.MailRow) int64 {
	var m Message
	if json.Unmarshal(row.Message, &m) == nil && m.Unproven {
		return HourlyUnproven
	}
	return Hourly
}

// hand hands a mail to the server and writes down what came of it.
func (m *Mailer) hand(ctx context.Context, j *jobs.Job[sendArgs], row store.MailRow) error {
	var message Message
	err := json.Unmarshal(row.Message, &message)
	if err == nil {
		err = m.deliver(ctx, row.ID, row.CreatedAt, message)
	}
	var no *failure
	switch {
	case err == nil:
		return m.end(ctx, row, sent, sent, nil)
	case errors.As(err, &no) && !no.Final && j.Attempt < j.MaxAttempts:
		m.count("retried")
		return err
	}
	return errors.Join(fmt.Errorf("%w: %w", jobs.Discard, err), m.end(ctx, row, dropped, "failed", err))
}

func (m *Mailer) deliver(ctx context.Context, id string, at time.Time, message Message) error {
	letter, err := message.Read(m.URL)
	if err != nil {
		return err
	}
	return m.host().deliver(ctx, envelope{Letter: letter, ID: id, To: message.To, Date: at})
}

func (m *Mailer) host() server {
	if m.server != nil {
		return m.server()
	}
	return server{SMTP: m.SMTP}
}

// end notes what became of a mail; a failure is in the audit log too.
func (m *Mailer) end(ctx context.Context, row store.MailRow, state, outcome string, failed error) error {
	err := m.Store.Update(ctx, func(tx *store.Tx) error {
		keep := countedTime
		if state == kept {
			keep = mailboxTime
		}
		err := tx.EndMail(row.ID, state, tx.Now().Add(keep))
		if errors.Is(err, gatehouse.NotFound) {
			return nil // another runner was faster
		}
		if err != nil {
			return err
		}
		tx.OnCommit(func() { m.count(outcome) })
		if state == kept {
			return tx.TrimMails(mailboxSize)
		}
		if failed == nil {
			return nil
		}
		return tx.Record(gatehouse.Event{
			Actor: gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "mail"}, Action: "mail.failed", Target: "mail/" + row.ID,
			Details: map[string]string{"to": row.Address, "reason": failed.Error()},
		})
	})
	if err != nil {
		return fmt.Errorf("note what became of mail %s: %w", row.ID, err)
	}
	return nil
}

// Test hands a short mail to the server now and says what came of it, for an
// operator who sets mail up. No server is Invalid.
func (m *Mailer) Test(ctx context.Context, to, locale string) error {
	if m.SMTP.Host == "" {
		return gatehouse.Errorf(gatehouse.Invalid, "No mail server is set up. Name one in the section smtp of the configuration file.")
	}
	message := Message{
		To: CleanAddress(to), Locale: locale, Subject: gatehouse.Notef("Mail from Gatehouse arrives"),
		Body: []gatehouse.Note{gatehouse.Notef("This is a test. Gatehouse can send mail to this address.")},
	}
	if message.To == "" {
		return gatehouse.Errorf(gatehouse.Invalid, "That is no e-mail address to which mail can be sent. Check it for mistakes.")
	}
	return m.deliver(ctx, store.NewID(), m.Clock.Now(), message)
}

func (m *Mailer) count(outcome string) {
	if m.Metrics != nil {
		m.Metrics.Count("mail", "outcome", outcome)
	}
}

func (m *Mailer) log() *slog.Logger {
	if m.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return m.Log
}
