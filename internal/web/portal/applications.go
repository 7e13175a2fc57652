package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountApplications adds which applications may act for the person.
func (p *Portal) mountApplications(mux *http.ServeMux) {
	mux.Handle("GET /user/applications", p.own(p.applications))
	mux.Handle("POST /user/applications/{client}/withdraw", p.own(p.withdraw))
}

// application is a client that may act for the person.
type application struct {
	Client  gatehouse.Client
	Consent store.Consent
}

// applicationsPage is what the page shows.
type applicationsPage struct {
	Applications []application
	Done         string // what was just done, for a sentence
}

func (p *Portal) applications(w http.ResponseWriter, r *http.Request, v visitor) error {
	page := applicationsPage{Done: r.URL.Query().Get("done")}
	if err := p.Store.View(r.Context(), func(tx *store.Tx) error { return page.read(tx, v.user.ID) }); err != nil {
		return fmt.Errorf("read the applications of %s: %w", v.user.ID, err)
	}
	return p.UI.Render(w, r, http.StatusOK, ui.Page{
		Title: i18n.Text(r.Context(), "Applications"), Nav: ui.NavPortal, Section: "applications", User: &v.user,
	}, applicationsBody(page))
}

func (a *applicationsPage) read(tx *store.Tx, userID string) error {
	consents, err := tx.Consents(userID)
	if err != nil {
		return fmt.Errorf("read consents: %w", err)
	}
	a.Applications = nil
	for _, c := range consents {
		client, err := tx.Client(c.ClientID)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return fmt.Errorf("read client %s: %w", c.ClientID, err)
		}
		if client.ID == "" { // it is gone, but the consent can still be withdrawn
			client = gatehouse.Client{ID: c.ClientID, Name: c.ClientID}
		}
		a.Applications = append(a.Applications, application{client, c})
	}
	return nil
}

// withdraw takes back what the visitor allowed an application: its tokens end
// at once, and it has to ask again.
func (p *Portal) withdraw(w http.ResponseWriter, r *http.Request, v visitor) error {
	client := r.PathValue("client")
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		if _, err := tx.Consent(v.user.ID, client); err != nil {
			return err
		}
		if err := tx.DeleteConsent(v.user.ID, client); err != nil {
			return fmt.Errorf("delete the consent: %w", err)
		}
		if err := tx.RevokeUserTokens(v.user.ID, client); err != nil {
			return fmt.Errorf("revoke tokens: %w", err)
		}
		return tx.Record(gatehouse.Event{
			Actor: v.actor(r), Action: "consent.withdrawn", Target: "user/" + v.user.ID, Details: map[string]string{"client": client},
		})
	})
	if err != nil {
		return fmt.Errorf("withdraw the consent for %s: %w", url.PathEscape(client), err)
	}
	ui.SeeOther(w, "/user/applications?done=withdrawn")
	return nil
}
