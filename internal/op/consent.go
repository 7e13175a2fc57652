package op

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// consentView is what the consent page shows.
type consentView struct {
	client  string
	maker   maker
	host    string // where the browser goes afterwards, as people read it
	user    gatehouse.User
	scopes  []string // in words
	handle  string
	account string // whom the page was shown to
	shown   string // what it said, see shown
	about   []aboutLink
}

// maker is whose application a client is, where no administrator answers for it.
// Zero: an administrator does.
type maker struct {
	owner string // username of the person whose own it is
	self  bool   // it registered itself
}

// askConsent shows the consent page.
func (p *Provider) askConsent(w http.ResponseWriter, r *http.Request, v visit, u gatehouse.User) error {
	if err := p.keep(w, r, &v); err != nil {
		return err
	}
	by, err := p.madeBy(r.Context(), v.client)
	if err != nil {
		return err
	}
	r = ui.Prefer(r, locale(v.params.UILocales))
	p.count("authorization", "outcome", "consent")
	return p.UI.Render(w, r, http.StatusOK, ui.Page{
		Title:      i18n.Text(r.Context(), "Allow access"),
		FormAction: mayLeadTo(v.auth.Reply.RedirectURI),
	}, consentPage(consentView{
		client: nameIn(r, v.client), maker: by, shown: shown(v), about: aboutOf(r, v.client, by), host: place(v.auth.Reply.RedirectURI), user: u, scopes: p.inWords(r.Context(), v.client, v.auth.Wishes()),
		handle: v.handle, account: request.Subject(u),
	}))
}

// madeBy finds out whose application a client is.
func (p *Provider) madeBy(ctx context.Context, c gatehouse.Client) (by maker, err error) {
	err = p.Store.View(ctx, func(tx *store.Tx) error {
		by = maker{}
		if c.OwnerID != "" {
			u, err := tx.User(c.OwnerID)
			by.owner = u.Username
			return err
		}
		_, err := tx.Registration(c.ID)
		by.self = err == nil
		if errors.Is(err, gatehouse.NotFound) {
			return nil
		}
		return err
	})
	return by, err
}

// shown names what the page says of a request. Whoever looks after the client can
// change it while the page is open; who then presses the button has allowed only
// what they read.
func shown(v visit) string {
	text := strings.Join(append([]string{names(v.client), v.auth.Reply.RedirectURI}, v.auth.Wishes()...), "\x00")
	return hex.EncodeToString(gatehouse.Digest(text)[:16])
}

// mayLeadTo are the places that the form may lead to. Browsers hold what the
// client itself redirects to against the same policy, so any https follows
// after https.
func mayLeadTo(redirectURI string) []string {
	o := origin(redirectURI)
	if strings.HasPrefix(o, "https:") {
		return []string{o, "https:"}
	}
	return []string{o}
}

// origin is what a Content-Security-Policy calls the place that an address
// leads to: scheme and host, or the scheme alone where there is no host.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return ""
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

// place is where an address leads, as people read it: the host, or the scheme of
// an app on this device.
func place(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if u.Host == "" {
		return u.Scheme
	}
	return u.Host
}

// inWords says what a client asks for, and what it is told besides.
func (p *Provider) inWords(ctx context.Context, c gatehouse.Client, scopes []string) []string {
	var words []string
	for _, s := range scopes {
		words = append(words, inWord(ctx, s))
		if name := p.tellsGroups(ctx, c); s == request.ScopeOpenID && name != "" {
			words = append(words, i18n.Text(ctx, "See to which groups of %s you belong", name))
		}
	}
	return words
}

func inWord(ctx context.Context, scope string) string {
	switch scope {
	case request.ScopeOpenID:
		return i18n.Text(ctx, "Know who you are here")
	case request.ScopeProfile:
		return i18n.Text(ctx, "See your name, username and picture")
	case request.ScopeEmail:
		return i18n.Text(ctx, "See your e-mail address")
	case request.ScopeOffline:
		return i18n.Text(ctx, "Keep this access while you are away")
	case request.ScopeReadUser:
		return i18n.Text(ctx, "Read your profile, with your e-mail address and how you sign in")
	case request.ScopeReadAPI:
		return i18n.Text(ctx, "Read everything that you can see here")
	case request.ScopeAPI:
		return i18n.Text(ctx, "Read and change everything that you can here")
	case request.ScopeProvider:
		return i18n.Text(ctx, "Use the access that the accounts you sign in with gave (GitLab, DingTalk and others), and so act there in your name")
	}
	return scope
}

// consentPosted takes the answer of the consent page.
func (p *Provider) consentPosted(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.PostForm(w, r)
	if err != nil {
		return gatehouse.Errorf(gatehouse.Invalid, "The answer could not be read. Go back to the application and begin again.").Because(err)
	}
	v, err := p.waiting(w, r, form["request"])
	if err != nil || v.handle == "" {
		return err
	}
	s, in, err := p.look(w, r, v)
	if err != nil {
		return err
	}
	what, code := request.Next(v.client, v.auth, in)
	switch {
	case what == request.StepSignIn:
		return p.sendToSignIn(w, r, v)
	case what == request.StepConnect:
		return p.connectFirst(w, r, v, in.User)
	case what == request.StepRefuse:
		return p.refuse(w, r, v.client.ID, &request.Refusal{Reply: v.auth.Reply, Code: code})
	case form["account"] != request.Subject(in.User):
		// Somebody else has signed in meanwhile: they did not see the question.
		http.Redirect(w, r, "/oauth/authorize?request="+url.QueryEscape(v.handle), http.StatusSeeOther)
		return nil
	case form["decision"] == "allow" && form["shown"] != shown(v):
		http.Redirect(w, r, "/oauth/authorize?request="+url.QueryEscape(v.handle), http.StatusSeeOther) // another question by now
		return nil
	case form["decision"] == "allow" && p.owesProof(v, s, in):
		return p.sendToConfirm(w, r, v)
	case form["decision"] == "allow":
		return p.issueCode(w, r, v, s, in.User, v.auth.Wishes())
	case form["decision"] == "deny":
		return p.deny(w, r, v, in.User)
	}
	return gatehouse.Errorf(gatehouse.Invalid, "The answer could not be read. Go back to the application and begin again.")
}

// owesProof says whether the person must prove anew who they are before they
// allow what is asked for: their tokens of other providers, as on their own page
// of applications.
func (p *Provider) owesProof(v visit, s gatehouse.Session, in request.Situation) bool {
	return request.AsksForTokens(v.auth) && !slices.Contains(in.Consent, request.ScopeProvider) && p.Sessions.Fresh(s) != nil
}

// sendToConfirm has the person prove who they are, and come back here.
func (p *Provider) sendToConfirm(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := p.keep(w, r, &v); err != nil {
		return err
	}
	p.count("authorization", "outcome", "confirm")
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/sign-in/confirm?return_to="+url.QueryEscape("/oauth/authorize?request="+url.QueryEscape(v.handle)), http.StatusSeeOther)
	return nil
}

func (p *Provider) deny(w http.ResponseWriter, r *http.Request, v visit, u gatehouse.User) error {
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		if err := finish(tx, v); err != nil {
			return err
		}
		return tx.Record(gatehouse.Event{
			Actor: actorOf(r, u), Action: "consent.denied", Target: "client/" + v.client.ID,
			Details: map[string]string{"scopes": strings.Join(v.auth.Scopes, " ")},
		})
	})
	if err != nil {
		return err
	}
	return p.refuse(w, r, v.client.ID, &request.Refusal{Reply: v.auth.Reply, Code: "access_denied"})
}

// saveConsent keeps what a person allowed a client, with what they allowed it
// before, in the caller's transaction.
func saveConsent(tx *store.Tx, by gatehouse.Actor, c gatehouse.Client, allowed []string) error {
	before, err := allowedBefore(tx, by.ID, c.ID)
	if err != nil {
		return err
	}
	all := slices.Clone(before)
	for _, s := range allowed {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	if err := tx.SaveConsent(store.Consent{UserID: by.ID, ClientID: c.ID, Scopes: all, At: tx.Now()}); err != nil {
		return err
	}
	return tx.Record(gatehouse.Event{
		Actor: by, Action: "consent.given", Target: "client/" + c.ID,
		Details: map[string]string{"scopes": strings.Join(allowed, " ")},
	})
}

// displayName is what a person is called on a page.
func displayName(u gatehouse.User) string { return cmp.Or(u.Name, u.Username) }
