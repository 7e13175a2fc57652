package op

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/op/device"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// deviceView is what the page of a device's wish shows.
type deviceView struct {
	client  string
	code    string // as the device shows it
	user    gatehouse.User
	account string // whom the page was shown to
	scopes  []string
	maker   maker
}

// devicePage answers GET /oauth/device, where a person types in the code that
// their device shows. A code in the address is put into the form, and nothing
// more: who follows a link sees it before anything happens (RFC 8628 section
// 5.4).
func (p *Provider) devicePage(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := p.Sessions.Current(r); err != nil {
		return p.deviceSignIn(w, r, err)
	}
	switch r.URL.Query().Get("done") {
	case "allowed", "denied":
		allowed := r.URL.Query().Get("done") == "allowed"
		return p.UI.Render(w, r, http.StatusOK, ui.Page{Title: i18n.Text(r.Context(), "Connect a device")}, deviceDone(allowed))
	}
	code, ok := device.Typed(r.URL.Query().Get("user_code"))
	if !ok {
		code = ""
	}
	return p.askDeviceCode(w, r, http.StatusOK, device.Shown(code), "")
}

func (p *Provider) askDeviceCode(w http.ResponseWriter, r *http.Request, status int, code, problem string) error {
	return p.UI.Render(w, r, status, ui.Page{Title: i18n.Text(r.Context(), "Connect a device")}, deviceCodePage(code, problem))
}

// deviceSignIn sends who is not signed in to the sign-in, and back with the code.
func (p *Provider) deviceSignIn(w http.ResponseWriter, r *http.Request, cause error) error {
	if !errors.Is(cause, gatehouse.Unauthorized) {
		return cause
	}
	back := "/oauth/device"
	if code, ok := device.Typed(cmp.Or(r.URL.Query().Get("user_code"), r.PostFormValue("user_code"))); ok {
		back += "?user_code=" + url.QueryEscape(device.Shown(code))
	}
	http.Redirect(w, r, "/sign-in?return_to="+url.QueryEscape(back), http.StatusSeeOther)
	return nil
}

// deviceCodePosted takes the code that a person typed in, and shows what the
// device asks for.
func (p *Provider) deviceCodePosted(w http.ResponseWriter, r *http.Request) error {
	form, _, u, err := p.devicePosted(w, r)
	if err != nil {
		return p.deviceSignIn(w, r, err)
	}
	code, _ := device.Typed(form["user_code"])
	d, c, err := p.deviceOf(r, u, code)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return p.askDeviceCode(w, r, http.StatusNotFound, form["user_code"], i18n.Text(r.Context(), "No device waits with this code. Look again at what your device shows: the code may have expired."))
	}
	if err != nil {
		return err
	}
	by, err := p.madeBy(r.Context(), c)
	if err != nil {
		return err
	}
	return p.UI.Render(w, r, http.StatusOK, ui.Page{Title: i18n.Text(r.Context(), "Connect a device")}, deviceConfirmPage(deviceView{
		client: nameIn(r, c), maker: by, code: device.Shown(code), user: u, account: request.Subject(u), scopes: p.inWords(r.Context(), c, d.Grant.Scopes),
	}))
}

// devicePosted reads a form of the device pages, and who sent it.
func (p *Provider) devicePosted(w http.ResponseWriter, r *http.Request) (wire.Params, gatehouse.Session, gatehouse.User, error) {
	r.Body = http.MaxBytesReader(w, r.Body, wire.MaxBody)
	if err := r.ParseForm(); err != nil {
		return nil, gatehouse.Session{}, gatehouse.User{}, gatehouse.Errorf(gatehouse.Invalid, "The form could not be read. Load the page again.").Because(err)
	}
	form, _ := wire.Once(r.PostForm)
	s, u, err := p.Sessions.Current(r)
	return form, s, u, err
}

// deviceOf finds what waits under a code, with its client. Wrong codes are
// counted, and who types in too many has to wait (T17).
func (p *Provider) deviceOf(r *http.Request, u gatehouse.User, code string) (d gatehouse.DeviceGrant, c gatehouse.Client, err error) {
	err = p.Store.View(r.Context(), func(tx *store.Tx) error {
		if err := mayGuess(tx, u); err != nil {
			return err
		}
		d, c, err = waitingDevice(tx, code)
		return err
	})
	if !errors.Is(err, gatehouse.NotFound) {
		return d, c, err
	}
	return d, c, errors.Join(p.noteGuess(r, u), err)
}

// noteGuess counts a wrong code of a person, by whichever form it came.
func (p *Provider) noteGuess(r *http.Request, u gatehouse.User) error {
	p.count("device", "outcome", "wrong_code")
	return p.Store.Update(r.Context(), func(tx *store.Tx) error {
		g, err := tx.Guesses(guessesOf(u))
		if err != nil {
			return err
		}
		g.Count, g.LastAt = g.Count+1, tx.Now()
		return tx.SaveGuesses(guessesOf(u), g, tx.Now().Add(device.Forget))
	})
}

func guessesOf(u gatehouse.User) string { return "device/" + u.ID }

func mayGuess(tx *store.Tx, u gatehouse.User) error {
	g, err := tx.Guesses(guessesOf(u))
	if err == nil && g.Count >= device.MaxGuesses {
		err = gatehouse.Errorf(gatehouse.Limited, "Too many wrong codes were entered. Wait %d minutes, and begin again on your device.", int(device.Forget/time.Minute))
	}
	return err
}

// waitingDevice finds what waits under a code. NotFound also when its client may
// not have it any more.
func waitingDevice(tx *store.Tx, code string) (gatehouse.DeviceGrant, gatehouse.Client, error) {
	d, err := tx.DeviceGrantByUserCode(gatehouse.Digest(code))
	if err != nil {
		return d, gatehouse.Client{}, err
	}
	c, err := tx.Client(d.Grant.ClientID)
	if err == nil && (!c.On() || !request.MayGrant(c, request.GrantDevice)) {
		err = gatehouse.NotFound
	}
	return d, c, err
}

// deviceConfirmed takes a person's answer to what their device asks for.
func (p *Provider) deviceConfirmed(w http.ResponseWriter, r *http.Request) error {
	form, s, u, err := p.devicePosted(w, r)
	if err != nil {
		return p.deviceSignIn(w, r, err)
	}
	done := map[string]gatehouse.DeviceState{"allow": gatehouse.DeviceAllowed, "deny": gatehouse.DeviceDenied}[form["decision"]]
	code, ok := device.Typed(form["user_code"])
	switch {
	case done == "" || !ok:
		return gatehouse.Errorf(gatehouse.Invalid, "The form could not be read. Load the page again.")
	case form["account"] != request.Subject(u): // somebody else has signed in meanwhile
		http.Redirect(w, r, "/oauth/device?user_code="+url.QueryEscape(device.Shown(code)), http.StatusSeeOther)
		return nil
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		if err := mayGuess(tx, u); err != nil {
			return err
		}
		d, c, err := waitingDevice(tx, code)
		if err != nil {
			return err
		}
		if done == gatehouse.DeviceAllowed {
			if err := mustBeKnown(tx, c, u.ID); err != nil {
				return err
			}
		}
		return answerDevice(tx, actorOf(r, u), s, d, c, done)
	})
	if errors.Is(err, gatehouse.NotFound) {
		if err := p.noteGuess(r, u); err != nil {
			return err
		}
		return gatehouse.Errorf(gatehouse.Expired, "The device does not wait any more: it was answered already, or it took too long. Begin again on your device.")
	}
	if err != nil {
		return err
	}
	p.count("device", "outcome", string(done))
	http.Redirect(w, r, "/oauth/device?done="+string(done), http.StatusSeeOther)
	return nil
}

// answerDevice keeps a person's answer in the caller's transaction.
func answerDevice(tx *store.Tx, by gatehouse.Actor, s gatehouse.Session, d gatehouse.DeviceGrant, c gatehouse.Client, done gatehouse.DeviceState) error {
	d.State = done
	if done == gatehouse.DeviceAllowed {
		// The tokens outlive the session of the browser in which they were allowed.
		d.Grant.UserID, d.Grant.AuthAt = by.ID, s.AuthAt
		if err := saveConsent(tx, by, c, slices.Clone(d.Grant.Scopes)); err != nil {
			return err
		}
	}
	if err := tx.SaveDeviceGrant(&d); err != nil {
		return err
	}
	return tx.Record(gatehouse.Event{
		Actor: by, Action: "device." + string(done), Target: "client/" + c.ID,
		Details: map[string]string{"scopes": strings.Join(d.Grant.Scopes, " ")},
	})
}
