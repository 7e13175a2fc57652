package apps

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse"
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
// Application ID. One that is confidential gets a secret, which is returned and
// never told again. What is wrong with the settings is Problems.
func (a *Apps) AddClient(tx *store.Tx, by gatehouse.Actor, c gatehouse.Client, confidential bool) (saved gatehouse.Client, secret string, err error) {
	c.ID, c.Managed, c.Enabled, c.CreatedAt = gatehouse.NewHexSecret(), gatehouse.ManagedByDashboard, true, time.Time{}
	c.AuthMethod, c.SecretHash, c.Secret = gatehouse.AuthNone, nil, ""
	if confidential {
		c.AuthMethod, secret = "", clientSecretPrefix+gatehouse.NewHexSecret()
		c.SecretHash = gatehouse.Digest(secret)
	}
	if err := a.checkClient(tx, c); err != nil {
		return c, "", err
	}
	if err := tx.SaveClient(&c); err != nil {
		return c, "", fmt.Errorf("save the client: %w", err)
	}
	return c, secret, a.recordClient(tx, by, c, event{action: "created"})
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
	c.SecretHash, c.Secret, c.AuthMethod, c.CreatedAt, c.Managed = old.SecretHash, old.Secret, old.AuthMethod, old.CreatedAt, old.Managed
	c.OwnerID, c.OwnerAway = old.OwnerID, old.OwnerAway
	fields := changedClient(old, c)
	if len(fields) == 0 {
		return old, nil
	}
	if !slices.Equal(fields, []string{"enabled"}) || c.Enabled { // switching off is always possible
		if err := a.checkClient(tx, c); err != nil {
			return c, err
		}
	}
	if err := tx.SaveClient(&c); err != nil {
		return c, fmt.Errorf("save the client %s: %w", c.ID, err)
	}
	for _, e := range clientEvents(fields, c.Enabled) {
		if err := a.recordClient(tx, by, c, e); err != nil {
			return c, err
		}
	}
	return c, nil
}

// RenewClientSecret gives a client a new secret, which is returned and never told
// again. The old one is good no more from then on; tokens that it got stay.
func (a *Apps) RenewClientSecret(tx *store.Tx, by gatehouse.Actor, id string, seen time.Time) (c gatehouse.Client, secret string, err error) {
	if c, err = changeableClient(tx, id, seen); err != nil {
		return c, "", err
	}
	if c.AuthMethod != "" && c.AuthMethod != gatehouse.AuthBasic && c.AuthMethod != gatehouse.AuthPost {
		return c, "", gatehouse.Errorf(gatehouse.Conflict, "%s has no secret that could be renewed.", c.Name)
	}
	secret = clientSecretPrefix + gatehouse.NewHexSecret()
	c.SecretHash = gatehouse.Digest(secret)
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

// checkClient says what is wrong with a client, as Problems; nil when nothing.
func (a *Apps) checkClient(tx *store.Tx, c gatehouse.Client) error {
	problems := checkClientSettings(c)
	if c.OwnerID != "" {
		more, err := checkOwnClient(tx, c)
		if err != nil {
			return err
		}
		problems = append(problems, more...)
	}
	more, err := checkReferences(tx, c)
	if err != nil {
		return err
	}
	if problems = append(problems, more...); len(problems) > 0 {
		return problems
	}
	return nil
}

// checkClientSettings looks at a client for itself.
func checkClientSettings(c gatehouse.Client) (all Problems) {
	add := func(field string, err *gatehouse.Error) { all = append(all, at(field, err)) }
	code := len(c.GrantTypes) == 0 || slices.Contains(c.GrantTypes, "authorization_code")
	switch {
	case strings.TrimSpace(c.Name) == "":
		add("name", gatehouse.Errorf(gatehouse.Invalid, "The application needs a name: people read it when they are asked whether they allow it."))
	case utf8.RuneCountInString(c.Name) > longestClientName || strings.ContainsFunc(c.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		add("name", gatehouse.Errorf(gatehouse.Invalid, "The name may have at most %d characters, on one line, without hidden ones.", longestClientName))
	}
	switch {
	case code && len(c.RedirectURIs) == 0:
		add("redirect_uris", gatehouse.Errorf(gatehouse.Invalid, "Name at least one redirect URI: otherwise people could be sent nowhere."))
	case len(c.RedirectURIs) > mostRedirects || len(c.PostLogoutRedirectURIs) > mostRedirects:
		add("redirect_uris", gatehouse.Errorf(gatehouse.Invalid, "Name at most %d redirect URIs.", mostRedirects))
	}
	all = append(all, checkAddresses("redirect_uris", c.RedirectURIs)...)
	all = append(all, checkAddresses("post_logout_redirect_uris", c.PostLogoutRedirectURIs)...)
	if len(c.Scopes) == 0 || slices.ContainsFunc(c.Scopes, func(s string) bool { return !slices.Contains(config.Scopes(), s) }) {
		add("scopes", gatehouse.Errorf(gatehouse.Invalid, "Choose the scopes among those that are offered, at least one."))
	}
	if slices.ContainsFunc(c.GrantTypes, func(g string) bool { return !slices.Contains(config.GrantTypes(), g) }) {
		add("grant_types", gatehouse.Errorf(gatehouse.Invalid, "Choose the grants among those that are offered."))
	}
	if c.Public() && !c.RequirePKCE {
		add("require_pkce", gatehouse.Errorf(gatehouse.Invalid, "An application without a secret is protected by PKCE alone, so it cannot be switched off."))
	}
	if c.Public() && (slices.Contains(c.GrantTypes, "client_credentials") || slices.Contains(c.Scopes, "provider_tokens")) {
		add("confidential", gatehouse.Errorf(gatehouse.Invalid, "client_credentials and provider_tokens need an application with a secret."))
	}
	l := c.Settings.Lifetimes
	if min(l.Access, l.ID, l.Refresh, l.RefreshAbsolute) < 0 || max(l.Access, l.ID, l.Refresh, l.RefreshAbsolute) > longestLife {
		add("lifetimes", gatehouse.Errorf(gatehouse.Invalid, "A lifetime is a time such as 2h or 720h, at most five years; empty means that of the installation."))
	}
	if len(c.Settings.GroupsOnly) > mostGroups || slices.ContainsFunc(c.Settings.GroupsOnly, func(p string) bool {
		return p == "" || len(p) > longestRedirect || strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") || strings.ContainsAny(p, " \t*")
	}) {
		add("groups_only", gatehouse.Errorf(gatehouse.Invalid, "Write full paths of groups, such as eng/core, one a line, at most %d.", mostGroups))
	}
	return all
}

func checkAddresses(field string, addresses []string) (all Problems) {
	for i, address := range addresses {
		if err := CheckRedirectURI(address); err != nil {
			all = append(all, at(field, err))
		} else if slices.Contains(addresses[:i], address) {
			all = append(all, at(field, gatehouse.Errorf(gatehouse.Invalid, "%s is in the list twice.", clip(address))))
		}
	}
	return all
}

// checkOwnClient holds a person's own application to less: whoever is asked to
// allow it must not take it for one of the company's.
func checkOwnClient(tx *store.Tx, c gatehouse.Client) (all Problems, err error) {
	if slices.ContainsFunc(c.Scopes, func(s string) bool { return !slices.Contains(OwnScopes(), s) }) || len(c.GrantTypes) > 0 || c.Trusted {
		all = append(all, at("scopes", gatehouse.Errorf(gatehouse.Invalid, "An application of your own can have the scopes that are offered, and no others.")))
	}
	clients, err := tx.Clients()
	if err != nil {
		return nil, fmt.Errorf("read the clients: %w", err)
	}
	own := 0
	for _, other := range clients {
		switch {
		case other.ID == c.ID:
		case other.OwnerID == c.OwnerID:
			own++
		case other.OwnerID == "" && strings.EqualFold(strings.TrimSpace(other.Name), strings.TrimSpace(c.Name)):
			all = append(all, Problem{Field: "name", Err: gatehouse.Errorf(gatehouse.Conflict, "There is an application of this name already. Choose another one, so that people do not take yours for it.")})
		}
	}
	if own >= mostOwnClients {
		all = append(all, Problem{Err: gatehouse.Errorf(gatehouse.Conflict, "You have %d applications already. Remove those that are not used.", own)})
	}
	return all, nil
}

// checkReferences looks for what a client names.
func checkReferences(tx *store.Tx, c gatehouse.Client) (all Problems, err error) {
	from := c.Settings.GroupsFrom
	if c.ConnectorKey == "" && (from == "" || from == gatehouse.NoGroups) {
		return nil, nil
	}
	connectors, err := tx.Connectors()
	if err != nil {
		return nil, fmt.Errorf("read the connectors: %w", err)
	}
	has := func(key, kind string) bool {
		return slices.ContainsFunc(connectors, func(o gatehouse.Connector) bool { return o.Key == key && (kind == "" || o.Kind == kind) })
	}
	if c.ConnectorKey != "" && !has(c.ConnectorKey, "") {
		all = append(all, at("app", gatehouse.Errorf(gatehouse.Invalid, "There is no app with this key. Choose one of those that are connected.")))
	}
	if from != "" && from != gatehouse.NoGroups && !has(from, "gitlab") {
		all = append(all, at("groups_from", gatehouse.Errorf(gatehouse.Invalid, "There is no GitLab connector with this key. Choose one of those that there are.")))
	}
	return all, nil
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
		{"backchannel_logout_uri", old.BackchannelLogoutURI != c.BackchannelLogoutURI},
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
