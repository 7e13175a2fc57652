package config

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/config/ruby"
)

// ImportOptions say what ImportGitLab should know besides the file.
type ImportOptions struct {
	URL   string            // of the Gatehouse that is to be; "": an example, to be changed
	Kinds func(string) bool // the kinds of connections that this build knows
}

// Imported is what a GitLab's configuration means here.
type Imported struct {
	YAML    []byte            // a configuration file of ours
	Secrets map[string]string // what YAML names as ${NAME}
	Taken   []Remark
	Left    []Remark // what was not taken, and why
}

// Remark is about a place of the imported file.
type Remark struct {
	Line int    // from 1
	What string // the setting or provider
	Why  string // "" where it goes without saying
}

// ImportGitLab reads how people sign in to a GitLab out of its gitlab.rb (the
// gitlab_rails['omniauth_…'] lines) or gitlab.yml (the section omniauth), and
// writes a configuration of ours that means the same. Nothing of the file is
// executed. What is wrong with it is an *Error that names lines of that file.
func ImportGitLab(name string, data []byte, o ImportOptions) (*Imported, error) {
	if len(data) > maxFile {
		return nil, &Error{Problems: []Problem{{File: name, Line: 1, Column: 1, Message: fmt.Sprintf("the file is longer than %d bytes, which no configuration is", maxFile)}}}
	}
	r := newReader(name, "", data, nil)
	r.asItStands = true
	im := &importer{reader: r, options: o, out: Imported{Secrets: map[string]string{}}}
	var section *value
	if isRuby(name, data) {
		section = im.ruby(data)
	} else {
		section = im.yaml(data)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	im.sift(section)
	r.omniAuth(r.section(&value{pos: section.pos, shape: dict, keys: []entry{{section.pos, "omniauth", section}}}, ""))
	if err := r.err(); err != nil {
		return nil, err
	}
	for _, w := range r.sortedWarnings() {
		im.out.Left = append(im.out.Left, Remark{Line: w.Line, What: w.Path, Why: w.Message})
	}
	if err := im.write(section); err != nil {
		return nil, err
	}
	byLine := func(a, b Remark) int { return a.Line - b.Line }
	slices.SortStableFunc(im.out.Taken, byLine)
	slices.SortStableFunc(im.out.Left, byLine)
	return &im.out, nil
}

type importer struct {
	*reader
	options ImportOptions
	out     Imported
}

func isRuby(name string, data []byte) bool {
	switch filepath.Ext(name) {
	case ".rb":
		return true
	case ".yml", ".yaml":
		return false
	}
	return bytes.Contains(data, []byte("gitlab_rails["))
}

func (im *importer) left(at pos, what, why string, args ...any) {
	im.out.Left = append(im.out.Left, Remark{Line: at.line, What: what, Why: fmt.Sprintf(why, args...)})
}

const rubyPrefix = "omniauth_"

// ruby gathers the settings of gitlab.rb into one section, as it would stand in
// gitlab.yml.
func (im *importer) ruby(data []byte) *value {
	im.understood = true
	section := &value{pos: pos{1, 1}, shape: dict}
	found, problems := ruby.Read(string(data), func(object, key string) bool {
		return object == "gitlab_rails" && strings.HasPrefix(key, rubyPrefix)
	})
	for _, p := range problems {
		im.problemAt(pos{p.Line, p.Column}, "", "%s", p.Message)
	}
	for _, a := range found {
		at, what := pos{a.Line, a.Column}, fmt.Sprintf("gitlab_rails['%s']", clip(a.Key))
		if a.Under > 0 {
			im.problemAt(at, what, "stands under a condition that begins at line %d and is not evaluated; write it outside, as it is to be", a.Under)
			continue
		}
		im.assign(section, entry{pos: at, key: strings.TrimPrefix(a.Key, rubyPrefix), value: im.literal(a.Value, a.Key)}, a.Op, what)
	}
	if len(found) == 0 && len(problems) == 0 {
		im.problemAt(pos{1, 1}, "", "there is no line gitlab_rails['omniauth_…'] in this file, so it does not say how people sign in")
	}
	return section
}

// assign does what Ruby's operators do: the last assignment counts, += and <<
// add to a list.
func (im *importer) assign(section *value, e entry, op, what string) {
	old := section.find(e.key)
	switch {
	case old == nil && op == "<<":
		e.value = &value{pos: e.value.pos, shape: list, items: []*value{e.value}}
		section.keys = append(section.keys, e)
	case old == nil:
		section.keys = append(section.keys, e)
	case op == "||=":
		im.left(e.pos, what, "was set before, at line %d", old.line)
	case op == "=":
		im.left(old.pos, what, "is set again at line %d, which counts", e.line)
		*old = e
	case old.value.shape != list, op == "+=" && e.value.shape != list:
		im.problemAt(e.pos, what, "%s adds to a list, and this is none", op)
	case op == "<<":
		old.value.items = append(slices.Clone(old.value.items), e.value)
	default:
		old.value.items = slices.Concat(old.value.items, e.value.items)
	}
}

// literal is a value of Ruby's as one of a configuration.
func (im *importer) literal(v ruby.Value, key string) *value {
	out := &value{pos: pos{v.Line, v.Column}, secret: secretKey(key)}
	switch v.Kind {
	case ruby.Bool:
		out.shape, out.scalar = flag, v.Bool
	case ruby.Int:
		out.shape, out.scalar = number, v.Int
	case ruby.Float:
		out.shape, out.scalar = number, v.Float
	case ruby.Text:
		out.shape, out.text, out.literal = text, v.Text, v.Text
		if out.secret {
			im.hide(out.pos, v.Text)
		}
	case ruby.Env:
		out.shape, out.text, out.from = text, "${"+v.Text+"}", v.Text
	case ruby.Array:
		out.shape = list
		for _, i := range v.Items {
			out.items = append(out.items, im.literal(i, key))
		}
	case ruby.Hash:
		out.shape = dict
		for _, p := range v.Pairs {
			if old := out.find(p.Key); old != nil {
				im.problemAt(pos{p.Line, p.Column}, clip(p.Key), "is there twice; line %d has it, too", old.line)
				continue
			}
			out.keys = append(out.keys, entry{pos{p.Line, p.Column}, p.Key, im.literal(p.Value, p.Key)})
		}
	case ruby.Nil:
	}
	return out
}

// yaml finds the section omniauth of a gitlab.yml: under production, as GitLab
// has it, or on top. A section alone will do, too.
func (im *importer) yaml(data []byte) *value {
	for i, line := range im.lines {
		if before, _, _ := strings.Cut(line, "#"); strings.Contains(before, "<%") {
			im.problemAt(pos{i + 1, strings.Index(line, "<%") + 1}, "", "this line is computed (<%%), and nothing is executed; write it as it is to be")
		}
	}
	if len(im.problems) > 0 {
		return nil
	}
	root := im.tree(data)
	if len(im.problems) > 0 {
		return nil
	}
	if root.shape != dict {
		im.problemAt(pos{1, 1}, "", "this is no gitlab.yml: it is no map (key: value)")
		return nil
	}
	for _, path := range [][]string{{"production", "omniauth"}, {"omniauth"}, {"development", "omniauth"}} {
		at := root
		for _, key := range path {
			if e := at.find(key); e != nil {
				at = e.value
			} else {
				at = &value{}
			}
		}
		if at.shape == dict {
			return at
		}
	}
	if root.find("providers") != nil {
		return root
	}
	im.problemAt(pos{1, 1}, "", "there is no section omniauth in this file, neither on top nor under production, so it does not say how people sign in")
	return nil
}

// notOurs are the settings that Gatehouse cannot take over, and why.
func notOurs() map[string]string {
	return map[string]string{
		"auto_link_ldap_user":        "it is for LDAP, which Gatehouse does not speak",
		"auto_link_saml_user":        "it is for SAML, which Gatehouse does not speak",
		"saml_message_max_byte_size": "it is for SAML, which Gatehouse does not speak",
		"cas3":                       "it is for CAS, which Gatehouse does not speak",
		"session_tickets":            "it is for CAS, which Gatehouse does not speak",
		"sync_email_from_provider":   "GitLab has sync_profile_from_provider in its place",
		"allow_local_token":          "Gatehouse has no such setting",
	}
}

// ours are the settings that mean the same here.
func ours() []string {
	return []string{
		"enabled", "allow_single_sign_on", "block_auto_created_users", "auto_link_user", "external_providers", "sync_profile_from_provider",
		"sync_profile_attributes", "auto_sign_in_with_provider", "allow_bypass_two_factor", "providers",
	}
}

// sift takes out what cannot be taken over, and says why.
func (im *importer) sift(section *value) {
	var keep []entry
	for _, e := range section.keys {
		why, known := notOurs()[e.key]
		switch {
		case known:
			im.left(e.pos, e.key, "%s", why)
		case !slices.Contains(ours(), e.key):
			im.left(e.pos, clip(e.key), "Gatehouse does not know this setting")
		case e.value.shape == null:
			im.left(e.pos, e.key, "it is empty, so the default counts")
		default:
			keep = append(keep, e)
			if e.key != "providers" {
				im.out.Taken = append(im.out.Taken, Remark{Line: e.line, What: e.key})
			}
		}
	}
	section.keys = keep
	if e := section.find("providers"); e != nil && e.value.shape == list {
		e.value = im.siftProviders(e.value)
	}
}

func (im *importer) siftProviders(providers *value) *value {
	kept := *providers
	kept.items = nil
	for _, p := range providers.items {
		name, kind := im.kindOf(p)
		switch {
		case p.shape == dict && kind != "" && im.options.Kinds != nil && !im.options.Kinds(kind):
			im.left(p.pos, "provider "+clip(name), "%s", whyNot(kind))
		default: // what is wrong with it is told when the section is read
			kept.items = append(kept.items, p)
			im.out.Taken = append(im.out.Taken, Remark{Line: p.line, What: "provider " + clip(name)})
		}
	}
	return &kept
}

// kindOf is the name of a provider and the kind by which we would open it.
func (im *importer) kindOf(p *value) (name, kind string) {
	if e := p.find("name"); e != nil && e.value.shape == text {
		name, kind = e.value.text, e.value.text
	}
	if e := p.find("args"); e != nil && e.value.shape == dict {
		if args, ok := plain(e.value).(map[string]any); ok {
			if k := kindOfStrategy(args); k != "" {
				kind = k
			}
		}
	}
	return name, kind
}

func whyNot(kind string) string {
	switch kind {
	case "saml", "group_saml":
		return "Gatehouse does not speak SAML; most such providers offer OpenID Connect as well: add one with openid_connect"
	case "ldap", "kerberos", "cas3", "crowd", "shibboleth", "jwt":
		return "Gatehouse does not speak what this provider speaks; if it offers OpenID Connect, add one with openid_connect"
	}
	return fmt.Sprintf("this build has no connections of the kind %q; if the provider speaks OpenID Connect or OAuth 2.0, name args.strategy_class or add one with openid_connect or oauth2_generic", clip(kind))
}

// secretNames gives a secret of a provider a variable of its own.
func (im *importer) secretName(provider, key string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, provider+"_"+key)
	name := "GATEHOUSE_" + clean
	for n := 2; ; n++ {
		if _, taken := im.out.Secrets[name]; !taken {
			return name
		}
		name = fmt.Sprintf("GATEHOUSE_%s_%d", clean, n)
	}
}

// SecretNames are the names of the secrets, in order.
func (i *Imported) SecretNames() []string { return slices.Sorted(maps.Keys(i.Secrets)) }
