package op

import (
	"context"
	"errors"
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// gitLabKind is the kind of the connections whose subjects are numbers of people.
const gitLabKind = "gitlab"

// nameless is the error that a person has no number at a client that knows people
// by the ids of a GitLab.
type nameless struct {
	why        request.Nameless
	connection gatehouse.Connection // zero when there is none
}

// Error is for logs.
func (n *nameless) Error() string {
	return "op: the person has no number at the client: " + string(n.why)
}

// knownTo reads a user as a client knows them: by the number that it was told
// first or, where it has user_id_from, by that of their account there, as it is
// now; then the error may be a nameless.
func knownTo(tx *store.Tx, c gatehouse.Client, id string) (gatehouse.User, error) {
	u, err := tx.UserFor(c.ID, id)
	if err != nil || c.Settings.UserIDFrom == "" {
		return u, err
	}
	connection, err := tx.ConnectionByName(c.Settings.UserIDFrom)
	if errors.Is(err, gatehouse.NotFound) || err == nil && connection.Kind != gitLabKind {
		return u, &nameless{why: request.NoConnection}
	}
	if err != nil {
		return u, err
	}
	all, err := tx.Identities(id)
	if err != nil {
		return u, err
	}
	number, why := request.UpstreamNumber(all, connection.ID, u.Number)
	if why != "" {
		return u, &nameless{why, connection}
	}
	u.Number = number
	return u, nil
}

// introduce notes the number by which a client knows a user from now on.
func introduce(tx *store.Tx, c gatehouse.Client, u gatehouse.User) error {
	if c.Settings.UserIDFrom != "" {
		return tx.IntroduceAs(c.ID, u.ID, u.Number)
	}
	return tx.Introduce(c.ID, u)
}

// sameAsBefore refuses to go on with a grant when the person's number at the
// client is another by now: its new ID token would name somebody else (OpenID
// Connect Core section 12.2).
func sameAsBefore(tx *store.Tx, c gatehouse.Client, u gatehouse.User) error {
	if c.Settings.UserIDFrom == "" {
		return nil
	}
	before, err := tx.UserFor(c.ID, u.ID)
	if err == nil && before.Number != u.Number {
		return wire.InvalidGrant()
	}
	return err
}

// numberAt looks whether a person has a number at a client, and what it is. A
// nameless is no error here.
func (p *Provider) numberAt(ctx context.Context, c gatehouse.Client, userID string) (subject string, none *nameless, err error) {
	err = p.Store.View(ctx, func(tx *store.Tx) error {
		u, err := knownTo(tx, c, userID)
		if errors.As(err, &none) {
			subject = request.UnknownSubject
			return nil
		}
		none, subject = nil, p.subject(c, u)
		return err
	})
	return subject, none, err
}

// connectFirst tells a person that the client knows people by an account that
// they have not connected, and how to go on. The request waits meanwhile.
func (p *Provider) connectFirst(w http.ResponseWriter, r *http.Request, v visit, u gatehouse.User) error {
	_, none, err := p.numberAt(r.Context(), v.client, u.ID)
	if err != nil {
		return err
	}
	if none == nil { // they have connected it in the meantime
		return p.proceed(w, r, v)
	}
	if err := p.keep(w, r, &v); err != nil {
		return err
	}
	p.count("authorization", "outcome", string(none.why))
	p.log().InfoContext(r.Context(), "a person has no number at a client with user_id_from", "client", v.client.ID, "user", u.ID, "reason", string(none.why))
	r = ui.Prefer(r, locale(v.params.UILocales))
	return p.UI.Render(w, r, http.StatusForbidden, ui.Page{Title: i18n.Text(r.Context(), "An account is missing")}, namelessPage(namelessView{
		client: v.client.Name, connection: connectionTitle(none.connection), why: none.why, user: u, handle: v.handle,
	}))
}

func connectionTitle(c gatehouse.Connection) string {
	if c.Label != "" {
		return c.Label
	}
	return c.Name
}

// namelessView is what the page shows.
type namelessView struct {
	client, connection string
	why                request.Nameless
	user               gatehouse.User
	handle             string
}

// mustBeKnown refuses a person who has no number at a client, on pages that have
// no way on.
func mustBeKnown(tx *store.Tx, c gatehouse.Client, userID string) error {
	_, err := knownTo(tx, c, userID)
	var none *nameless
	if !errors.As(err, &none) {
		return err
	}
	if none.why == request.NoIdentity {
		return gatehouse.Errorf(gatehouse.Forbidden, "%s knows people by their account at %s, and yours is not connected here. Connect it at %s, and begin again.", c.Name, connectionTitle(none.connection), "/user")
	}
	return gatehouse.Errorf(gatehouse.Forbidden, "It is not clear by which account %s knows you, so nobody is signed in there. Ask an administrator.", c.Name)
}
