// Package mail writes to people: the verification of an address, an approval
// that waits, a sign-in from a new device. What is to be written is a job in the
// transaction of what it is about, so that nothing is written of what did not
// happen and nothing is lost when the mail server is away.
package mail

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"gatehouse"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// Message is a mail to one person: paragraphs and at most one address to open.
// Its sentences are keys of the catalogue and are written in the person's
// language. It holds nothing that is not for the person's eyes.
type Message struct {
	To      string           `json:"to"`     // one address
	Locale  string           `json:"locale"` // "en", "zh-CN"; "" = en
	Subject gatehouse.Note   `json:"subject"`
	Body    []gatehouse.Note `json:"body"`             // a paragraph each
	Link    string           `json:"link,omitempty"`   // absolute URL, "" = none
	Button  gatehouse.Note   `json:"button,omitempty"` // what the link says
	// Unproven says that whoever brought the mail about may be a stranger to the
	// address. An address gets fewer of those, so that nobody can use up the room
	// of the mails that warn it.
	Unproven bool `json:"unproven,omitempty"`
}

// Bounds of what is mailed.
const (
	maxParagraphs = 20
	maxLink       = 2000
	// waitingTime is how long a mail that cannot be sent is kept at most.
	waitingTime = 48 * time.Hour
	// attempts reach over about seven hours of a mail server that is away.
	attempts = 16
)

// sendArgs are of the job that sends one mail. What the mail says is sealed in
// a row of its own, since it may hold a link that is a secret.
type sendArgs struct {
	Mail string `json:"mail"` // id
}

// Kind names the job.
func (sendArgs) Kind() string { return "mail.send" }

// Send adds the mail to what is to be sent, in the caller's transaction. An
// address that cannot be one, or a mail that says nothing, is Invalid. Where no
// mail server is set up the mail is dropped later, or kept for the mailbox of
// development; who needs to know asks Mailer.Ready first.
func Send(tx *store.Tx, m Message) error {
	m.To = CleanAddress(m.To)
	if m.To == "" {
		return gatehouse.Errorf(gatehouse.Invalid, "That is no e-mail address to which mail can be sent. Check it for mistakes.")
	}
	if err := m.check(); err != nil {
		return err
	}
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write the mail down: %w", err)
	}
	row := store.MailRow{Address: m.To, Message: text, ExpiresAt: tx.Now().Add(waitingTime)}
	if err := tx.AddMail(&row); err != nil {
		return fmt.Errorf("keep the mail: %w", err)
	}
	if _, err := jobs.Add(tx, sendArgs{Mail: row.ID}, jobs.Options{MaxAttempts: attempts}); err != nil {
		return fmt.Errorf("add the mail to what is to be sent: %w", err)
	}
	return nil
}

// check finds mistakes of the program, before they reach a person.
func (m Message) check() error {
	wrong := gatehouse.Errorf(gatehouse.Invalid, "The mail could not be written. Tell an administrator.")
	switch {
	case m.Subject.Text == "" || len(m.Body) == 0 || len(m.Body) > maxParagraphs:
		return wrong
	case m.Link == "":
		return nil
	}
	u, err := url.Parse(m.Link)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(m.Link) > maxLink || m.Button.Text == "" {
		return wrong.Because(err)
	}
	return nil
}
