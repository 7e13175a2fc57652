package apps

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/clientrules"
	"gatehouse/internal/config"
	"gatehouse/internal/store"
)

// Bounds of what a client may have, and a person of clients.
const (
	longestClientName = 100 // characters
	mostRedirects     = 50
	mostGroups        = 200
	mostOwnClients    = 50
	longestLife       = 5 * 365 * 24 * time.Hour
)

// OwnScopes are the scopes that people may ask for in applications of their own.
// What acts elsewhere is for administrators to give.
func OwnScopes() []string {
	return slices.DeleteFunc(config.Scopes(), func(s string) bool { return s == "provider_tokens" || s == "offline_access" })
}

// clientSecretPrefix is by what people and secret scanners know one of ours.
const clientSecretPrefix = "gths_"

// AddClient adds a client of the dashboard, of a person or of an app, with a new
// Application ID. Where its settings do not say how it proves itself
// (AuthMethod), it is by a secret when it is confidential. A secret is returned
// and never told again. What is wrong with the settings is Problems.
func (a *Apps) AddClient(tx *store.Tx, by gatehouse.Actor, c gatehouse.Client, confidential bool) (saved gatehouse.Client, secret string, err error) {
	c.ID, c.Managed, c.Enabled, c.CreatedAt = gatehouse.NewHexSecret(), gatehouse.ManagedByDashboard, true, time.Time{}
	if c.AuthMethod == "" && !confidential {
		c.AuthMethod = gatehouse.AuthNone
	}
	secret = giveSecret(&c)
	clientrules.Settle(&c)
	if err := a.checkClient(tx, c); err != nil {
		return c, "", err
	}
	if err := tx.SaveClient(&c); err != nil {
		return c, "", fmt.Errorf("save the client: %w", err)
	}
	return c, secret, a.recordClient(tx, by, c, event{action: "created"})
}

// giveSecret makes the secret that a client's method needs, "" when it needs
// none, and puts it in place of what it had.
func giveSecret(c *gatehouse.Client) (secret string) {
	c.SecretHash, c.Secret = nil, ""
	kind := clientrules.SecretOf(c.AuthMethod)
	if kind == clientrules.NoSecret {
		return ""
	}
	secret = clientSecretPrefix + gatehouse.NewHexSecret()
	if kind == clientrules.SealedSecret {
		c.Secret = secret
	} else {
		c.SecretHash = gatehouse.Digest(secret)
	}
	return secret
}

// ChangeClient changes what people set of a client. c.UpdatedAt says which state
// was seen: when somebody changed it since, that is a Conflict, as it is when the
// configuration file is its master. Its Application ID, its secret, how it proves
// itself and whose it is stay as they are.
func (a *Apps) ChangeClient(tx *store.Tx, by gatehouse.Actor, c gatehouse.Client) (gatehouse.Client, error) {
	old, err := changeableClient(tx, c.ID, c.UpdatedAt)
	if err != nil {
		return c, err
	}
	c.AuthMethod = old.AuthMethod
	c, _, err = a.changeClient(tx, by, old, c)
	return c, err
}

// SetClient is ChangeClient that may also change how the client proves itself. A
// client that needs another sort of secret than it has gets one, which is
// returned and never told again; one that needs none any more loses it.
func (a *Apps) SetClient(tx *store.Tx, by gatehouse.Actor, c gatehouse.Client) (saved gatehouse.Client, secret string, err error) {
	old, err := changeableClient(tx, c.ID, c.UpdatedAt)
	if err != nil {
		return c, "", err
	}
	return a.changeClient(tx, by, old, c)
}

func (a *Apps) changeClient(tx *store.Tx, by gatehouse.Actor, old, c gatehouse.Client) (saved gatehouse.Client, secret string, err error) {
	c.SecretHash, c.Secret, c.CreatedAt, c.Managed = old.SecretHash, old.Secret, old.CreatedAt, old.Managed
	c.OwnerID, c.OwnerAway = old.OwnerID, old.OwnerAway
	if clientrules.SecretOf(c.AuthMethod) != clientrules.SecretOf(old.AuthMethod) {
		secret = giveSecret(&c)
	}
	clientrules.Settle(&c)
	fields := changedClient(old, c)
	if len(fields) == 0 {
		return old, "", nil
	}
	if !slices.Equal(fields, []string{"enabled"}) || c.Enabled { // switching off is always possible
		if err := a.checkClient(tx, c); err != nil {
			return c, "", err
		}
	}
	if err := tx.SaveClient(&c); err != nil {
		return c, "", fmt.Errorf("save the client %s: %w", c.ID, err)
	}
	for _, e := range clientEvents(fields, c.Enabled) {
		if err := a.recordClient(tx, by, c, e); err != nil {
			return c, "", err
		}
	}
	return c, secret, nil
}

// ChangeLookedAfter is ChangeClient by somebody who looks after a client and is no
// administrator: of one that an administrator trusts, so that people are not
// asked, they can take scopes and addresses away and add none. Otherwise they
// could have codes of everybody sent to themselves.
func (a *Apps) ChangeLookedAfter(tx *store.Tx, by gatehouse.Actor, c gatehouse.Client) (gatehouse.Client, error) {
	old, err := changeableClient(tx, c.ID, c.UpdatedAt)
	if err != nil {
		return c, err
	}
	if problems := growsTrusted(old, c); len(problems) > 0 {
		return c, problems
	}
	return a.ChangeClient(tx, by, c)
}

// growsTrusted says what a trusted client would get more of.
func growsTrusted(old, c gatehouse.Client) (all Problems) {
	if c.Trusted != old.Trusted {
		all = append(all, Problem{Err: gatehouse.Errorf(gatehouse.Forbidden, "Only an administrator decides whether people are asked about %s.", old.Name)})
	}
	if !old.Trusted {
		return all
	}
	more := func(was, is []string) bool {
		return slices.ContainsFunc(is, func(s string) bool { return !slices.Contains(was, s) })
	}
	if more(old.Scopes, c.Scopes) {
		all = append(all, at("scopes", gatehouse.Errorf(gatehouse.Forbidden, "People are not asked whether they allow this application, so only an administrator can add scopes to it.")))
	}
	if more(old.RedirectURIs, c.RedirectURIs) {
		all = append(all, at("redirect_uris", gatehouse.Errorf(gatehouse.Forbidden, "People are not asked whether they allow this application, so only an administrator can add addresses to it.")))
	}
	return all
}

// RenewClientSecret gives a client a new secret, which is returned and never told
// again. The old one is good no more from then on; tokens that it got stay.
func (a *Apps) RenewClientSecret(tx *store.Tx, by gatehouse.Actor, id string, seen time.Time) (c gatehouse.Client, secret string, err error) {
	if c, err = changeableClient(tx, id, seen); err != nil {
		return c, "", err
	}
	if clientrules.SecretOf(c.AuthMethod) == clientrules.NoSecret {
		return c, "", gatehouse.Errorf(gatehouse.Conflict, "%s has no secret that could be renewed.", c.Name)
	}
	secret = giveSecret(&c)
	if err := tx.SaveClient(&c); err != nil {
		return c, "", fmt.Errorf("save the client %s: %w", c.ID, err)
	}
	return c, secret, a.recordClient(tx, by, c, event{action: "secret_renewed"})
}

// RemoveClient takes a client away: its tokens end, and what people allowed it is
// forgotten.
func (a *Apps) RemoveClient(tx *store.Tx, by gatehouse.Actor, id string, seen time.Time) error {
	c, err := changeableClient(tx, id, seen)
	if err != nil {
		return err
	}
	if err := tx.DeleteClient(id); err != nil {
		return fmt.Errorf("delete the client %s: %w", id, err)
	}
	return a.recordClient(tx, by, c, event{action: "removed"})
}

// MayLookAfter says whether a person looks after a client: it is their own, or
// of an app that they own.
func MayLookAfter(u gatehouse.User, c gatehouse.Client, connectors []gatehouse.Connector) bool {
	if c.OwnerID != "" {
		return c.OwnerID == u.ID
	}
	return slices.ContainsFunc(OwnedApps(u, connectors), func(o gatehouse.Connector) bool { return c.ConnectorKey == o.Key })
}

// OwnedApps are the apps of which a person is an owner: by their verified
// address.
func OwnedApps(u gatehouse.User, connectors []gatehouse.Connector) []gatehouse.Connector {
	return slices.DeleteFunc(slices.Clone(connectors), func(c gatehouse.Connector) bool {
		return u.Email == "" || !u.EmailVerified || !slices.ContainsFunc(c.Owners, func(o string) bool { return strings.EqualFold(o, u.Email) })
	})
}

// changeableClient finds a client that may be changed here, in the state that
// was seen.
func changeableClient(tx *store.Tx, id string, seen time.Time) (gatehouse.Client, error) {
	c, err := tx.Client(id)
	switch {
	case errors.Is(err, gatehouse.NotFound):
		return c, gatehouse.Errorf(gatehouse.NotFound, "There is no such application. Perhaps it was removed in the meantime.")
	case err != nil:
		return c, fmt.Errorf("read the client: %w", err)
	case c.Managed == gatehouse.ManagedByFile:
		return c, gatehouse.Errorf(gatehouse.Conflict, "%s is named in the configuration file, which is its master. Change it there.", c.Name)
	case !c.UpdatedAt.Equal(seen):
		return c, gatehouse.Errorf(gatehouse.Conflict, "%s was changed by somebody else in the meantime. Look at it again, and repeat your change if it is still needed.", c.Name)
	}
	return c, nil
}

// changedClient are the names of the settings that differ, sorted.
func changedClient(old, c gatehouse.Client) []string {
	same := func(a, b []string) bool { return slices.Equal(a, b) }
	was, is := old.Settings, c.Settings
	var fields []string
	for _, f := range []struct {
		name    string
		changed bool
	}{
		{"app", old.ConnectorKey != c.ConnectorKey},
		{"enabled", old.Enabled != c.Enabled},
		{"grant_types", !same(old.GrantTypes, c.GrantTypes)},
		{"groups_from", was.GroupsFrom != is.GroupsFrom},
		{"groups_only", !same(was.GroupsOnly, is.GroupsOnly)},
		{"lifetimes", was.Lifetimes != is.Lifetimes},
		{"name", old.Name != c.Name},
		{"post_logout_redirect_uris", !same(old.PostLogoutRedirectURIs, c.PostLogoutRedirectURIs)},
		{"redirect_uris", !same(old.RedirectURIs, c.RedirectURIs)},
		{"require_pkce", old.RequirePKCE != c.RequirePKCE},
		{"scopes", !same(old.Scopes, c.Scopes)},
		{"trusted", old.Trusted != c.Trusted},
	} {
		if f.changed {
			fields = append(fields, f.name)
		}
	}
	for _, s := range clientrules.Settings() {
		if s.Text(old) != s.Text(c) {
			fields = append(fields, s.Name)
		}
	}
	slices.Sort(fields)
	return fields
}

// clientEvents are the lines of the audit log for a change.
func clientEvents(fields []string, enabled bool) (all []event) {
	if rest := slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return f == "enabled" }); len(rest) > 0 {
		all = append(all, event{"changed", strings.Join(rest, ", ")})
	}
	switch {
	case !slices.Contains(fields, "enabled"):
	case enabled:
		all = append(all, event{action: "enabled"})
	default:
		all = append(all, event{action: "disabled"})
	}
	return all
}

func (a *Apps) recordClient(tx *store.Tx, by gatehouse.Actor, c gatehouse.Client, e event) error {
	details := map[string]string{"name": c.Name}
	if e.fields != "" {
		details["fields"] = e.fields
	}
	if c.OwnerID != "" {
		details["owner"] = c.OwnerID
	}
	err := tx.Record(gatehouse.Event{Actor: by, Action: "client." + e.action, Target: "client/" + c.ID, Details: details})
	if err != nil {
		return fmt.Errorf("record the change of the client %s: %w", c.ID, err)
	}
	tx.OnCommit(func() {
		if a.Metrics != nil {
			a.Metrics.Count("client_change", "action", e.action)
		}
	})
	return nil
}
