package apps

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/internal/clientrules"
	"gatehouse/internal/config"
	"gatehouse/internal/store"
)

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
	for _, p := range slices.Concat(clientrules.Each(c), clientrules.Together(c)) {
		add(p.Field, p.Err)
	}
	l := c.Settings.Lifetimes
	if min(l.Access, l.ID, l.Refresh, l.RefreshAbsolute) < 0 || max(l.Access, l.ID, l.Refresh, l.RefreshAbsolute) > longestLife {
		add("lifetimes", gatehouse.Errorf(gatehouse.Invalid, "A lifetime is a time such as 2h or 720h, at most five years; empty means that of the installation."))
	}
	if len(c.Settings.GroupsOnly) > mostGroups || slices.ContainsFunc(c.Settings.GroupsOnly, func(p string) bool {
		return p == "" || len(p) > clientrules.LongestAddress || strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") || strings.ContainsAny(p, " \t*")
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
	connectors, err := tx.Connectors()
	if err != nil {
		return nil, fmt.Errorf("read the connectors: %w", err)
	}
	looks := seen(c.Name)
	taken := looks == "" || looks == seen("Gatehouse") ||
		slices.ContainsFunc(connectors, func(o gatehouse.Connector) bool { return seen(o.Name) == looks })
	own := 0
	for _, other := range clients {
		switch {
		case other.ID == c.ID:
		case other.OwnerID == c.OwnerID:
			own++
		case other.OwnerID == "" && seen(other.Name) == looks:
			taken = true
		}
	}
	if taken {
		all = append(all, Problem{Field: "name", Err: gatehouse.Errorf(gatehouse.Conflict, "There is an application of this name already, or of one that looks like it. Choose another one, so that people do not take yours for it.")})
	}
	if own >= mostOwnClients {
		all = append(all, Problem{Err: gatehouse.Errorf(gatehouse.Conflict, "You have %d applications already. Remove those that are not used.", own)})
	}
	return all, nil
}

// checkReferences looks for what a client names.
func checkReferences(tx *store.Tx, c gatehouse.Client) (all Problems, err error) {
	if name := c.Settings.UserIDFrom; name != "" {
		connection, err := tx.ConnectionByName(name)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return nil, fmt.Errorf("read the connection: %w", err)
		}
		if err != nil || connection.Kind != "gitlab" {
			all = append(all, at("user_id_from", gatehouse.Errorf(gatehouse.Invalid, "There is no connection to a GitLab with this name. Choose one of those that there are.")))
		}
	}
	from := c.Settings.GroupsFrom
	if c.ConnectorKey == "" && (from == "" || from == gatehouse.NoGroups) {
		return all, nil
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
