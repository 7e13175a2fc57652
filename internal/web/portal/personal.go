package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/pats"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// tokenForm is the form of a new personal token, and what was entered.
type tokenForm struct {
	ID      string // by which a form that is sent twice makes one token
	Name    string
	Days    string
	Scopes  []string
	Problem string // what is wrong with what was entered
}

// lives are how many days a token may be wished to live.
func lives() []int { return []int{7, 30, 60, 90, 180, 365} }

const usualLife = "30"

func (p *Portal) newToken(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Sessions.Fresh(v.session); err != nil { // asked before anything is filled in
		return err
	}
	return p.showTokenForm(w, r, v, http.StatusOK, tokenForm{ID: store.NewID(), Days: usualLife})
}

func (p *Portal) showTokenForm(w http.ResponseWriter, r *http.Request, v visitor, status int, f tokenForm) error {
	return p.UI.Render(w, r, status, applicationsFrame(r, v, i18n.Text(r.Context(), "New personal access token")), tokenFormBody(f))
}

// makeToken makes a token and shows it, this once. The answer is the page
// itself: the secret is nowhere to be asked for again. The form that is sent a
// second time finds its token made.
func (p *Portal) makeToken(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Sessions.Fresh(v.session); err != nil {
		return err
	}
	posted, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	f := readTokenForm(posted)
	secret, made, err := p.make(r, v, f)
	var wrong *gatehouse.Error
	if errors.Is(err, gatehouse.Invalid) && errors.As(err, &wrong) {
		f.Problem = i18n.Text(r.Context(), wrong.Message, wrong.Args...)
		return p.showTokenForm(w, r, v, http.StatusBadRequest, f)
	}
	if err != nil {
		return err
	}
	frame := applicationsFrame(r, v, i18n.Text(r.Context(), "Your new token"))
	frame.Scripts = []string{"copy"}
	return p.UI.Render(w, r, http.StatusOK, frame, tokenMadeBody(made, secret, p.SignIn.URL))
}

func readTokenForm(posted url.Values) tokenForm {
	f := tokenForm{ID: posted.Get("form"), Name: posted.Get("name"), Days: posted.Get("days")}
	for _, s := range pats.Scopes() {
		if posted.Get("scope_"+s) != "" {
			f.Scopes = append(f.Scopes, s)
		}
	}
	if len(f.ID) > 64 {
		f.ID = ""
	}
	return f
}

func (p *Portal) make(r *http.Request, v visitor, f tokenForm) (secret string, made gatehouse.PersonalToken, err error) {
	days, err := strconv.Atoi(f.Days)
	if err != nil || days < 1 || days > 10000 { // pats says how many there may be
		return "", made, gatehouse.Errorf(gatehouse.Invalid, "Choose after how many days the token ends.")
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		secret, made, err = p.Personal.Make(tx, v.actor(r), v.user.ID, pats.New{
			ID: f.ID, Name: f.Name, Scopes: f.Scopes, Life: time.Duration(days) * 24 * time.Hour,
		})
		return err
	})
	return secret, made, err
}

// revokeToken ends a token of the visitor.
func (p *Portal) revokeToken(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.Personal.Revoke(tx, v.actor(r), v.user.ID, r.PathValue("token"))
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user/applications?done=revoked")
	return nil
}

// scopeInWords says what a scope of a personal token means.
func scopeInWords(ctx context.Context, scope string) string {
	switch scope {
	case pats.ReadUser:
		return i18n.Text(ctx, "Know who you are: /api/v4/user and /api/v1/me, and nothing else.")
	case pats.ReadAPI:
		return i18n.Text(ctx, "Read what you may read yourself.")
	case pats.API:
		return i18n.Text(ctx, "Read and change what you may yourself, and use your access at other providers.")
	}
	return ""
}
