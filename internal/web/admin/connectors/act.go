package connectors

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

func (a *Connectors) pause(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return a.change(w, r, "paused", func(tx *store.Tx, c gatehouse.Connector) error {
		return a.Access.Pause(tx, desk.Actor(r, by), c.ID)
	})
}

func (a *Connectors) resume(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return a.change(w, r, "resumed", func(tx *store.Tx, c gatehouse.Connector) error {
		return a.Access.Resume(tx, desk.Actor(r, by), c.ID)
	})
}

// probe asks the app again who we are there.
func (a *Connectors) probe(w http.ResponseWriter, r *http.Request, _ gatehouse.User) error {
	var c gatehouse.Connector
	err := a.Read(r, "the connector", func(tx *store.Tx) (err error) {
		c, err = Of(tx, r)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := a.Apps.ProbeConnector(r.Context(), c.ID); err != nil {
		return err
	}
	ui.SeeOther(w, Href(c)+"?done=probed")
	return nil
}

// choosePage is the list of what a setting can be.
type choosePage struct {
	gatehouse.Connector
	Field   integration.Field
	Search  string
	Choices []integration.Choice
	Problem string
}

// pickField is the setting that an address names, of a connector that may be
// changed here.
func (a *Connectors) pickField(r *http.Request) (choosePage, error) {
	d, c, err := a.existing(r)
	if err != nil {
		return choosePage{}, err
	}
	for _, f := range d.Kind.ConnectorForm.Fields {
		if f.Arg == r.PathValue("field") && f.Type == integration.PickField {
			return choosePage{Connector: c, Field: f, Search: strings.TrimSpace(r.URL.Query().Get("q"))}, nil
		}
	}
	return choosePage{}, gatehouse.NotFound
}

func (a *Connectors) choose(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p, err := a.pickField(r)
	if err != nil {
		return err
	}
	p.Choices, err = a.Apps.ConnectorChoices(r.Context(), p.ID, p.Field.Arg, p.Search)
	var e *gatehouse.Error
	switch {
	case errors.As(err, &e):
		p.Problem = i18n.Text(r.Context(), e.Message, e.Args...)
	case err != nil:
		return err
	}
	return a.Render(w, r, desk.Page("connectors", i18n.T(i18n.From(r.Context()), p.Field.Label), by), chooseBody(p))
}

// chosen sets what was chosen; "" takes it away.
func (a *Connectors) chosen(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	p, err := a.pickField(r)
	if err != nil {
		return err
	}
	c := p.Connector
	c.UpdatedAt, c.Token, c.Secrets, c.Seen = ui.SeenAt(form), "", nil, gatehouse.Sighting{}
	settings := map[string]string{p.Field.Arg: form.Get("value")}
	for name, value := range c.Settings {
		if name != p.Field.Arg {
			settings[name] = value
		}
	}
	c.Settings = settings
	if c, err = a.Access.Put(r.Context(), desk.Actor(r, by), c); err != nil {
		return err
	}
	ui.SeeOther(w, Href(c)+"?done=saved")
	return nil
}

// removalPage asks before an app is disconnected.
type removalPage struct {
	gatehouse.Connector
	Counts  store.Counts
	Forget  bool
	Problem string
}

func (a *Connectors) removalOf(r *http.Request) (p removalPage, err error) {
	err = a.Read(r, "the connector", func(tx *store.Tx) error {
		if p.Connector, err = Of(tx, r); err != nil {
			return err
		}
		p.Counts, err = tx.CountCurrent(p.ID)
		return err
	})
	return p, err
}

func (a *Connectors) removal(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p, err := a.removalOf(r)
	if err != nil {
		return err
	}
	return a.Render(w, r, desk.Page("connectors", i18n.Text(r.Context(), "Disconnect %s", p.Name), by), removalBody(p))
}

// remove disconnects an app, or deletes the connector, when its name was typed.
func (a *Connectors) remove(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	p, err := a.removalOf(r)
	if err != nil {
		return err
	}
	p.Forget = form.Get("history") == "forget"
	if strings.TrimSpace(form.Get("name")) != strings.TrimSpace(p.Name) {
		p.Problem = i18n.Text(r.Context(), "Type %s, exactly as it stands here, so that nothing is disconnected by mistake.", p.Name)
		return a.UI.Render(w, r, http.StatusUnprocessableEntity, desk.Page("connectors", i18n.Text(r.Context(), "Disconnect %s", p.Name), by), removalBody(p))
	}
	err = a.Store.Update(r.Context(), func(tx *store.Tx) error {
		return a.Access.Remove(tx, desk.Actor(r, by), p.ID, ui.SeenAt(form), p.Forget)
	})
	if err != nil {
		return fmt.Errorf("remove the connector: %w", err)
	}
	if p.Forget {
		ui.SeeOther(w, "/admin/connectors?done=deleted")
		return nil
	}
	ui.SeeOther(w, Href(p.Connector)+"?done=disconnected")
	return nil
}
