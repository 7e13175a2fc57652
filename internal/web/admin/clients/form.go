package clients

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/config"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// draft is a client as it stands in the form: what is saved, or what was just
// entered, with what is wrong about it.
type draft struct {
	gatehouse.Client
	Confidential bool
	Lifetimes    map[string]string // as they were entered
	Entered      map[string]string // settings of the protocol, likewise; nil: as they are saved
	Connectors   []gatehouse.Connector
	GitLabs      []gatehouse.Connection
	Known        int64             // how many people it knows
	Problems     map[string]string // by the name of the input; "" = what belongs to none
}

func (d draft) isNew() bool { return d.ID == "" }

func (d draft) action() string {
	if d.isNew() {
		return "/admin/add-client"
	}
	return Href(d.ID) + "/edit"
}

func (d draft) title(ctx context.Context) string {
	if d.isNew() {
		return i18n.Text(ctx, "Add client")
	}
	return i18n.Text(ctx, "Edit %s", d.Name)
}

// lifetimes are the inputs of a client's own lifetimes.
func lifetimes() []string { return []string{"access", "id", "refresh", "refresh_absolute"} }

func life(l *gatehouse.ClientLifetimes, name string) *time.Duration {
	switch name {
	case "access":
		return &l.Access
	case "id":
		return &l.ID
	case "refresh":
		return &l.Refresh
	}
	return &l.RefreshAbsolute
}

func newDraft(c gatehouse.Client) draft {
	d := draft{Client: c, Confidential: !c.Public(), Lifetimes: map[string]string{}, Problems: map[string]string{}}
	for _, name := range lifetimes() {
		if v := *life(&c.Settings.Lifetimes, name); v != 0 {
			d.Lifetimes[name] = short(v)
		}
	}
	return d
}

// short is a time without parts that are nought: 2h, not 2h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// read takes over what was entered. Only the inputs of the form count.
func (d *draft) read(ctx context.Context, form url.Values) {
	on := func(name string) bool { return form.Get(name) == "true" }
	if d.isNew() {
		d.Confidential = on("confidential")
	} else {
		d.UpdatedAt = ui.SeenAt(form)
	}
	d.Name = strings.TrimSpace(form.Get("name"))
	d.RedirectURIs, d.PostLogoutRedirectURIs = lines(form.Get("redirect_uris")), lines(form.Get("post_logout_redirect_uris"))
	d.Scopes = chosen(config.Scopes(), form["scopes"])
	if d.GrantTypes = chosen(config.GrantTypes(), form["grant_types"]); slices.Equal(d.GrantTypes, grants(gatehouse.Client{})) {
		d.GrantTypes = nil // the usual ones
	}
	d.RequirePKCE, d.Trusted = on("require_pkce"), on("trusted")
	d.ConnectorKey = form.Get("app")
	d.readSettings(ctx, form)
	d.Settings.GroupsFrom, d.Settings.GroupsOnly = form.Get("groups_from"), lines(form.Get("groups_only"))
	for _, name := range lifetimes() {
		text := strings.TrimSpace(form.Get("life_" + name))
		d.Lifetimes[name] = text
		v, err := time.ParseDuration(text)
		if text != "" && (err != nil || v <= 0) {
			d.Problems["lifetimes"] = i18n.Text(ctx, "A lifetime is a time such as 2h or 720h, at most five years; empty means that of the installation.")
		}
		*life(&d.Settings.Lifetimes, name) = v
	}
}

// lines are the lines of a text that are not empty.
func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' || r == '\t' || r == ' ' })
}

// chosen are those of what there is that were ticked, in one order.
func chosen(all, ticked []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !slices.Contains(ticked, s) })
}

// grants are the grants of a client, the usual ones when it names none.
func grants(c gatehouse.Client) []string {
	if len(c.GrantTypes) == 0 {
		return []string{"authorization_code", "refresh_token"}
	}
	return c.GrantTypes
}

func (a *Clients) add(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	d := newDraft(gatehouse.Client{Scopes: []string{"openid", "profile", "email"}, RequirePKCE: true})
	d.Confidential = true
	return a.form(w, r, http.StatusOK, by, d)
}

func (a *Clients) create(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	d := newDraft(gatehouse.Client{})
	d.read(r.Context(), form)
	var made gatehouse.Client
	var secret string
	if len(d.Problems) == 0 {
		err = a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
			made, secret, err = a.Apps.AddClient(tx, desk.Actor(r, by), d.Client, d.Confidential)
			return err
		})
	}
	if err = d.blame(r.Context(), err); err != nil {
		return err
	}
	if len(d.Problems) > 0 {
		return a.form(w, r, http.StatusUnprocessableEntity, by, d)
	}
	return a.Render(w, r, frame(r, made.Name, by), madeBody(made, secret, a.URL, false))
}

func (a *Clients) edit(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p, err := a.changeable(r)
	if err != nil {
		return err
	}
	return a.form(w, r, http.StatusOK, by, newDraft(p.Client))
}

func (a *Clients) save(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p, err := a.changeable(r)
	if err != nil {
		return err
	}
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	d := newDraft(p.Client)
	d.read(r.Context(), form)
	if p.OwnerID != "" { // what a person's own application never has is not asked for
		d.GrantTypes, d.Trusted, d.ConnectorKey = p.GrantTypes, p.Trusted, p.ConnectorKey
	}
	var saved gatehouse.Client
	secret := ""
	if len(d.Problems) == 0 {
		err = a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
			saved, secret, err = a.Apps.SetClient(tx, desk.Actor(r, by), d.Client)
			return err
		})
	}
	if err = d.blame(r.Context(), err); err != nil {
		return err
	}
	if len(d.Problems) > 0 {
		return a.form(w, r, http.StatusUnprocessableEntity, by, d)
	}
	if secret != "" { // it proves itself in another way now
		return a.Render(w, r, frame(r, i18n.Text(r.Context(), "Secret of %s", saved.Name), by), madeBody(saved, secret, a.URL, true))
	}
	ui.SeeOther(w, Href(p.ID)+"?done=saved")
	return nil
}

// form shows a draft.
func (a *Clients) form(w http.ResponseWriter, r *http.Request, status int, by gatehouse.User, d draft) error {
	err := a.Read(r, "the connectors", func(tx *store.Tx) (err error) {
		if d.Connectors, err = tx.Connectors(); err != nil {
			return err
		}
		if d.Known, err = tx.KnownTo(d.ID); err != nil {
			return err
		}
		d.GitLabs, err = tx.Connections()
		d.GitLabs = slices.DeleteFunc(d.GitLabs, func(c gatehouse.Connection) bool { return c.Kind != "gitlab" })
		return err
	})
	if err != nil {
		return err
	}
	return a.UI.Render(w, r, status, desk.Page("clients", d.title(r.Context()), by), formBody(d))
}

// blame puts what is wrong beside its inputs. What is no problem of the settings
// is returned.
func (d *draft) blame(ctx context.Context, err error) error {
	return apps.Beside(ctx, err, d.Problems, func(field string) string {
		if field == "app" {
			return ""
		}
		return field
	})
}

// apps are the apps that a client can belong to.
func (d draft) apps(ctx context.Context) []ui.Option {
	all := []ui.Option{{Value: "", Label: i18n.Text(ctx, "The whole installation")}}
	for _, c := range d.Connectors {
		all = append(all, ui.Option{Value: c.Key, Label: c.Name})
	}
	return all
}

// sources are the GitLabs of which a client can be told groups.
func (d draft) sources(ctx context.Context) []ui.Option {
	all := []ui.Option{{Value: "", Label: i18n.Text(ctx, "The only GitLab connector")}, {Value: gatehouse.NoGroups, Label: i18n.Text(ctx, "None: it is told of no groups")}}
	for _, c := range d.Connectors {
		if c.Kind == "gitlab" {
			all = append(all, ui.Option{Value: c.Key, Label: c.Name})
		}
	}
	return all
}

func contains(all []string, v string) bool { return slices.Contains(all, v) }

func grantsThere() []string { return config.GrantTypes() }

// scopesOf are the scopes that a client can have.
func scopesOf(d draft) []string {
	if d.OwnerID != "" {
		return apps.OwnScopes()
	}
	return config.Scopes()
}

// short12 is as much of an Application ID as people need to tell it from others.
func short12(id string) string {
	if len(id) > 16 {
		return id[:12] + "…"
	}
	return id
}
