package clients

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/op"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

const registrationPath = "/admin/registration-tokens"

// registrationPage is about the tokens with which apps register themselves.
type registrationPage struct {
	By      gatehouse.User
	Tokens  []gatehouse.RegistrationToken
	Done    string
	Secret  string // just made, shown this once
	Name    string // as entered
	Uses    string
	Days    string
	Problem string
}

func (p registrationPage) mayChange() bool { return mayChange(p.By) }

func (a *Clients) mountRegistration(mux *http.ServeMux) {
	const super = gatehouse.RoleSuperAdministrator
	mux.Handle("GET "+registrationPath, a.Only(a.registrationTokens, desk.Readers()...))
	mux.Handle("POST "+registrationPath, a.Sensitive(a.makeRegistrationToken, super))
	mux.Handle("POST "+registrationPath+"/{token}/end", a.Only(a.endRegistrationToken, super))
}

func (a *Clients) registrationTokens(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return a.showRegistration(w, r, http.StatusOK, registrationPage{By: by, Uses: "1", Days: "7", Done: r.URL.Query().Get("done")})
}

func (a *Clients) showRegistration(w http.ResponseWriter, r *http.Request, status int, p registrationPage) error {
	err := a.Read(r, "the registration tokens", func(tx *store.Tx) (err error) {
		p.Tokens, err = tx.RegistrationTokens()
		return err
	})
	if err != nil {
		return err
	}
	return a.UI.Render(w, r, status, frame(r, i18n.Text(r.Context(), "Registration tokens"), p.By), registrationBody(p, a.URL))
}

// wantedToken is what was entered; false when it is not to be understood.
func wantedToken(form url.Values, now time.Time) (t gatehouse.RegistrationToken, ok bool) {
	uses, err := strconv.ParseInt(strings.TrimSpace(form.Get("uses")), 10, 64)
	days, errDays := strconv.Atoi(strings.TrimSpace(form.Get("days")))
	if err != nil || errDays != nil || uses < 1 || days < 1 || days > 365 {
		return t, false
	}
	return gatehouse.RegistrationToken{Name: form.Get("name"), Left: uses, ExpiresAt: now.Add(time.Duration(days) * 24 * time.Hour)}, true
}

// makeRegistrationToken makes one and shows it, this once.
func (a *Clients) makeRegistrationToken(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	p := registrationPage{By: by, Name: form.Get("name"), Uses: form.Get("uses"), Days: form.Get("days")}
	understood := false
	err = a.Store.Update(r.Context(), func(tx *store.Tx) error {
		t, ok := wantedToken(form, tx.Now())
		if understood = ok; !ok {
			return nil
		}
		secret, _, err := op.NewRegistrationToken(tx, desk.Actor(r, by), t)
		p.Secret = secret
		return err
	})
	status := http.StatusOK
	var wrong *gatehouse.Error
	switch {
	case errors.As(err, &wrong) && wrong.Kind == gatehouse.Invalid:
		p.Secret, p.Problem, status = "", i18n.Text(r.Context(), wrong.Message, wrong.Args...), http.StatusUnprocessableEntity
	case err != nil:
		return fmt.Errorf("make a registration token: %w", err)
	case !understood:
		p.Problem, status = i18n.Text(r.Context(), "Enter how many applications may use it (1 to 10000), and for how many days (1 to 365)."), http.StatusUnprocessableEntity
	default:
		p.Name, p.Uses, p.Days = "", "1", "7"
	}
	return a.showRegistration(w, r, status, p)
}

func (a *Clients) endRegistrationToken(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	err := a.Store.Update(r.Context(), func(tx *store.Tx) error {
		return op.EndRegistrationToken(tx, desk.Actor(r, by), r.PathValue("token"))
	})
	if err != nil {
		return fmt.Errorf("end a registration token: %w", err)
	}
	ui.SeeOther(w, registrationPath+"?done=ended")
	return nil
}
