package apps

import (
	"errors"
	"fmt"
	"net/url"

	"gatehouse"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
)

// TellOwners writes to owners of a connector, each in their language, with a
// button to its page. An address that cannot be one is passed over.
func (a *Apps) TellOwners(tx *store.Tx, c gatehouse.Connector, owners []string, subject gatehouse.Note, body ...gatehouse.Note) error {
	for _, address := range owners {
		locale, err := localeOf(tx, address)
		if err != nil {
			return err
		}
		m := mail.Message{
			To: address, Locale: locale, Subject: subject, Link: a.URL + "/admin/connectors/" + url.PathEscape(c.Key),
			Button: gatehouse.Notef("Open the connector"),
		}
		for _, n := range body {
			if n.Text != "" {
				m.Body = append(m.Body, n)
			}
		}
		if err := mail.Send(tx, m); err != nil && !errors.Is(err, gatehouse.Invalid) {
			return fmt.Errorf("write to an owner of %s: %w", c.Key, err)
		}
	}
	return nil
}

// localeOf is the language of whoever has an address, "" when nobody here has.
func localeOf(tx *store.Tx, address string) (string, error) {
	found, err := tx.UsersByEmail(address)
	if err != nil {
		return "", fmt.Errorf("look for the owner: %w", err)
	}
	for _, u := range found {
		if u.Locale != "" {
			return u.Locale, nil
		}
	}
	return "", nil
}
