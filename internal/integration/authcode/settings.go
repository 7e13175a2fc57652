package authcode

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
)

// Settings reads a connection's args, one table of them at a time. The first
// setting that is wrong is kept and named by Err; after it, what is read is the
// zero value or the default, so that a reader needs no branch for each setting.
type Settings struct {
	at     string
	values map[string]any
	shared *reading
}

// reading is what all tables of one connection have in common.
type reading struct {
	connection string
	log        *slog.Logger
	err        error
}

// Read begins to read a connection's args. log may be nil: then nothing is
// warned of.
func Read(c gatehouse.Connection, log *slog.Logger) *Settings {
	return &Settings{at: "args", values: c.Args, shared: &reading{connection: c.Name, log: log}}
}

// Err is the first thing that was wrong, a gatehouse.Error of kind Invalid that
// names the setting, or nil.
func (s *Settings) Err() error { return s.shared.err }

// Name is the whole name of a setting of this table, as people write it.
func (s *Settings) Name(key string) string { return s.at + "." + key }

// Has says whether a setting is there.
func (s *Settings) Has(key string) bool { return s.values[key] != nil }

// Keys are the names in this table, sorted.
func (s *Settings) Keys() []string { return slices.Sorted(maps.Keys(s.values)) }

// Wrong notes that a setting is not what was expected. The value is not
// repeated: it may be a secret in the wrong place.
func (s *Settings) Wrong(key, expected string) {
	s.refuse(gatehouse.Errorf(gatehouse.Invalid, "The setting %s of the connection %s is not right: expected %s. Correct it and save again.", s.Name(key), s.shared.connection, expected))
}

// Missing notes that a setting is needed. name is the whole one.
func (s *Settings) Missing(name string) {
	s.refuse(gatehouse.Errorf(gatehouse.Invalid, "The connection %s needs the setting %s. Enter it and save again.", s.shared.connection, name))
}

func (s *Settings) refuse(err error) {
	if s.shared.err == nil {
		s.shared.err = err
	}
}

// Note warns of a setting that is there and has no effect.
func (s *Settings) Note(key, what string) {
	if s.shared.log != nil {
		s.shared.log.Warn("setting "+what, "connection", s.shared.connection, "setting", s.Name(key))
	}
}

// Known warns of all settings of this table but these. They are not refused: a
// section of gitlab.yml is pasted in whole.
func (s *Settings) Known(keys ...string) {
	for _, key := range s.Keys() {
		if !slices.Contains(keys, key) {
			s.Note(key, "is not known and has no effect")
		}
	}
}

// Ignored warns of these settings, where they are there, saying why they have
// no effect.
func (s *Settings) Ignored(why string, keys ...string) {
	for _, key := range keys {
		if s.Has(key) {
			s.Note(key, why)
		}
	}
}

// Table is a table in this one; an empty one when it is not there.
func (s *Settings) Table(key string) *Settings {
	sub := &Settings{at: s.Name(key), shared: s.shared}
	switch v := s.values[key].(type) {
	case nil:
	case map[string]any:
		sub.values = v
	default:
		s.Wrong(key, "a table of settings")
	}
	return sub
}

// Value is a setting as it was given, for what has more than one shape.
func (s *Settings) Value(key string) any { return s.values[key] }

// Text reads a text. Numbers and flags count as what they look like, since YAML
// makes them of unquoted texts.
func (s *Settings) Text(key, usual string) string {
	switch v := s.values[key].(type) {
	case nil:
	case string:
		if t := strings.TrimSpace(v); t != "" {
			return t
		}
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v)
	default:
		s.Wrong(key, "a text")
	}
	return usual
}

// Yes reads true or false, also as texts, as GitLab's documentation has them.
func (s *Settings) Yes(key string, usual bool) bool {
	switch v := s.values[key].(type) {
	case nil:
		return usual
	case bool:
		return v
	case string:
		if v == "true" || v == "false" {
			return v == "true"
		}
	}
	s.Wrong(key, "true or false")
	return usual
}

// Words reads a list of texts, or one text with spaces or commas. A word of a
// list is split too only where split is true: a scope has no spaces in it, the
// name of a group may.
func (s *Settings) Words(key string, split bool) []string {
	parts := func(t string) []string {
		return strings.FieldsFunc(t, func(r rune) bool { return r == ',' || split && (r == ' ' || r == '\t' || r == '\n') })
	}
	var all []string
	add := func(t string) {
		if t = strings.TrimSpace(t); t != "" {
			all = append(all, t)
		}
	}
	switch v := s.values[key].(type) {
	case nil:
	case string:
		for _, word := range parts(v) {
			add(word)
		}
	case []any:
		for _, x := range v {
			t, ok := x.(string)
			if !ok {
				s.Wrong(key, "a list of texts")
				return nil
			}
			if !split {
				add(t)
				continue
			}
			for _, word := range parts(t) {
				add(word)
			}
		}
	default:
		s.Wrong(key, "a list of texts")
	}
	return all
}

// Parameters reads a table of further parameters of the authorization request.
// Those that protect the sign-in are set by Gatehouse alone.
func (s *Settings) Parameters(key string) url.Values {
	t, all := s.Table(key), url.Values{}
	for _, name := range t.Keys() {
		if slices.Contains(reserved(), name) {
			t.Note(name, "is set by Gatehouse itself and has no effect here")
			continue
		}
		if v := t.Text(name, ""); v != "" {
			all.Set(name, v)
		}
	}
	return all
}

func reserved() []string {
	return []string{
		"client_id", "client_secret", "redirect_uri", "response_type", "response_mode", "state", "nonce",
		"code_challenge", "code_challenge_method", "request", "request_uri",
	}
}

// Address reads an absolute address, or with a base also a path on it. http is
// taken only where nobody can listen in between: on this machine itself, or
// where plain says so. "" when the setting is not there.
func (s *Settings) Address(key string, base *url.URL, plain bool) string {
	raw := s.Text(key, "")
	if raw == "" {
		return ""
	}
	if base != nil && strings.HasPrefix(raw, "/") && !strings.HasPrefix(raw, "//") {
		raw = base.Scheme + "://" + base.Host + raw
	}
	if !Usable(raw, plain) {
		s.Wrong(key, "an address that begins with https:// and names a host, such as https://id.example.com")
		return ""
	}
	return raw
}

// Usable says whether a text is an address that secrets may be sent to: https
// with a host and without a user or fragment. http is good for this machine
// itself, and with plain for any.
func Usable(raw string, plain bool) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && (plain || loopback(u.Hostname()))
}

func loopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
