package apps

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
)

// event is a line for the audit log: what happened, and to which settings.
type event struct{ action, fields string }

// changes are what the audit log says of a change: names of settings, never
// their values. None: nothing changed.
func changes(old, c gatehouse.Connection) []event {
	if old.ID == "" {
		return []event{{action: "created"}}
	}
	fields := changedFields(old, c)
	var all []event
	if rest := slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return f == "enabled" }); len(rest) > 0 {
		all = append(all, event{"changed", strings.Join(rest, ", ")})
	}
	switch {
	case c.Enabled && !old.Enabled:
		all = append(all, event{action: "enabled"})
	case !c.Enabled && old.Enabled:
		all = append(all, event{action: "disabled"})
	}
	return all
}

// changedFields are the names of the settings that differ, sorted.
func changedFields(old, c gatehouse.Connection) []string {
	before, after := settingsOf(old), settingsOf(c)
	names := maps.Clone(before)
	maps.Copy(names, after)
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if before[name] != after[name] {
			changed = append(changed, name)
		}
	}
	return changed
}

// settingsOf are the settings by their names, each as text to be compared.
func settingsOf(c gatehouse.Connection) map[string]string {
	row := map[string]any{
		"label": c.Label, "icon": c.Icon, "enabled": c.Enabled, "app_id": c.AppID, "app_secret": c.AppSecret, "built_in": c.BuiltIn,
		"args": c.Args, "rules": asTable(c.Rules),
	}
	all := map[string]string{}
	flatten(all, "", withoutEmpty(row))
	return all
}

func asTable(v any) map[string]any {
	text, err := json.Marshal(v)
	var table map[string]any
	if err == nil {
		err = json.Unmarshal(text, &table)
	}
	if err != nil {
		return nil // rules are flags and texts: it cannot happen
	}
	return table
}

func flatten(all map[string]string, at string, v any) {
	table, ok := v.(map[string]any)
	if !ok {
		if text, err := json.Marshal(v); err == nil {
			all[at] = string(text)
		}
		return
	}
	for name, below := range table {
		flatten(all, strings.TrimPrefix(at+"."+name, "."), below)
	}
}

// movesSecret says whether the secret, which is kept as it was, would be sent to other places
// than before: whoever may change an address must not learn a secret by it that
// they do not know.
func movesSecret(k integration.Kind, old, c gatehouse.Connection) bool {
	if c.AppSecret == "" || k.ConnectionHosts == nil {
		return false
	}
	known := originsOf(k.ConnectionHosts(old))
	return slices.ContainsFunc(originsOf(k.ConnectionHosts(c)), func(o string) bool { return !slices.Contains(known, o) })
}

// originsOf are scheme, host and port of addresses.
func originsOf(addresses []string) []string {
	var all []string
	for _, a := range addresses {
		if u, err := url.Parse(a); err == nil {
			all = append(all, strings.ToLower(u.Scheme+"://"+u.Host))
		}
	}
	return all
}
