// Package dingtalk speaks to DingTalk (钉钉). As a connection it signs people in
// by the current browser flow, by the older one, or silently inside the DingTalk
// client; it knows them by their unionId, and by default lets in only those whom
// the app's own company employs. As a connector it reads the company's directory,
// departments and people, at the pace that DingTalk allows, and hears of joiners,
// movers and leavers by Stream or by encrypted callbacks.
package dingtalk

import (
	"gatehouse"
	"gatehouse/internal/integration"
)

// Kind is DingTalk as a kind of app.
func Kind() integration.Kind {
	return integration.Kind{
		Name: "dingtalk", Title: "DingTalk",
		OpenConnection:  open,
		ConnectionHosts: hosts,
		OpenConnector:   openConnector,
		ConnectorHosts:  connectorHosts,
		ConnectorForm:   connectorForm(),
		Form:            form(),
	}
}

func open(c gatehouse.Connection, env integration.Env) (integration.Door, error) {
	s, err := read(c)
	if err != nil {
		return integration.Door{}, err
	}
	for _, key := range s.ignored {
		env.Log.Warn("a setting of this DingTalk connection has no effect", "connection", c.Name, "setting", key)
	}
	p := &provider{settings: s, client: &client{settings: s, env: env}}
	door := integration.Door{Provider: p}
	if s.flow != flowLegacy { // which gives no tokens
		door.Refresher = p
	}
	if s.silent {
		door.Embedded = p
	}
	return door, nil
}

func hosts(c gatehouse.Connection) []string {
	s, err := read(c)
	if err != nil {
		return nil
	}
	return []string{s.login, s.api, s.oapi}
}

// The three hosts of DingTalk in China. The international edition has others
// (api.dingtalk.io, oapi.dingtalk.io).
const (
	loginHost = "https://login.dingtalk.com"
	apiHost   = "https://api.dingtalk.com"
	oapiHost  = "https://oapi.dingtalk.com"

	// jsapi is the script by which a page asks the DingTalk client for a code
	// (open.dingtalk.com, "client JSAPI").
	jsapi = "https://g.alicdn.com/dingding/dingtalk-jsapi/3.0.46/dingtalk.open.js"
)
