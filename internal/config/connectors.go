package config

import (
	"errors"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/clientrules"
)

func (r *reader) connectors(s *section) []gatehouse.Connector {
	var all []gatehouse.Connector
	taken := map[string]bool{}
	for _, i := range s.list("connectors", "connectors (maps with name, kind, url)") {
		c := r.section(i.value, i.path)
		if c.v != nil {
			all = append(all, r.connector(c, taken))
		}
	}
	return all
}

func (r *reader) connector(c *section, taken map[string]bool) gatehouse.Connector {
	out := gatehouse.Connector{
		Name:       c.required("name", "what people call the app, such as GitLab"),
		Kind:       c.required("kind", "gitlab or dingtalk"),
		HookSecret: c.text("hook_secret", ""),
		Owners:     r.addresses(c, "owners"),
		Settings:   map[string]string{},
		Enabled:    true,
		Managed:    gatehouse.ManagedByFile,
	}
	out.Key = r.connectorKey(c, out.Name, taken)
	out.URL = r.connectorURL(c, out.Kind)
	out.Token = r.connectorSecret(c, out.Kind)
	if out.Kind == "dingtalk" {
		r.dingTalkSettings(c, &out)
	}
	for _, key := range []string{"group", "app_id"} {
		if t := c.text(key, ""); t != "" {
			out.Settings[key] = t
		}
	}
	r.schedule(c, &out)
	r.kindKeys(c, out.Kind)
	c.done()
	return out
}

// schedule reads when a connector is read: an interval or a cron expression.
func (r *reader) schedule(c *section, out *gatehouse.Connector) {
	when, zone := c.text("schedule", ""), c.text("time_zone", "")
	if _, err := gatehouse.ParseSchedule("1h", zone); err != nil {
		r.problem(c.get("time_zone"), c.at("time_zone"), "%s", sentence(err))
		return
	}
	out.TimeZone = zone
	if when == "" {
		return
	}
	if _, err := gatehouse.ParseSchedule(when, zone); err != nil {
		r.problem(c.get("schedule"), c.at("schedule"), "%s", sentence(err))
		return
	}
	out.Schedule = when
}

// sentence is what an error says to people.
func sentence(err error) string {
	var e *gatehouse.Error
	if errors.As(err, &e) {
		return e.Sentence()
	}
	return err.Error()
}

// connectorKey is the name in lower case unless the file says otherwise.
func (r *reader) connectorKey(c *section, name string, taken map[string]bool) string {
	if c.get("key") != nil {
		return c.name("key", "what stands in the address of its hooks", taken)
	}
	key := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "-")
	v := c.get("name")
	switch {
	case key == "" || v == nil:
		return ""
	case !word.MatchString(key):
		r.problem(v, c.at("name"), "gives no word for the address of its hooks; add a key of %s", wordRule)
	case taken[key]:
		r.problem(v, c.at("name"), "gives the key %s, which another connector has; add a key of its own", key)
	}
	taken[key] = true
	return key
}

func (r *reader) connectorURL(c *section, kind string) string {
	t := c.text("url", "")
	v := c.get("url")
	if t == "" {
		if kind == "gitlab" {
			c.required("url", "GitLab's address, such as https://gitlab.example.com")
		}
		return ""
	}
	u, problem := anyWebURL(v, t)
	if problem == "" && (u.RawQuery != "" || strings.Contains(t, "#")) {
		problem = "has a query or a fragment; expected only the app's address"
	}
	if problem != "" {
		r.problem(v, c.at("url"), "%s", problem)
		return ""
	}
	if u.Scheme == "http" && !clientrules.ThisMachine(u.Hostname()) {
		r.warn(c.spot("url"), "the token goes over the network in clear; use https where the app has it")
	}
	return strings.TrimRight(t, "/")
}

// connectorSecret is what the kind signs in with.
func (r *reader) connectorSecret(c *section, kind string) string {
	token, secret := c.text("personal_access_token", ""), c.text("app_secret", "")
	switch {
	case kind == "gitlab" && token == "":
		c.required("personal_access_token", "a token with the scope read_api; an administrator's sees everything")
	case kind == "dingtalk":
		c.required("app_id", "the AppKey (client ID) of the DingTalk app that reads the directory")
		return c.required("app_secret", "the AppSecret of the DingTalk app that reads the directory")
	case token == "":
		return secret
	}
	return token
}

// dingTalkKeys are the keys that only a connector of DingTalk has.
func dingTalkKeys() []string {
	return []string{"corp_id", "mode", "api_url", "oapi_url", "qps", "managers", "email_verified", "callback_token", "callback_aes_key"}
}

// dingTalkSettings are the settings that only a connector of DingTalk has.
func (r *reader) dingTalkSettings(c *section, out *gatehouse.Connector) {
	for _, key := range []string{"corp_id", "mode", "api_url", "oapi_url"} {
		if t := c.text(key, ""); t != "" {
			out.Settings[key] = t
		}
	}
	if !c.flag("managers", true) {
		out.Settings["managers"] = "false"
	}
	if c.flag("email_verified", false) {
		out.Settings["email_verified"] = "true"
	}
	if n := c.number("qps", 0, 1, 200); n != 0 {
		out.Settings["qps"] = strconv.Itoa(n)
	}
	for _, secret := range [][2]string{
		{"callback_token", "the token of the event subscription in DingTalk's developer console"},
		{"callback_aes_key", "the aes_key of the event subscription in DingTalk's developer console"},
	} {
		key, t := secret[0], ""
		if out.Settings["mode"] == "callback" {
			t = c.required(key, secret[1])
		} else {
			t = c.text(key, "")
		}
		if t != "" && out.Secrets == nil {
			out.Secrets = map[string]string{}
		}
		if t != "" {
			out.Secrets[key] = t
		}
	}
	if mode := out.Settings["mode"]; mode != "" && mode != "stream" && mode != "callback" {
		r.problem(c.get("mode"), c.at("mode"), "expected stream or callback, found %q", mode)
	}
}

// kindKeys refuses keys that another kind has, since they would do nothing.
func (r *reader) kindKeys(c *section, kind string) {
	others := map[string][]string{
		"gitlab":   append([]string{"app_id", "app_secret"}, dingTalkKeys()...),
		"dingtalk": {"personal_access_token", "group", "hook_secret"},
	}
	for _, key := range others[kind] {
		if v := c.get(key); v != nil {
			r.problem(v, c.at(key), "a connector of kind %s has no such key", kind)
		}
	}
}
