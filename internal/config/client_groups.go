package config

import (
	"slices"
	"strings"

	"gatehouse"
)

// groupPath is the full path of a group, as GitLab writes it.
func groupPath(i item, t string) string {
	if strings.HasPrefix(t, "/") || strings.HasSuffix(t, "/") || strings.ContainsAny(t, " \t*") || strings.Contains(t, "//") {
		return "expected the full path of a group, such as eng/core, found " + shown(i.value)
	}
	return ""
}

// numbersOfClients checks by whose ids the clients know people. The connection may
// be one of the dashboard.
func (r *reader) numbersOfClients(s *section, clients []gatehouse.Client, connections []gatehouse.Connection) {
	has := func(name string) bool {
		return slices.ContainsFunc(connections, func(c gatehouse.Connection) bool { return c.Name == name && c.Kind == "gitlab" })
	}
	for _, c := range clients {
		if name := c.Settings.UserIDFrom; name != "" && !has(name) {
			r.warn(s.spot("clients"), "user_id_from of %s: no GitLab connection of this file has the name %s; unless the dashboard has one, nobody can sign in to it", clip(c.ID), clip(name))
		}
	}
}

// groupsOfClients checks which GitLab the clients are told groups of.
func (r *reader) groupsOfClients(s *section, clients []gatehouse.Client, connectors []gatehouse.Connector) {
	var gitlabs []string
	for _, c := range connectors {
		if c.Kind == "gitlab" && c.Key != "" && !slices.Contains(gitlabs, c.Key) {
			gitlabs = append(gitlabs, c.Key)
		}
	}
	v, n := s.get("clients"), 0
	if v == nil || v.bad || v.shape != list {
		return
	}
	for _, one := range itemsOf(v, s.at("clients")) {
		if one.bad || one.shape != dict || n >= len(clients) {
			continue // told already
		}
		c, from := clients[n], one.find("groups_from")
		n++
		switch {
		case from != nil && c.Settings.GroupsFrom != "" && c.Settings.GroupsFrom != gatehouse.NoGroups && !slices.Contains(gitlabs, c.Settings.GroupsFrom):
			r.warn(spot{from.value.pos, join(one.path, "groups_from")}, "no GitLab connector of this file has this key, so the client is told of no groups; there is: %s", strings.Join(append(gitlabs, gatehouse.NoGroups), ", "))
		case from == nil && len(gitlabs) > 1 && slices.Contains(c.Scopes, "openid"):
			r.warn(spot{one.pos, one.path}, "there are several GitLab connectors and groups_from names none, so the client is told of no groups; name one of %s, or none", strings.Join(gitlabs, ", "))
		}
	}
}
