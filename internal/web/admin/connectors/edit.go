package connectors

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// draft is a connector as it stands in the form: what is saved, or what was just
// entered, with what is wrong about it.
type draft struct {
	gatehouse.Connector
	Kind     integration.Kind
	Action   string            // where the form is sent
	Has      map[string]bool   // secrets that are kept, by the name of their input
	Problems map[string]string // by the name of the input; "" = what belongs to none
	Confirm  string            // address where the administrator proves anew who they are; "" = not needed
}

// isNew says whether the connector is being added.
func (d draft) isNew() bool { return d.ID == "" }

// newDraft is the form of a connector as it is. It holds no secrets.
func (a *Connectors) newDraft(c gatehouse.Connector, action string) draft {
	d := draft{Connector: c, Kind: a.kindOf(c), Action: action, Has: map[string]bool{}, Problems: map[string]string{}}
	d.Has["token"] = c.Token != ""
	for name := range c.Secrets {
		d.Has["secret."+name] = true
	}
	d.Token, d.HookSecret, d.Secrets = "", "", nil
	return d
}

// inputName is the input of one of the kind's own fields.
func inputName(f integration.Field) string {
	if f.Type == integration.SecretField {
		return "secret." + f.Arg
	}
	return "arg." + f.Arg
}

// read takes over what was entered. Only the inputs of the form count: whatever
// else was sent changes nothing.
func (d *draft) read(form url.Values) {
	line := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	if d.isNew() {
		d.Key = line("key")
	} else {
		d.UpdatedAt = ui.SeenAt(form)
	}
	d.Name, d.Token = line("name"), line("token")
	if d.Kind.ConnectorForm.URL.Label != "" {
		d.URL = line("url")
	}
	d.Schedule, d.TimeZone = line("schedule"), line("time_zone")
	d.Owners = strings.FieldsFunc(form.Get("owners"), func(c rune) bool { return strings.ContainsRune(" ,;\t\r\n", c) })
	d.Settings, d.Secrets = map[string]string{}, map[string]string{}
	for _, f := range d.Kind.ConnectorForm.Fields {
		value := strings.TrimSpace(form.Get(inputName(f)))
		switch f.Type {
		case integration.SecretField:
			d.Secrets[f.Arg] = value
		case integration.FlagField:
			d.Settings[f.Arg] = strconv.FormatBool(value == "true")
		case integration.TextField, integration.URLField, integration.WordsField, integration.LinesField, integration.ChoiceField, integration.PickField:
			d.Settings[f.Arg] = strings.ReplaceAll(value, "\r\n", "\n")
		}
	}
}

// inputOf is the name of the input for a setting.
func inputOf(field string) string {
	switch {
	case field == "settings", field == "secrets", field == "kind":
		return ""
	case strings.HasPrefix(field, "settings."):
		return "arg." + strings.TrimPrefix(field, "settings.")
	case strings.HasPrefix(field, "secrets."):
		return "secret." + strings.TrimPrefix(field, "secrets.")
	}
	return field
}

// existing is the form of a connector that may be changed here.
func (a *Connectors) existing(r *http.Request) (draft, gatehouse.Connector, error) {
	var c gatehouse.Connector
	err := a.Read(r, "the connector", func(tx *store.Tx) (err error) {
		c, err = Of(tx, r)
		return err
	})
	if err != nil {
		return draft{}, c, err
	}
	if c.Managed == gatehouse.ManagedByFile {
		return draft{}, c, gatehouse.Errorf(gatehouse.Conflict, "%s is named in the configuration file, which is its master. Change it there.", c.Name)
	}
	return a.newDraft(c, Href(c)+"/edit"), c, nil
}

func (a *Connectors) edit(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	d, _, err := a.existing(r)
	if err != nil {
		return err
	}
	return a.form(w, r, http.StatusOK, by, d)
}

func (a *Connectors) save(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	d, _, err := a.existing(r)
	if err != nil {
		return err
	}
	return a.keep(w, r, by, d)
}

// sensitive says whether a change needs a fresh proof of who makes it: where
// secrets go, and who looks after the app.
func sensitive(was, d draft) bool {
	return d.isNew() || d.Token != "" || d.URL != was.URL || !slices.Equal(d.Owners, was.Owners) ||
		slices.ContainsFunc(slices.Collect(maps.Values(d.Secrets)), func(s string) bool { return s != "" })
}

// keep saves what was entered over d, or shows it again with what is wrong.
func (a *Connectors) keep(w http.ResponseWriter, r *http.Request, by gatehouse.User, d draft) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	was := d
	d.read(form)
	if sensitive(was, d) && a.stale(r) {
		d.Confirm = "/sign-in/confirm?return_to=" + url.QueryEscape(r.URL.RequestURI())
		return a.form(w, r, http.StatusUnauthorized, by, d)
	}
	entered := d.Connector
	entered.Seen = gatehouse.Sighting{}
	saved, err := a.Access.Put(r.Context(), desk.Actor(r, by), entered)
	if err == nil {
		ui.SeeOther(w, Href(saved)+"?done=saved")
		return nil
	}
	status := http.StatusUnprocessableEntity
	switch err := apps.Beside(r.Context(), err, d.Problems, inputOf); {
	case errors.Is(err, gatehouse.Conflict) && !was.UpdatedAt.Equal(d.UpdatedAt):
		d.Problems[""] = i18n.Text(r.Context(), "%s was changed by somebody else in the meantime. Save again to put yours in the place of theirs, or look at the connector first.", d.Name)
		d.UpdatedAt, status = was.UpdatedAt, http.StatusConflict
	case err != nil:
		return err
	}
	return a.form(w, r, status, by, d)
}

// stale says whether the administrator proved who they are too long ago for what
// is sensitive.
func (a *Connectors) stale(r *http.Request) bool {
	s, _, err := a.Sessions.Current(r)
	return err == nil && a.Sessions.Fresh(s) != nil
}

// form shows a draft. Secrets that were entered are not sent back.
func (a *Connectors) form(w http.ResponseWriter, r *http.Request, status int, by gatehouse.User, d draft) error {
	again := i18n.Text(r.Context(), "Enter the secret once more: it is never sent back to the browser.")
	if d.Token != "" && d.Problems["token"] == "" {
		d.Problems["token"] = again
	}
	for name, value := range d.Secrets {
		if value != "" && d.Problems["secret."+name] == "" {
			d.Problems["secret."+name] = again
		}
	}
	d.Token, d.Secrets = "", nil
	return a.UI.Render(w, r, status, desk.Page("connectors", d.title(r.Context()), by), formBody(d))
}

func (d draft) title(ctx context.Context) string {
	if d.isNew() {
		return i18n.Text(ctx, "Add %s", i18n.T(i18n.From(ctx), d.Kind.Title))
	}
	return i18n.Text(ctx, "Edit %s", d.Name)
}
