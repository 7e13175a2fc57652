// Package mail writes to people: the verification of an address, an approval
// that waits, a sign-in from a new device. What is to be written is a job in the
// transaction of what it is about, so that nothing is written of what did not
// happen and nothing is lost when the mail server is away.
package mail

import (
	"errors"

	"gatehouse"
	"gatehouse/internal/store"
)

// Message is a mail to one person: paragraphs and at most one address to open.
// Its sentences are keys of the catalogue and are written in the person's
// language. It holds nothing that is not for the person's eyes.
type Message struct {
	To      string // one address
	Locale  string // "en", "zh-CN"; "" = en
	Subject gatehouse.Note
	Body    []gatehouse.Note // a paragraph each
	Link    string           // absolute URL, "" = none
	Button  gatehouse.Note   // what the link says
}

// Send adds the mail to what is to be sent, in the caller's transaction. An
// address that cannot be one is Invalid.
func Send(tx *store.Tx, m Message) error {
	return errors.New("mail: not yet")
}
