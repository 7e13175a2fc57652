// Package mailbox shows, in development, the mails that would have been sent: a
// link to verify an address can be opened without a mail server. An installation
// for real has no such pages.
package mailbox

import (
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// Path is where the mailbox is.
const Path = "/dev/mailbox"

// Mailbox shows the kept mails. All fields are needed.
type Mailbox struct {
	UI   *ui.UI
	Mail *mail.Mailer
	// Host is the one that browsers must ask for: whoever makes another name
	// lead to this machine reads nothing.
	Host string
}

// Mount adds the addresses of this package.
func (m *Mailbox) Mount(mux *http.ServeMux) {
	mux.Handle("GET "+Path, m.here(m.list))
	mux.Handle("GET "+Path+"/{id}", m.here(m.one))
	mux.Handle("GET "+Path+"/{id}/html", m.here(m.html))
}

func (m *Mailbox) here(h ui.Handler) http.Handler {
	return m.UI.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if r.Host != m.Host {
			return gatehouse.NotFound
		}
		return h(w, r)
	})
}

func (m *Mailbox) list(w http.ResponseWriter, r *http.Request) error {
	after := r.URL.Query().Get("after")
	page, err := m.Mail.Letters(r.Context(), store.Cursor{After: after})
	if err != nil {
		return err
	}
	return m.UI.Render(w, r, http.StatusOK, ui.Page{
		Title: i18n.Text(r.Context(), "Mailbox"), Nav: ui.NavNone, Wide: true, Refresh: 10,
	}, listBody(page, after != ""))
}

func (m *Mailbox) one(w http.ResponseWriter, r *http.Request) error {
	k, err := m.Mail.Kept(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return m.UI.Render(w, r, http.StatusOK, ui.Page{Title: k.Subject, Nav: ui.NavNone, Wide: true}, oneBody(k))
}

// html is the mail as a mail program shows it: with its own styles, and nothing
// that runs.
func (m *Mailbox) html(w http.ResponseWriter, r *http.Request) error {
	k, err := m.Mail.Kept(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-top-navigation-by-user-activation")
	_, err = w.Write([]byte(k.HTML))
	return err
}
