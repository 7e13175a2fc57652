package session

import (
	"context"
	"fmt"
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// deviceCookie is a random value that stays in a browser, so that a sign-in with
// it can be told from one with a browser that was never seen. It says nothing of
// anybody, and signs nobody in.
const deviceCookie = "gatehouse_device"

const (
	deviceAge    = 400 * 24 * 60 * 60 // in seconds: the most that browsers allow
	mostBrowsers = 20                 // of a person, the most lately used ones
)

// notice looks, at the first request of a session, whether its user signed in
// with this browser before. When not, and they have signed in with another one,
// they get a mail: it may have been somebody else. A browser that forgets its
// cookies is a new one each time. That it cannot be noted keeps nobody out.
func (m *Manager) notice(w http.ResponseWriter, r *http.Request, s gatehouse.Session, u gatehouse.User) {
	secret, has := m.read(r, deviceCookie)
	if !has {
		secret = gatehouse.NewSecret()
	}
	first := false
	err := m.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if first, err = tx.NoticeSession(s.ID); err != nil || !first {
			return err
		}
		before, others, err := tx.KnowBrowser(u.ID, gatehouse.Digest(secret), mostBrowsers)
		if err != nil || before || others == 0 {
			return err
		}
		return m.tellOfNewBrowser(r.Context(), tx, s, u)
	})
	if err != nil {
		if r.Context().Err() == nil {
			m.log().WarnContext(r.Context(), "It could not be noted with which browser a session began.", "session", s.ID, "error", err)
		}
		return
	}
	if first {
		m.write(w, deviceCookie, secret, deviceAge)
	}
}

func (m *Manager) tellOfNewBrowser(ctx context.Context, tx *store.Tx, s gatehouse.Session, u gatehouse.User) error {
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID, Name: u.Username, Address: s.Address}
	if err := record(tx, by, "session.new_browser", "session/"+s.ID, nil); err != nil {
		return err
	}
	tx.OnCommit(func() { m.count("session_new_browser") })
	if !u.EmailVerified || mail.CleanAddress(u.Email) == "" {
		return nil
	}
	if err := mail.Send(tx, m.newBrowserMail(ctx, s, u)); err != nil {
		return fmt.Errorf("write to user %s: %w", u.ID, err)
	}
	return nil
}

func (m *Manager) newBrowserMail(ctx context.Context, s gatehouse.Session, u gatehouse.User) mail.Message {
	locale := u.Locale
	if locale == "" {
		locale = string(i18n.From(ctx))
	}
	device, _ := ui.Device(i18n.With(ctx, i18n.Match("", locale)), s.UserAgent)
	letter := mail.Message{
		To: u.Email, Locale: locale, Subject: gatehouse.Notef("A new browser signed in to your account"),
		Body: []gatehouse.Note{
			gatehouse.Notef("Somebody signed in as @%s with a browser that you did not use before: %s, from %s, on %s.", u.Username, device, s.Address, ui.Exact(s.CreatedAt)),
			gatehouse.Notef("If that was you, all is well. If not, end that session at once and tell an administrator."),
		},
	}
	if m.URL != "" {
		letter.Link, letter.Button = m.URL+"/user/security", gatehouse.Notef("Look at your sessions")
	}
	return letter
}
