package config

import (
	"regexp"
)

// Registration says who may register clients (RFC 7591). The zero value lets
// nobody.
type Registration struct {
	By     string   // "": nobody; "token": who has an initial access token; "anyone"
	Scopes []string // that such clients have at most; nil: openid, profile, email, offline_access
	Hosts  []string // of their https redirect URIs, "app.example.com" or "*.example.com"; nil: any
	NoPKCE bool     // those with a secret need none
	Max    int      // how many may register without token; 0: 1000
}

var hostPattern = regexp.MustCompile(`^(\*\.)?([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9-]+$`)

func (r *reader) registration(s *section) Registration {
	c := r.section(s.get("registration"), "registration")
	defer c.done()
	out := Registration{
		By: r.oneOf(c, "by", []string{"nobody", "token", "anyone"}), Scopes: c.texts("scopes", oneOf(Scopes())), NoPKCE: !c.flag("require_pkce", true),
		Hosts: c.texts("hosts", func(i item, t string) string {
			if !hostPattern.MatchString(t) {
				return "expected a host such as app.example.com or *.example.com, found " + shown(i.value)
			}
			return ""
		}),
		Max: c.number("max", 0, 1, 1_000_000),
	}
	if out.By == "nobody" {
		out.By = ""
	}
	if out.By == "anyone" && len(out.Hosts) == 0 {
		r.warn(c.spot("by"), "any stranger may register an application of any host, and ask your people for consent under any name; name hosts")
	}
	return out
}
