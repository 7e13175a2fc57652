package clients

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"gatehouse"
	"gatehouse/internal/clientrules"
	"gatehouse/internal/i18n"
	"gatehouse/internal/web/ui"
)

// entry is a setting of the protocol as it stands in the form.
type entry struct {
	clientrules.Setting
	Value, Problem string
	Flag           bool // it is on or off
	Area           bool // it may be long
	Options        []ui.Option
	Warning        string // what a change brings with it
}

// entries are the settings of a group, with what was entered.
func (d draft) entries(ctx context.Context, g clientrules.Group) []entry {
	var all []entry
	for _, s := range clientrules.Settings() {
		if s.Group != g {
			continue
		}
		e := entry{Setting: s, Value: s.Text(d.Client), Problem: d.Problems[s.Name]}
		if entered, ok := d.Entered[s.Name]; ok {
			e.Value = entered
		}
		switch s.Of(new(gatehouse.Client)).(type) {
		case *bool:
			e.Flag = true
		case *string, **int64:
		default:
			e.Area = true
		}
		if s.Choices != nil {
			e.Options = e.options(ctx)
		}
		if s.Name == "user_id_from" {
			e.Options = d.gitLabs(ctx)
			if d.Known > 0 {
				e.Warning = i18n.Text(ctx, "It knows %s people already. A change ends all its tokens, and the app takes each of them for whoever had their new number before.", ui.Number(d.Known))
			}
		}
		all = append(all, e)
	}
	return all
}

// readSettings takes over the settings of the protocol. An input that is not
// there at all changes nothing; a box that is not ticked is off.
func (d *draft) readSettings(ctx context.Context, form url.Values) {
	d.Entered = map[string]string{}
	for _, s := range clientrules.Settings() {
		_, isFlag := s.Of(&d.Client).(*bool)
		if !form.Has(s.Name) && !isFlag {
			continue
		}
		d.Entered[s.Name] = form.Get(s.Name)
		if err := s.Set(&d.Client, form.Get(s.Name)); err != nil {
			d.Problems[s.Name] = i18n.Text(ctx, err.Message, err.Args...)
		}
	}
}

// open says whether something in the folded part must be seen: what is wrong
// there, or what is set there.
func (d draft) open(ctx context.Context) bool {
	for _, name := range []string{"lifetimes", "grant_types", "post_logout_redirect_uris"} {
		if d.Problems[name] != "" {
			return true
		}
	}
	return d.openGroup(ctx, clientrules.Groups()...)
}

// openGroup says whether something of the groups is wrong or set.
func (d draft) openGroup(ctx context.Context, groups ...clientrules.Group) bool {
	for _, g := range groups {
		for _, e := range d.entries(ctx, g) {
			if e.Problem != "" || e.Value != "" {
				return true
			}
		}
	}
	return false
}

// gitLabs are the connections by whose ids it can know people.
func (d draft) gitLabs(ctx context.Context) []ui.Option {
	all := []ui.Option{{Value: "", Label: usual(ctx, "user_id_from")}}
	for _, c := range d.GitLabs {
		all = append(all, ui.Option{Value: c.Name, Label: i18n.Text(ctx, "The ids of %s", cmp.Or(c.Label, c.Name))})
	}
	if name := d.Settings.UserIDFrom; !slices.ContainsFunc(all, func(o ui.Option) bool { return o.Value == name }) {
		all = append(all, ui.Option{Value: name, Label: name}) // which is gone
	}
	return all
}

// options are what a setting with choices may be.
func (e entry) options(ctx context.Context) []ui.Option {
	all := []ui.Option{{Value: "", Label: usual(ctx, e.Name)}}
	for _, c := range e.Choices {
		all = append(all, ui.Option{Value: c, Label: choice(ctx, c)})
	}
	return all
}

// fact is a setting that is set, for people to read.
type fact struct{ Label, Value string }

// facts are the settings of the protocol that are set.
func facts(ctx context.Context, c gatehouse.Client) []fact {
	var all []fact
	for _, s := range clientrules.Settings() {
		value := s.Text(c)
		if value == "" {
			continue
		}
		if value == "true" {
			value = i18n.Text(ctx, "yes")
		}
		label, _ := settingWords(ctx, s.Name)
		all = append(all, fact{label, value})
	}
	return all
}
