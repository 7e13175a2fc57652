// Package gitlab speaks to a GitLab, self-managed or GitLab.com: people sign in
// through its OAuth application (a connection), and its accounts, groups,
// projects and direct memberships are read with a personal access token (a
// connector), with as few requests as GitLab's interfaces allow and never
// faster than its limits permit.
package gitlab

import (
	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/authcode"
)

// DefaultSite is GitLab.com, which a connection without a site means.
const DefaultSite = "https://gitlab.com"

// Kind is how this build speaks to GitLab. A connection takes the arguments of
// GitLab's own omniauth section; a connector takes the URL, a personal access
// token and, for new accounts, the setting "group".
func Kind() integration.Kind {
	return integration.Kind{
		Name:            "gitlab",
		Title:           "GitLab",
		OpenConnection:  openConnection,
		OpenConnector:   openConnector,
		ConnectionHosts: connectionHosts, ConnectionAuthority: authcode.Authority,
		ConnectorHosts: connectorHosts,
		Form:           form(),
		ConnectorForm:  connectorForm(),
	}
}

// connectionHosts are the addresses that a connection's settings name. Settings
// that are wrong name none: opening the connection says why.
func connectionHosts(c gatehouse.Connection) []string {
	s, err := readSettings(c, nil)
	if err != nil {
		return nil
	}
	return []string{s.authorize, s.token, s.user}
}

func connectorHosts(c gatehouse.Connector) []string {
	base, err := siteURL(c.URL, "url")
	if err != nil {
		return nil
	}
	return []string{base.String()}
}

func openConnection(c gatehouse.Connection, env integration.Env) (integration.Door, error) {
	s, err := readSettings(c, env.Log)
	if err != nil {
		return integration.Door{}, err
	}
	d := &door{settings: s, env: env}
	return integration.Door{Provider: d, Refresher: d, ShowsFresh: d.openID()}, nil
}

func openConnector(c gatehouse.Connector, env integration.Env) (integration.Connected, error) {
	base, err := siteURL(c.URL, "url")
	if err != nil {
		return integration.Connected{}, err
	}
	if c.Token == "" {
		return integration.Connected{}, missing("personal_access_token")
	}
	s := newSource(base, c.Token, env)
	receiver, err := newReceiver(c.HookSecret, env.Clock)
	return integration.Connected{Source: s, Chooser: s, Resources: s, Glancer: s, Receiver: receiver}, err
}
