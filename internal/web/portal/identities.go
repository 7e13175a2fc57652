package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountIdentities adds the accounts elsewhere that the person is known by.
func (p *Portal) mountIdentities(mux *http.ServeMux) {
	mux.Handle("POST /user/connections/{connection}", p.own(p.connect))
	mux.Handle("POST /user/identities/{identity}/remove", p.own(p.removeIdentity))
}

// connected is an identity with the connection that vouches for it.
type connected struct {
	Identity   gatehouse.Identity
	Connection gatehouse.Connection
	Broken     bool             // what we may do there in the person's name has ended
	Wanted     []string         // what the connection asks for by now, and the person did not allow yet
	Stuck      *gatehouse.Error // why it cannot be removed; nil: it can
}

func (p *Portal) readConnections(tx *store.Tx, page *accountPage) error {
	identities, err := tx.Identities(page.User.ID)
	if err != nil {
		return fmt.Errorf("read identities: %w", err)
	}
	connections, err := tx.Connections()
	if err != nil {
		return fmt.Errorf("read connections: %w", err)
	}
	page.Identities, page.Connectable = nil, nil
	byID := map[string]gatehouse.Connection{}
	for _, c := range connections {
		byID[c.ID] = c
		known := slices.ContainsFunc(identities, func(i gatehouse.Identity) bool { return i.ConnectionID == c.ID })
		if c.Enabled && !known {
			page.Connectable = append(page.Connectable, c)
		}
	}
	for _, i := range identities {
		c, err := p.readConnected(tx, i, byID[i.ConnectionID])
		if err != nil {
			return err
		}
		page.Identities = append(page.Identities, c)
	}
	return nil
}

func (p *Portal) readConnected(tx *store.Tx, i gatehouse.Identity, c gatehouse.Connection) (connected, error) {
	found := connected{Identity: i, Connection: c}
	if err := p.Self.Removable(tx, i.UserID, i.ID); err != nil && !errors.As(err, &found.Stuck) {
		return found, err
	}
	tokens, err := tx.ProviderTokens(i.ID)
	if errors.Is(err, gatehouse.NotFound) {
		return found, nil
	}
	if err != nil {
		return found, fmt.Errorf("read the tokens of identity %s: %w", i.ID, err)
	}
	found.Broken = tokens.Failed.Text != ""
	found.Wanted = missing(c.Args["scope"], tokens.Tokens.Scopes)
	return found, nil
}

// missing are the scopes that a connection asks for and that were not granted.
// Where the provider does not tell what it granted, nothing is known to miss.
func missing(wanted any, granted []string) (some []string) {
	if len(granted) == 0 {
		return nil
	}
	var asked []string
	switch v := wanted.(type) {
	case string:
		asked = strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ',' })
	case []any:
		for _, one := range v {
			if s, ok := one.(string); ok {
				asked = append(asked, s)
			}
		}
	case []string:
		asked = v
	}
	for _, s := range asked {
		// What is asked of the sign-in alone is often not told among what was granted.
		signingIn := slices.Contains([]string{"openid", "profile", "email", "offline_access"}, s)
		if s != "" && !signingIn && !slices.Contains(granted, s) {
			some = append(some, s)
		}
	}
	return some
}

// stuck says why an identity cannot be removed.
func stuck(ctx context.Context, c connected) string {
	if c.Stuck == nil {
		return ""
	}
	return i18n.Text(ctx, c.Stuck.Message, c.Stuck.Args...)
}

// connect begins to connect another identity with the signed-in account, or the
// same one anew: a provider asks again, and gives new tokens.
func (p *Portal) connect(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Sessions.Fresh(v.session); err != nil {
		return err
	}
	if err := p.Limiter.Allow(r); err != nil {
		return err
	}
	address, err := p.SignIn.Begin(r.Context(), signin.Start{
		Connection: r.PathValue("connection"), ReturnTo: "/user?done=connected", Purpose: gatehouse.ForLink, UserID: v.user.ID,
		Locale: string(i18n.From(r.Context())), BrowserHash: p.Sessions.Browser(w, r),
	})
	var no *signin.Refused
	if errors.As(err, &no) {
		return refusal{no}
	}
	if err != nil {
		return err
	}
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

func (p *Portal) removeIdentity(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Sessions.Fresh(v.session); err != nil {
		return err
	}
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.Self.RemoveIdentity(tx, v.actor(r), v.user.ID, r.PathValue("identity"), v.session.ID)
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user?done=disconnected")
	return nil
}

// refusal shows the reference of the kept decision on the error page.
type refusal struct{ *signin.Refused }

// Reference is that of the decision.
func (r refusal) Reference() string { return r.Decision.Reference }
