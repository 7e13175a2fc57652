package apps

import (
	"maps"

	"gatehouse"
)

// BuiltIn are the credentials of a stand-in that development brings along, for
// connections without credentials of their own.
type BuiltIn struct {
	AppID, AppSecret string
	Args             map[string]any // where the stand-in is; they win over a connection's own
	// Register has the stand-in send people back to a redirect URI. It may be
	// called again with the same one.
	Register func(redirectURI string) error
}

// RedirectURI is the callback address of a connection: what an administrator
// enters at the provider.
func (a *Apps) RedirectURI(connection string) string {
	return a.URL + "/users/auth/" + connection + "/callback"
}

// withBuiltIn is a connection with the credentials that it is opened with.
func (a *Apps) withBuiltIn(c gatehouse.Connection) (gatehouse.Connection, error) {
	if !c.BuiltIn {
		return c, nil
	}
	b, ok := a.BuiltIn[c.Kind]
	if !ok {
		return c, gatehouse.Errorf(gatehouse.Invalid, "The connection %s has built-in credentials, which exist in development only. Enter custom credentials.", c.Name)
	}
	c.AppID, c.AppSecret, c.Args = b.AppID, b.AppSecret, overlaid(c.Args, b.Args)
	if b.Register == nil {
		return c, nil
	}
	return c, b.Register(a.RedirectURI(c.Name))
}

// overlaid is args with the values of over, table by table.
func overlaid(args, over map[string]any) map[string]any {
	all := maps.Clone(args)
	if all == nil {
		all = map[string]any{}
	}
	for name, v := range over {
		table, ok := v.(map[string]any)
		if old, was := all[name].(map[string]any); ok && was {
			v = overlaid(old, table)
		}
		all[name] = v
	}
	return all
}
