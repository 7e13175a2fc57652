package connectors

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
	"gatehouse/internal/web/ui"
)

// text is a text of a kind's form, which is data.
func text(ctx context.Context, english string) string { return i18n.T(i18n.From(ctx), english) }

// advanced are the fields that stand folded away.
func (d draft) advanced() []integration.Field {
	return slices.DeleteFunc(slices.Clone(d.Kind.ConnectorForm.Fields), func(f integration.Field) bool { return !f.Advanced })
}

func (d draft) wrongInAdvanced() bool {
	return slices.ContainsFunc(d.advanced(), func(f integration.Field) bool { return d.Problems[inputName(f)] != "" })
}

// placeholder of a secret tells whether one is kept.
func (d draft) placeholder(f integration.Field, name string) string {
	if d.Has[name] {
		return "••••••••"
	}
	return f.Placeholder
}

func (d draft) secretHelp(ctx context.Context, f integration.Field, name string) string {
	help := text(ctx, f.Help)
	if !d.Has[name] {
		return help
	}
	kept := i18n.Text(ctx, "One is kept, sealed. Empty: it stays. A new one is tried before it takes its place.")
	if help == "" {
		return kept
	}
	return help + " " + kept
}

// help of a setting says where its values can be chosen from a list.
func (d draft) help(ctx context.Context, f integration.Field) string {
	help := text(ctx, f.Help)
	if f.Type == integration.PickField && d.isNew() {
		return help + " " + i18n.Text(ctx, "It can be chosen from a list when the connector is saved.")
	}
	return help
}

func (d draft) on(f integration.Field) bool {
	return cmp.Or(d.Settings[f.Arg], f.Usual) == "true"
}

// chosen is the choice that is made, or the one that an absent setting means.
func (d draft) chosen(f integration.Field) string {
	if v := d.Settings[f.Arg]; v != "" || len(f.Choices) == 0 {
		return v
	}
	return f.Choices[0].Value
}

func options(ctx context.Context, f integration.Field) []ui.PickOption {
	var all []ui.PickOption
	for _, c := range f.Choices {
		all = append(all, ui.PickOption{Value: c.Value, Label: text(ctx, c.Label)})
	}
	return all
}

func (p choosePage) href() string {
	return Href(p.Connector) + "/choose/" + url.PathEscape(p.Field.Arg)
}

func (p removalPage) history() string {
	if p.Forget {
		return "forget"
	}
	return "keep"
}

func (p removalPage) histories(ctx context.Context) []ui.PickOption {
	return []ui.PickOption{
		{Value: "keep", Label: i18n.Text(ctx, "Is kept"), Hint: i18n.Text(ctx, "Accounts, memberships and their history can be looked at as they were last. The app can be connected again with a new token.")},
		{Value: "forget", Label: i18n.Text(ctx, "Is deleted with the connector"), Hint: i18n.Text(ctx, "%s accounts, %s memberships and all of their history go for good. The audit log stays.", ui.Number(p.Counts.Accounts), ui.Number(p.Counts.Grants))},
	}
}
