package portal

import (
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/self"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountEmails adds the addresses that mail reaches the person by.
func (p *Portal) mountEmails(mux *http.ServeMux) {
	mux.Handle("POST /user/emails", p.own(p.addEmail))
	mux.Handle("POST /user/emails/resend", p.own(p.onEmail("sent", false, func(tx *store.Tx, by gatehouse.Actor, user, address, locale string) error {
		return p.Self.SendProof(tx, by, user, address, locale)
	})))
	mux.Handle("POST /user/emails/primary", p.own(p.onEmail("primary", true, func(tx *store.Tx, by gatehouse.Actor, user, address, _ string) error {
		return p.Self.MakePrimary(tx, by, user, address)
	})))
	mux.Handle("POST /user/emails/remove", p.own(p.onEmail("removed", true, func(tx *store.Tx, by gatehouse.Actor, user, address, _ string) error {
		return p.Self.RemoveEmail(tx, by, user, address)
	})))
	mux.Handle("GET "+self.VerifyPath, p.own(p.lookAtProof))
	mux.Handle("POST "+self.VerifyPath, p.own(p.verifyEmail))
}

func (p *Portal) addEmail(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Sessions.Fresh(v.session); err != nil {
		return err
	}
	if err := p.Limiter.Allow(r); err != nil {
		return err
	}
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	page := accountPage{Address: form.Get("address"), ProblemAt: "emails"}
	if err := p.needsMail(); err != nil {
		return p.again(w, r, v, page, err)
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		_, err := p.Self.AddEmail(tx, v.actor(r), v.user.ID, page.Address, string(i18n.From(r.Context())))
		return err
	})
	if err != nil {
		return p.again(w, r, v, page, err)
	}
	ui.SeeOther(w, "/user?done=sent")
	return nil
}

// needsMail refuses what could never be finished without mail.
func (p *Portal) needsMail() error {
	if p.MailReady {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Forbidden, "Mail is not set up here, so an address cannot be verified. An administrator can set it up.")
}

// onEmail is what is done with one of the addresses that the page lists.
func (p *Portal) onEmail(done string, fresh bool, do func(tx *store.Tx, by gatehouse.Actor, user, address, locale string) error) ownHandler {
	return func(w http.ResponseWriter, r *http.Request, v visitor) error {
		if fresh {
			if err := p.Sessions.Fresh(v.session); err != nil {
				return err
			}
		} else if err := p.needsMail(); err != nil {
			return err
		}
		if err := p.Limiter.Allow(r); err != nil {
			return err
		}
		form, err := ui.Form(w, r)
		if err != nil {
			return err
		}
		err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
			return do(tx, v.actor(r), v.user.ID, form.Get("address"), string(i18n.From(r.Context())))
		})
		if err != nil {
			return p.again(w, r, v, accountPage{ProblemAt: "emails"}, err)
		}
		ui.SeeOther(w, "/user?done="+url.QueryEscape(done))
		return nil
	}
}

// lookAtProof is where a mailed link leads. It changes nothing: programs that
// look at links before the person does verify nothing.
func (p *Portal) lookAtProof(w http.ResponseWriter, r *http.Request, v visitor) error {
	token := r.URL.Query().Get("token")
	var proof store.EmailProof
	err := p.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		proof, err = p.Self.Proof(tx, v.user.ID, token)
		return err
	})
	if err != nil {
		return err
	}
	return p.UI.Render(w, r, http.StatusOK, ui.Page{
		Title: i18n.Text(r.Context(), "Confirm the address"), Nav: ui.NavNone, User: &v.user,
	}, proofBody(v.user, proof.Address, token))
}

func (p *Portal) verifyEmail(w http.ResponseWriter, r *http.Request, v visitor) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		_, err := p.Self.VerifyEmail(tx, v.actor(r), v.user.ID, form.Get("token"))
		return err
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user?done=verified")
	return nil
}
