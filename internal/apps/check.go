package apps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
)

// Problem is what is wrong with one setting of a connection.
type Problem struct {
	// Field is the setting by its name: "label", "app_id", "rules.trusted_domains",
	// "args.client_options.site"; "" when that is not known.
	Field string
	Err   *gatehouse.Error
}

// Problems are what is wrong with the settings of a connection; at least one.
type Problems []Problem

// Error is all sentences, for logs.
func (p Problems) Error() string {
	all := make([]string, len(p))
	for i, one := range p {
		all[i] = strings.TrimPrefix(one.Field+": "+one.Err.Error(), ": ")
	}
	return strings.Join(all, "; ")
}

// Unwrap gives the errors, whose kinds are those of the whole.
func (p Problems) Unwrap() []error {
	all := make([]error, len(p))
	for i, one := range p {
		all[i] = one.Err
	}
	return all
}

// Beside puts what err says is wrong with settings beside their inputs, in the
// language of ctx: the first problem of each. inputOf is the input of a setting;
// nil: its own name. An err that is no problem of settings is returned.
func Beside(ctx context.Context, err error, inputs map[string]string, inputOf func(field string) string) error {
	var problems Problems
	if !errors.As(err, &problems) {
		return err
	}
	for _, p := range problems {
		name := p.Field
		if inputOf != nil {
			name = inputOf(p.Field)
		}
		if inputs[name] == "" {
			inputs[name] = i18n.Text(ctx, p.Err.Message, p.Err.Args...)
		}
	}
	return nil
}

func at(field string, err *gatehouse.Error) Problem { return Problem{Field: field, Err: err} }

func unknownKind(kind string) Problem {
	return Problem{Field: "kind", Err: gatehouse.Errorf(gatehouse.Invalid, "This build cannot sign people in with the kind %q. Choose one of those that are offered.", clip(kind))}
}

// Bounds of what is entered, in bytes.
const (
	longestLabel  = 100
	longestID     = 1000
	longestSecret = 16 << 10
	longestArgs   = 32 << 10
	mostDomains   = 200
)

var connectionName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// check looks at what is the same for all kinds.
func (a *Apps) check(c gatehouse.Connection, k integration.Kind) Problems {
	var all Problems
	add := func(found *Problem) {
		if found != nil {
			all = append(all, *found)
		}
	}
	add(checkName(c))
	add(checkLine("label", c.Label, longestLabel))
	add(checkIcon(c.Icon))
	add(a.checkCredentials(c))
	for _, p := range checkArgs(c.Args, k.Form, c.BuiltIn) {
		add(&p)
	}
	for _, p := range checkRules(c.Rules) {
		add(&p)
	}
	return all
}

func checkName(c gatehouse.Connection) *Problem {
	var p Problem
	switch {
	case c.ID != "": // it does not change
		return nil
	case !connectionName.MatchString(c.Name):
		p = at("name", gatehouse.Errorf(gatehouse.Invalid, "The name stands in addresses: use lower-case letters, digits, _ and -, at most 64."))
	case gatehouse.ReservedConnectionName(c.Name):
		p = at("name", gatehouse.Errorf(gatehouse.Invalid, "/sign-in/%s is a page of Gatehouse. Choose another name.", c.Name))
	default:
		return nil
	}
	return &p
}

func checkLine(field, text string, longest int) *Problem {
	if len(text) <= longest && !strings.ContainsFunc(text, unicode.IsControl) {
		return nil
	}
	p := at(field, gatehouse.Errorf(gatehouse.Invalid, "Use one line of at most %d characters.", longest))
	return &p
}

// checkIcon takes what the configuration file takes: an https URL, an own path
// or a built-in name.
func checkIcon(icon string) *Problem {
	u, err := url.Parse(icon)
	switch {
	case icon == "", connectionName.MatchString(icon):
		return nil
	case len(icon) <= longestID && strings.HasPrefix(icon, "/") && !strings.HasPrefix(icon, "//") && !strings.Contains(icon, `\`):
		return nil
	case err == nil && len(icon) <= longestID && u.Scheme == "https" && u.Hostname() != "" && u.User == nil:
		return nil
	}
	p := at("icon", gatehouse.Errorf(gatehouse.Invalid, "Choose a built-in icon, or give an https address or a path."))
	return &p
}

func (a *Apps) checkCredentials(c gatehouse.Connection) *Problem {
	_, has := a.BuiltIn[c.Kind]
	var p Problem
	switch {
	case c.BuiltIn && !has:
		p = at("built_in", gatehouse.Errorf(gatehouse.Invalid, "Built-in credentials exist in development only, and not for every kind. Use custom credentials."))
	case c.BuiltIn:
		return nil
	case strings.TrimSpace(c.AppID) == "":
		p = at("app_id", gatehouse.Errorf(gatehouse.Invalid, "Enter the client ID that the provider shows for the application."))
	case strings.TrimSpace(c.AppID) != c.AppID:
		p = at("app_id", gatehouse.Errorf(gatehouse.Invalid, "Take out the spaces at the beginning and the end."))
	case len(c.AppSecret) > longestSecret:
		p = at("app_secret", gatehouse.Errorf(gatehouse.Invalid, "The client secret is too long to be one. Copy it again."))
	default:
		return checkLine("app_id", c.AppID, longestID)
	}
	return &p
}

// secretNames are names of settings that hold a secret wherever they stand.
var secretNames = regexp.MustCompile(`(?i)(^|_)(secret|password|passwd|private_key|signing_key|api_key|access_token|refresh_token|token)$|^jwt_secret`)

// checkArgs refuses what is too much, secrets in places that are not sealed, and
// fields that must not be empty.
func checkArgs(args map[string]any, form integration.Form, builtIn bool) Problems {
	text, err := json.Marshal(args)
	if err != nil || len(text) > longestArgs {
		return Problems{at("args", gatehouse.Errorf(gatehouse.Invalid, "The further settings are too long."))}
	}
	if name := secretIn(args, ""); name != "" {
		return Problems{at("args", gatehouse.Errorf(gatehouse.Invalid, "%s looks like a secret, and these settings are not kept sealed. Enter it as the client secret.", name))}
	}
	var all Problems
	entered, _ := form.Split(args)
	for _, f := range form.All() {
		value := strings.TrimSpace(entered[f.Arg])
		switch {
		case f.Required && value == "" && !builtIn && !has(args, f.Arg):
			all = append(all, at("args."+f.Arg, gatehouse.Errorf(gatehouse.Invalid, "This is needed.")))
		case f.Type == integration.URLField && value != "" && !address(value):
			all = append(all, at("args."+f.Arg, gatehouse.Errorf(gatehouse.Invalid, "This is not an address. It begins with https:// and names a host, for example https://id.example.com.")))
		case f.Type == integration.ChoiceField && value != "" && !slices.ContainsFunc(f.Choices, func(c integration.Choice) bool { return c.Value == value }):
			all = append(all, at("args."+f.Arg, gatehouse.Errorf(gatehouse.Invalid, "Choose one of those that are offered.")))
		}
	}
	return all
}

func has(args map[string]any, path string) bool {
	name, below, deeper := strings.Cut(path, ".")
	if !deeper {
		return args[name] != nil
	}
	table, ok := args[name].(map[string]any)
	return ok && has(table, below)
}

// address takes paths too, since some settings may be paths on another one; what
// else is wrong with an address, its kind says.
func address(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.User == nil && ((u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" || strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//"))
}

// secretIn is the name of the first setting that looks like a secret, "" if none.
func secretIn(v any, at string) string {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range sortedNames(v) {
			if s, ok := v[name].(string); ok && s != "" && secretNames.MatchString(name) {
				return strings.TrimPrefix(at+"."+name, ".")
			}
			if found := secretIn(v[name], at+"."+name); found != "" {
				return found
			}
		}
	case []any:
		for _, one := range v {
			if found := secretIn(one, at); found != "" {
				return found
			}
		}
	case string:
		if strings.Contains(v, "PRIVATE KEY-----") {
			return strings.TrimPrefix(at, ".")
		}
	}
	return ""
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ProfileAttributes are what sync_profile_attributes may name, as GitLab has them.
func ProfileAttributes() []string {
	return []string{"name", "email", "location", "organization", "job_title"}
}

var domain = regexp.MustCompile(`(?i)^@?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$`)

func checkRules(r gatehouse.ConnectionRules) Problems {
	var all Problems
	if len(r.TrustedDomains) > mostDomains {
		all = append(all, at("rules.trusted_domains", gatehouse.Errorf(gatehouse.Invalid, "At most %d domains can be trusted.", mostDomains)))
	}
	for _, d := range r.TrustedDomains {
		if len(d) > 254 || !domain.MatchString(d) {
			all = append(all, at("rules.trusted_domains", gatehouse.Errorf(gatehouse.Invalid, "%q is not a domain. Write them as example.com, with a space between them.", clip(d))))
			break
		}
	}
	for _, name := range r.SyncProfileAttributes {
		if !slices.Contains(ProfileAttributes(), name) {
			all = append(all, at("rules.sync_profile_attributes", gatehouse.Errorf(gatehouse.Invalid, "%q cannot be kept up to date. Choose among %s.", clip(name), strings.Join(ProfileAttributes(), ", "))))
			break
		}
	}
	return all
}

// clip is what was entered, short enough to be said again.
func clip(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}

// tryOpen has the kind check its settings. It speaks to nobody.
func (a *Apps) tryOpen(c gatehouse.Connection, k integration.Kind) Problems {
	_, err := a.openDoor(c)
	if err == nil {
		return nil
	}
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		e = gatehouse.Errorf(gatehouse.Invalid, "Its settings could not be understood. Check them, and report this as a fault of Gatehouse.").Because(err)
	}
	return Problems{{Field: fieldOf(e, k.Form), Err: e}}
}

// fieldOf is the setting that a kind's sentence names among its values.
func fieldOf(e *gatehouse.Error, form integration.Form) string {
	for _, arg := range e.Args {
		words := strings.FieldsFunc(fmt.Sprint(arg), func(r rune) bool { return strings.ContainsRune(" ,;:()", r) })
		for _, word := range words {
			if word == "app_id" || word == "app_secret" {
				return word
			}
			word = strings.TrimPrefix(word, "args.")
			if slices.ContainsFunc(form.All(), func(f integration.Field) bool { return f.Arg == word }) {
				return "args." + word
			}
		}
	}
	for _, word := range []string{"app_id", "app_secret"} {
		if strings.Contains(e.Message, word) {
			return word
		}
	}
	return ""
}

// CheckAddresses says by Problems which addresses of a connection of the
// dashboard Gatehouse may not connect to. It looks names up, so it has no place
// in a transaction, and it protects nothing: the guard does, at each request.
func (a *Apps) CheckAddresses(ctx context.Context, c gatehouse.Connection) error {
	k, ok := a.Kind(c.Kind)
	if !ok || k.ConnectionHosts == nil || c.BuiltIn {
		return nil
	}
	var all Problems
	for _, address := range k.ConnectionHosts(c) {
		var e *gatehouse.Error
		if errors.As(a.Outgoing.Check(ctx, address), &e) {
			all = append(all, Problem{Field: fieldWith(c.Args, k.Form, address), Err: e})
			break
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// fieldWith is the setting with the host of an address.
func fieldWith(args map[string]any, form integration.Form, address string) string {
	entered, _ := form.Split(args)
	host := func(a string) string {
		u, err := url.Parse(a)
		if err != nil {
			return ""
		}
		return u.Host
	}
	for _, f := range form.All() {
		if v := entered[f.Arg]; v != "" && host(v) != "" && host(v) == host(address) {
			return "args." + f.Arg
		}
	}
	return "args"
}
