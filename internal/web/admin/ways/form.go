package ways

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/config"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
	"gatehouse/internal/web/ui"
)

// draft is a connection as it stands in the form: what is saved, or what was
// just entered, with what is wrong about it.
type draft struct {
	gatehouse.Connection
	Kind      integration.Kind
	Entered   map[string]string // what the kind's own fields hold
	More      string            // settings without a field, as YAML
	Action    string            // where the form is sent
	Redirect  string            // redirect URI
	Before    string            // what stands before the name in it
	HasTwin   bool              // there is a built-in stand-in
	HasSecret bool              // one is kept
	Problems  map[string]string // by the name of the input; "" = what belongs to none
	Confirm   string            // address where the administrator proves anew who they are; "" = not needed
}

// isNew says whether the connection is being added.
func (d draft) isNew() bool { return d.ID == "" }

// newDraft is the form of a connection as it is.
func (a *Ways) newDraft(c gatehouse.Connection, action string) draft {
	d := draft{
		Connection: c, Kind: a.kindOf(c), Action: action, Redirect: a.Apps.RedirectURI(c.Name), HasSecret: c.AppSecret != "",
		Before: a.URL + "/users/auth/", Problems: map[string]string{},
	}
	_, d.HasTwin = a.Apps.BuiltIn[c.Kind]
	var rest map[string]any
	d.Entered, rest = d.Kind.Form.Split(c.Args)
	more, err := config.FormatArgs(rest)
	if err != nil {
		d.Problems["more"] = err.Error() // args come from JSON, which YAML can say: it cannot happen
	}
	d.More, d.AppSecret = more, ""
	return d
}

// argName is the input of one of the kind's own fields.
func argName(f integration.Field) string { return "arg." + f.Arg }

// read takes over what was entered. Only the inputs of the form count: whatever
// else was sent changes nothing.
func (d *draft) read(ctx context.Context, form url.Values) {
	on := func(name string) bool { return form.Get(name) == "true" }
	line := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	if d.isNew() {
		d.Name = line("name")
		d.Redirect = d.Before + url.PathEscape(d.Name) + "/callback"
	}
	d.Enabled, d.Label, d.Icon = on("enabled"), line("label"), line("icon")
	d.BuiltIn = d.HasTwin && !on("custom")
	d.AppID, d.AppSecret = line("app_id"), strings.TrimSpace(form.Get("app_secret"))
	if !d.isNew() {
		d.UpdatedAt = ui.SeenAt(form)
	}
	d.readArgs(ctx, form)
	d.readRules(ctx, form)
}

func (d *draft) readArgs(ctx context.Context, form url.Values) {
	d.Entered = map[string]string{}
	for _, f := range d.Kind.Form.All() {
		value := form.Get(argName(f))
		if f.Type == integration.FlagField {
			value = strconv.FormatBool(value == "true")
		}
		d.Entered[f.Arg] = value
	}
	d.More = strings.ReplaceAll(form.Get("more"), "\r\n", "\n")
	rest, err := config.ParseArgs(d.More)
	if e, ok := config.AsError(err); ok && len(e.Problems) > 0 {
		p := e.Problems[0]
		d.Problems["more"] = i18n.Text(ctx, "This is not YAML that can be used. Line %d, column %d: %s", p.Line, p.Column, p.Message)
	} else if err != nil {
		d.Problems["more"] = i18n.Text(ctx, "The further settings could not be read.")
	}
	d.Args = d.Kind.Form.Join(d.Entered, rest)
}

func (d *draft) readRules(ctx context.Context, form url.Values) {
	on := func(name string) bool { return form.Get(name) == "true" }
	r := &d.Rules
	r.AutoLinkUser, r.External, r.AllowBypassTwoFactor = on("auto_link_user"), on("external"), on("allow_bypass_two_factor")
	r.AutoSignInWithProvider, r.SyncProfile, r.ForgetTokens = on("auto_sign_in_with_provider"), on("sync_profile"), !on("keep_tokens")
	r.SyncProfileAttributes = form["sync_attributes"]
	r.TrustedDomains = strings.FieldsFunc(form.Get("trusted_domains"), func(c rune) bool { return strings.ContainsRune(" ,;\t\r\n", c) })
	choice := gatehouse.NewPeople(form.Get("new_people"))
	switch {
	case !on("sign_in"):
		r.SetNewPeople(gatehouse.NewPeopleLinkOnly)
	case choice == gatehouse.NewPeopleLinkOnly:
		r.SetNewPeople(choice)
		d.Problems["new_people"] = i18n.Text(ctx, "The connection is enabled for sign-up and sign-in, so choose one of the others, or switch that off.")
	default:
		r.SetNewPeople(choice)
	}
}

// blame puts what is wrong beside its inputs. What is no problem of the settings
// is returned.
func (d *draft) blame(ctx context.Context, err error) error {
	return apps.Beside(ctx, err, d.Problems, d.inputOf)
}

// inputOf is the name of the input for a setting.
func (d *draft) inputOf(field string) string {
	switch field {
	case "name", "label", "icon", "app_id", "app_secret":
		return field
	case "built_in":
		return "custom"
	case "rules.trusted_domains":
		return "trusted_domains"
	case "rules.sync_profile_attributes":
		return "sync_attributes"
	case "args":
		return "more"
	}
	if arg, ok := strings.CutPrefix(field, "args."); ok {
		if slices.ContainsFunc(d.Kind.Form.All(), func(f integration.Field) bool { return f.Arg == arg }) {
			return "arg." + arg
		}
		return "more"
	}
	return ""
}

// wrongIn says whether something is wrong with one of these fields, so that the
// part of the form where they stand is not folded away.
func (d draft) wrongIn(fields []integration.Field, names ...string) bool {
	for _, f := range fields {
		names = append(names, argName(f))
	}
	return slices.ContainsFunc(names, func(n string) bool { return d.Problems[n] != "" })
}

// main and advanced are the kind's own fields by where they stand.
func (d draft) main() []integration.Field {
	return slices.DeleteFunc(slices.Clone(d.Kind.Form.All()), func(f integration.Field) bool { return f.Advanced })
}

func (d draft) advanced() []integration.Field {
	return slices.DeleteFunc(slices.Clone(d.Kind.Form.All()), func(f integration.Field) bool { return !f.Advanced })
}
