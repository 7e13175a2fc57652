package ways

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// done is the sentence for what was just done, "" for nothing that we know.
func done(ctx context.Context, what string) string {
	switch what {
	case "saved":
		return i18n.Text(ctx, "The connection is saved. Test it before people use it.")
	case "enabled":
		return i18n.Text(ctx, "The connection is enabled.")
	case "disabled":
		return i18n.Text(ctx, "The connection is disabled: nobody signs in with it any more.")
	case "removed":
		return i18n.Text(ctx, "The connection is removed.")
	}
	return ""
}

// newPeopleLabel is the words for what happens with new people.
func newPeopleLabel(ctx context.Context, n gatehouse.NewPeople) string {
	for _, o := range newPeople(ctx) {
		if o.Value == string(n) {
			return o.Label
		}
	}
	return string(n)
}

func newPeople(ctx context.Context) []ui.PickOption {
	t := func(english string) string { return i18n.Text(ctx, english) }
	return []ui.PickOption{
		{Value: string(gatehouse.NewPeopleOff), Label: t("Off"), Hint: t("Whom nobody here knows is refused. People who have an account connect this to it themselves.")},
		{Value: string(gatehouse.NewPeopleLinkOnly), Label: t("Link only"), Hint: t("Nobody signs in with it. People connect it to their account on their own page.")},
		{Value: string(gatehouse.NewPeopleRequestAccess), Label: t("Request access"), Hint: t("New people may ask for an account, with a message. One is made when somebody grants it.")},
		{Value: string(gatehouse.NewPeoplePending), Label: t("Create, pending approval"), Hint: t("New people get an account that waits until somebody approves it.")},
		{Value: string(gatehouse.NewPeopleCreate), Label: t("Create"), Hint: t("New people get an account at once.")},
	}
}

// text is a text of a kind's form, which is data.
func text(ctx context.Context, english string) string { return i18n.T(i18n.From(ctx), english) }

// helpOf is a field's help, with what an empty field means.
func helpOf(ctx context.Context, f integration.Field) string {
	help := text(ctx, f.Help)
	if f.Usual == "" || f.Type == integration.FlagField || f.Type == integration.ChoiceField {
		return help
	}
	return strings.TrimSpace(help + " " + i18n.Text(ctx, "Usual value: %s.", f.Usual))
}

// called is the hint about what the provider calls something.
func called(ctx context.Context, name string) string {
	if name == "" {
		return ""
	}
	return i18n.Text(ctx, "Called %s there.", text(ctx, name))
}

func choices(ctx context.Context, f integration.Field) []ui.Option {
	var all []ui.Option
	for _, c := range f.Choices {
		all = append(all, ui.Option{Value: c.Value, Label: text(ctx, c.Label)})
	}
	return all
}

// iconOf is the sign of a kind.
func iconOf(k integration.Kind) string {
	return ui.ConnectionIcon(gatehouse.Connection{Icon: k.Form.Icon, Name: k.Name, Kind: k.Name})
}

func icons(ctx context.Context) []ui.Option {
	all := []ui.Option{{Value: "", Label: i18n.Text(ctx, "The provider's usual one")}}
	for _, name := range ui.ConnectionIcons() {
		all = append(all, ui.Option{Value: name, Label: name})
	}
	return all
}

// attributeLabel is the words for an attribute of sync_profile_attributes.
func attributeLabel(ctx context.Context, name string) string {
	switch name {
	case "name":
		return i18n.Text(ctx, "Name")
	case "email":
		return i18n.Text(ctx, "E-mail address")
	case "location":
		return i18n.Text(ctx, "Location")
	case "organization":
		return i18n.Text(ctx, "Organization")
	case "job_title":
		return i18n.Text(ctx, "Job title")
	}
	return name
}

// attributes are the boxes for sync_profile_attributes.
func (d draft) attributes(ctx context.Context) []ui.PickOption {
	var all []ui.PickOption
	for _, name := range apps.ProfileAttributes() {
		all = append(all, ui.PickOption{Value: name, Label: attributeLabel(ctx, name)})
	}
	return all
}

// shown are the settings of a connection that are no secret, in a fixed order.
func shown(form integration.Form, args map[string]any) []desk.Option {
	var all []desk.Option
	flatten(&all, "", form.Shown(args))
	return all
}

func flatten(all *[]desk.Option, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			flatten(all, strings.TrimPrefix(at+"."+name, "."), v[name])
		}
	case []any:
		words := make([]string, len(v))
		for i, w := range v {
			words[i] = fmt.Sprint(w)
		}
		*all = append(*all, desk.Option{Name: at, Value: strings.Join(words, " ")})
	default:
		*all = append(*all, desk.Option{Name: at, Value: fmt.Sprint(v)})
	}
}

// optionLabel is what a setting is called in the form, else its own name.
func optionLabel(ctx context.Context, form integration.Form, name string) string {
	for _, f := range form.All() {
		if f.Arg == name {
			return text(ctx, f.Label)
		}
	}
	return name
}

// credentials says where the credentials come from.
func credentials(ctx context.Context, c gatehouse.Connection) string {
	if c.BuiltIn {
		return i18n.Text(ctx, "Built-in, of the stand-in that development brings along")
	}
	return cmp.Or(c.AppID, "–")
}

// rule is a setting by GitLab's name.
type rule struct {
	Name string
	On   bool
}

func rules(c gatehouse.ConnectionRules) []rule {
	return []rule{
		{"allow_single_sign_on", c.AllowSingleSignOn},
		{"block_auto_created_users", c.BlockAutoCreatedUsers},
		{"auto_link_user", c.AutoLinkUser},
		{"external", c.External},
		{"sync_profile_from_provider", c.SyncProfile},
		{"allow_bypass_two_factor", c.AllowBypassTwoFactor},
		{"auto_sign_in_with_provider", c.AutoSignInWithProvider},
		{"request_access", c.RequestAccess},
		{"link_only", c.LinkOnly},
		{"forget_tokens", c.ForgetTokens},
	}
}

// icons are the choices of an icon; one that is set already is among them.
func (d draft) icons(ctx context.Context) []ui.Option {
	all := icons(ctx)
	if !slices.ContainsFunc(all, func(o ui.Option) bool { return o.Value == d.Icon }) {
		all = append(all, ui.Option{Value: d.Icon, Label: d.Icon})
	}
	return all
}

func customHint(ctx context.Context, hasTwin bool) string {
	if hasTwin {
		return i18n.Text(ctx, "Off: the built-in stand-in of the provider, which development brings along.")
	}
	return i18n.Text(ctx, "Built-in credentials exist in development only.")
}

func (d draft) secretHint(ctx context.Context) string {
	if d.HasSecret {
		return i18n.Text(ctx, "One is set and kept sealed. Empty: it stays.")
	}
	return called(ctx, d.Kind.Form.ClientSecret)
}

// secretKept stands in the empty field of a secret that is set.
func (d draft) secretKept() string {
	if d.HasSecret {
		return "••••••••"
	}
	return ""
}

// flag says whether a box of the kind's own is ticked.
func (d draft) flag(f integration.Field) bool {
	return cmp.Or(d.Entered[f.Arg], f.Usual) == "true"
}

func (d draft) attributesHint(ctx context.Context) string {
	if p := d.Problems["sync_attributes"]; p != "" {
		return p
	}
	return i18n.Text(ctx, "None ticked: the e-mail address, as in GitLab.")
}
