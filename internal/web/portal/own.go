package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountOwn adds the applications that people make themselves, as GitLab has it,
// and those of the apps whose owners they are.
func (p *Portal) mountOwn(mux *http.ServeMux) {
	for path, h := range map[string]ownHandler{
		"GET /user/applications/own/new":              p.newOwn,
		"POST /user/applications/own":                 p.makeOwn,
		"GET /user/applications/own/{client}":         p.showOwn,
		"GET /user/applications/own/{client}/edit":    p.editOwn,
		"POST /user/applications/own/{client}/edit":   p.saveOwn,
		"GET /user/applications/own/{client}/remove":  p.removalOwn,
		"POST /user/applications/own/{client}/remove": p.removeOwn,
		"POST /user/applications/own/{client}/secret": p.renewOwn,
	} {
		mux.Handle(path, p.own(h))
	}
}

// ownForm is the form of an application that somebody makes or changes.
type ownForm struct {
	gatehouse.Client
	Confidential bool
	Apps         []gatehouse.Connector // that the person owns
	Problems     map[string]string     // by the name of the input; "" = what belongs to none
}

func (f ownForm) isNew() bool { return f.ID == "" }

// scopes are those that it can have.
func (f ownForm) scopes() []string { return apps.OwnScopes() }

func (f ownForm) action() string {
	if f.isNew() {
		return "/user/applications/own"
	}
	return ownHref(f.ID) + "/edit"
}

func ownHref(id string) string { return "/user/applications/own/" + url.PathEscape(id) }

// read takes over what was entered. Only the inputs of the form count.
func (f *ownForm) read(form url.Values) {
	if f.isNew() {
		f.Confidential = form.Get("confidential") == "true"
	} else {
		f.UpdatedAt = ui.SeenAt(form)
	}
	f.Name = strings.TrimSpace(form.Get("name"))
	f.RedirectURIs = strings.Fields(form.Get("redirect_uris"))
	f.Scopes = slices.DeleteFunc(apps.OwnScopes(), func(s string) bool { return !slices.Contains(form["scopes"], s) })
	f.RequirePKCE = form.Get("require_pkce") == "true"
}

// blame puts what is wrong beside its inputs. What is no problem of the settings
// is returned.
func (f *ownForm) blame(ctx context.Context, err error) error {
	f.Problems = map[string]string{}
	return apps.Beside(ctx, err, f.Problems, nil)
}

// ownApps are the apps of which the visitor is an owner.
func ownApps(tx *store.Tx, u gatehouse.User) ([]gatehouse.Connector, error) {
	all, err := tx.Connectors()
	if err != nil {
		return nil, fmt.Errorf("read the connectors: %w", err)
	}
	return apps.OwnedApps(u, all), nil
}

// ownClients are the applications that the visitor looks after.
func ownClients(tx *store.Tx, u gatehouse.User) (mine []gatehouse.Client, err error) {
	if mine, err = tx.ClientsOfUser(u.ID); err != nil {
		return nil, fmt.Errorf("read the clients of user %s: %w", u.ID, err)
	}
	owned, err := ownApps(tx, u)
	if err != nil || len(owned) == 0 {
		return mine, err
	}
	all, err := tx.Clients()
	if err != nil {
		return nil, fmt.Errorf("read the clients: %w", err)
	}
	for _, c := range all {
		if c.OwnerID == "" && apps.MayLookAfter(u, c, owned) {
			mine = append(mine, c)
		}
	}
	return mine, nil
}

// lookedAfter finds an application that the visitor looks after; NotFound when
// there is none, or it is somebody else's.
func lookedAfter(tx *store.Tx, u gatehouse.User, id string) (gatehouse.Client, error) {
	all, err := ownClients(tx, u)
	if err != nil {
		return gatehouse.Client{}, err
	}
	i := slices.IndexFunc(all, func(c gatehouse.Client) bool { return c.ID == id })
	if i < 0 {
		return gatehouse.Client{}, gatehouse.Errorf(gatehouse.NotFound, "You have no such application. Perhaps it was removed in the meantime.")
	}
	return all[i], nil
}

// mayMake says whether people may make applications of their own here.
func (p *Portal) mayMake() error {
	if p.NoOwnApplications {
		return gatehouse.Errorf(gatehouse.Forbidden, "Only administrators make applications here. Ask one of them.")
	}
	return nil
}

func (p *Portal) newOwn(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.mayMake(); err != nil {
		return err
	}
	if err := p.Sessions.Fresh(v.session); err != nil { // asked before anything is filled in
		return err
	}
	return p.showOwnForm(w, r, v, http.StatusOK, ownForm{
		Client: gatehouse.Client{Scopes: []string{"openid", "profile", "email"}, RequirePKCE: true}, Confidential: true,
	})
}

func (p *Portal) showOwnForm(w http.ResponseWriter, r *http.Request, v visitor, status int, f ownForm) error {
	if f.isNew() {
		err := p.Store.View(r.Context(), func(tx *store.Tx) (err error) {
			f.Apps, err = ownApps(tx, v.user)
			return err
		})
		if err != nil {
			return err
		}
	}
	return p.UI.Render(w, r, status, applicationsFrame(r, v, i18n.Text(r.Context(), "Application")), ownFormBody(f))
}

// makeOwn makes an application and shows its secret, this once.
func (p *Portal) makeOwn(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.mayMake(); err != nil {
		return err
	}
	if err := p.Sessions.Fresh(v.session); err != nil {
		return err
	}
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	var f ownForm
	f.read(form)
	var made gatehouse.Client
	var secret string
	err = p.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		c := f.Client
		if c.OwnerID = v.user.ID; form.Get("app") != "" {
			if c, err = forApp(tx, v.user, c, form.Get("app")); err != nil {
				return err
			}
		}
		made, secret, err = p.SignIn.Apps.AddClient(tx, v.actor(r), c, f.Confidential)
		return err
	})
	if err = f.blame(r.Context(), err); err != nil {
		return err
	}
	if len(f.Problems) > 0 {
		f.ConnectorKey = form.Get("app")
		return p.showOwnForm(w, r, v, http.StatusUnprocessableEntity, f)
	}
	return p.showSecret(w, r, v, made, secret, false)
}

// forApp makes an application one of an app that the visitor owns.
func forApp(tx *store.Tx, u gatehouse.User, c gatehouse.Client, key string) (gatehouse.Client, error) {
	owned, err := ownApps(tx, u)
	if err != nil {
		return c, err
	}
	if !slices.ContainsFunc(owned, func(o gatehouse.Connector) bool { return o.Key == key }) {
		return c, gatehouse.Errorf(gatehouse.Forbidden, "You are no owner of this app, so you cannot make an application for it.")
	}
	c.OwnerID, c.ConnectorKey = "", key
	return c, nil
}

func (p *Portal) showSecret(w http.ResponseWriter, r *http.Request, v visitor, c gatehouse.Client, secret string, renewed bool) error {
	frame := applicationsFrame(r, v, c.Name)
	frame.Scripts = []string{"copy"}
	return p.UI.Render(w, r, http.StatusOK, frame, ownMadeBody(c, secret, p.SignIn.URL, renewed))
}

func (p *Portal) findOwn(r *http.Request, v visitor) (c gatehouse.Client, err error) {
	err = p.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		c, err = lookedAfter(tx, v.user, r.PathValue("client"))
		return err
	})
	return c, err
}

func (p *Portal) showOwn(w http.ResponseWriter, r *http.Request, v visitor) error {
	c, err := p.findOwn(r, v)
	if err != nil {
		return err
	}
	frame := applicationsFrame(r, v, c.Name)
	frame.Scripts = []string{"copy"}
	return p.UI.Render(w, r, http.StatusOK, frame, ownBody(c, p.SignIn.URL, r.URL.Query().Get("done")))
}

func (p *Portal) editOwn(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Sessions.Fresh(v.session); err != nil {
		return err
	}
	c, err := p.findOwn(r, v)
	if err != nil {
		return err
	}
	return p.showOwnForm(w, r, v, http.StatusOK, ownForm{Client: c, Confidential: !c.Public()})
}

func (p *Portal) saveOwn(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Sessions.Fresh(v.session); err != nil {
		return err
	}
	c, err := p.findOwn(r, v)
	if err != nil {
		return err
	}
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	f := ownForm{Client: c, Confidential: !c.Public()}
	f.read(form)
	f.Scopes = append(f.Scopes, slices.DeleteFunc(slices.Clone(c.Scopes), func(s string) bool { return slices.Contains(apps.OwnScopes(), s) })...) // what administrators gave besides stays
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		if _, err := lookedAfter(tx, v.user, c.ID); err != nil {
			return err
		}
		_, err := p.SignIn.Apps.ChangeLookedAfter(tx, v.actor(r), f.Client)
		return err
	})
	if err = f.blame(r.Context(), err); err != nil {
		return err
	}
	if len(f.Problems) > 0 {
		return p.showOwnForm(w, r, v, http.StatusUnprocessableEntity, f)
	}
	ui.SeeOther(w, ownHref(c.ID)+"?done=saved")
	return nil
}

// renewOwn gives an application a new secret and shows it, this once.
func (p *Portal) renewOwn(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Sessions.Fresh(v.session); err != nil {
		return err
	}
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	var c gatehouse.Client
	var secret string
	err = p.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if c, err = lookedAfter(tx, v.user, r.PathValue("client")); err != nil {
			return err
		}
		c, secret, err = p.SignIn.Apps.RenewClientSecret(tx, v.actor(r), c.ID, ui.SeenAt(form))
		return err
	})
	if err != nil {
		return err
	}
	return p.showSecret(w, r, v, c, secret, true)
}

func (p *Portal) removalOwn(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Sessions.Fresh(v.session); err != nil {
		return err
	}
	c, err := p.findOwn(r, v)
	if err != nil {
		return err
	}
	return p.UI.Render(w, r, http.StatusOK, applicationsFrame(r, v, i18n.Text(r.Context(), "Remove %s", c.Name)), ownRemovalBody(c))
}

func (p *Portal) removeOwn(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Sessions.Fresh(v.session); err != nil {
		return err
	}
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		c, err := lookedAfter(tx, v.user, r.PathValue("client"))
		if err != nil {
			return err
		}
		return p.SignIn.Apps.RemoveClient(tx, v.actor(r), c.ID, ui.SeenAt(form))
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user/applications?done=removed")
	return nil
}
