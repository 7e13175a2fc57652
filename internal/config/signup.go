package config

import (
	"errors"

	"gatehouse"
	"gatehouse/internal/lists"
)

// SignUp is whose addresses may make an account. What the file does not name is
// set on the dashboard.
type SignUp struct {
	gatehouse.SignUp
	Named                 []string // the keys that the file names: allow, deny, block_subaddresses, block_disposable
	DisposableDomainsFile string   // absolute; "": the built-in list
}

func (r *reader) signUp(s *section) SignUp {
	u := r.section(s.get("sign_up"), "sign_up")
	defer u.done()
	out := SignUp{
		SignUp: gatehouse.SignUp{
			Allow: r.entries(u, "allow"), Deny: r.entries(u, "deny"),
			BlockSubaddresses: u.flag("block_subaddresses", false), BlockDisposable: u.flag("block_disposable", false),
		},
		DisposableDomainsFile: r.file(u.text("disposable_domains_file", "")),
	}
	for _, key := range []string{"allow", "deny", "block_subaddresses", "block_disposable"} {
		if u.has(key) {
			out.Named = append(out.Named, key)
		}
	}
	if u.has("allow") && len(out.Allow) == 0 {
		r.warn(u.spot("allow"), "an empty list allows everybody; leave the key out to set the list on the dashboard")
	}
	return out
}

// entries are addresses and domains in their one form.
func (r *reader) entries(u *section, key string) []string {
	all := u.texts(key, func(i item, t string) string {
		if _, err := lists.Parse(t); err != nil {
			return "expected an address (alice@example.com) or a domain (example.com, *.example.com; * stands for a whole part between dots), found " + shown(i.value)
		}
		return ""
	})
	tidy, err := lists.Tidy(all)
	var e *gatehouse.Error
	if errors.As(err, &e) {
		r.problem(u.get(key), u.at(key), "%s", e.Sentence())
	}
	return tidy
}
