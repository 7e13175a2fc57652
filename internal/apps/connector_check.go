package apps

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
)

// completeConnector puts what was entered over what is kept, and says what is
// wrong with it. Nothing is asked of anybody.
func (a *Apps) completeConnector(c, old gatehouse.Connector) (gatehouse.Connector, Problems) {
	next := old
	if old.ID == "" {
		next = gatehouse.Connector{Key: c.Key, Kind: c.Kind, App: c.App, Managed: gatehouse.ManagedByDashboard, Enabled: true}
	}
	k, ok := a.Kind(next.Kind)
	if !ok || k.OpenConnector == nil {
		return next, Problems{unknownConnectorKind(next.Kind)}
	}
	form := k.ConnectorForm
	next.Name, next.URL = strings.TrimSpace(c.Name), strings.TrimRight(strings.TrimSpace(c.URL), "/")
	next.Schedule, next.TimeZone = strings.TrimSpace(c.Schedule), strings.TrimSpace(c.TimeZone)
	if !c.Seen.At.IsZero() {
		next.Seen = c.Seen
	}
	if c.Token != "" {
		next.Token, next.Enabled = strings.TrimSpace(c.Token), true
	}
	next.Settings = settled(form, c.Settings)
	next.Secrets = keptSecrets(form, c.Secrets, old.Secrets)
	problems := checkConnector(next, c, form)
	next.Owners, problems = cleanOwners(c.Owners, problems)
	if len(problems) == 0 && old.ID != "" && connectorMovesSecret(k, old, next, c) {
		problems = Problems{at("token", gatehouse.Errorf(gatehouse.Invalid, "Enter the secrets again: the address that they are sent to has changed."))}
	}
	if len(problems) == 0 {
		problems = a.tryOpenConnector(next, form)
	}
	return next, problems
}

// settled are the settings as they are kept: without spaces around them, and
// without those that say nothing.
func settled(form integration.ConnectorForm, entered map[string]string) map[string]string {
	kept := map[string]string{}
	for name, value := range entered {
		f, _ := fieldNamed(form, name)
		if value = strings.TrimSpace(value); value != "" && (f.Type != integration.FlagField || value != f.Usual) {
			kept[name] = value
		}
	}
	return kept
}

// keptSecrets are those that were entered, and those that are kept for them.
func keptSecrets(form integration.ConnectorForm, entered, old map[string]string) map[string]string {
	kept := map[string]string{}
	for name, value := range entered {
		if value != "" {
			kept[name] = value
		}
	}
	for _, f := range form.Fields {
		if f.Type == integration.SecretField && kept[f.Arg] == "" && old[f.Arg] != "" {
			kept[f.Arg] = old[f.Arg]
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}

func fieldNamed(form integration.ConnectorForm, name string) (integration.Field, bool) {
	i := slices.IndexFunc(form.Fields, func(f integration.Field) bool { return f.Arg == name })
	if i < 0 {
		return integration.Field{}, false
	}
	return form.Fields[i], true
}

// connectorMovesSecret says whether secrets that are kept would be sent to other
// places than before.
func connectorMovesSecret(k integration.Kind, old, next, entered gatehouse.Connector) bool {
	kept := entered.Token == "" && old.Token != ""
	for name := range old.Secrets {
		kept = kept || entered.Secrets[name] == ""
	}
	if !kept || k.ConnectorHosts == nil {
		return false
	}
	known := originsOf(k.ConnectorHosts(old))
	return slices.ContainsFunc(originsOf(k.ConnectorHosts(next)), func(o string) bool { return !slices.Contains(known, o) })
}

// checkConnector looks at what is the same for all kinds. next is with what is
// kept, c is what was entered.
func checkConnector(next, c gatehouse.Connector, form integration.ConnectorForm) (all Problems) {
	add := func(field string, err *gatehouse.Error) { all = append(all, at(field, err)) }
	if next.ID == "" && !connectionName.MatchString(next.Key) {
		add("key", gatehouse.Errorf(gatehouse.Invalid, "The name stands in addresses: use lower-case letters, digits, _ and -, at most 64."))
	}
	if next.Name == "" {
		add("name", gatehouse.Errorf(gatehouse.Invalid, "This is needed."))
	}
	if p := checkLine("name", next.Name, longestLabel); p != nil {
		all = append(all, *p)
	}
	switch {
	case form.URL.Label != "" && form.URL.Required && next.URL == "":
		add("url", gatehouse.Errorf(gatehouse.Invalid, "This is needed."))
	case next.URL != "" && !appAddress(next.URL):
		add("url", gatehouse.Errorf(gatehouse.Invalid, "This is not an address. It begins with https:// and names a host, for example https://id.example.com."))
	}
	switch {
	case form.Token.Required && next.Token == "":
		add("token", gatehouse.Errorf(gatehouse.Invalid, "This is needed."))
	case len(next.Token) > longestSecret:
		add("token", gatehouse.Errorf(gatehouse.Invalid, "The secret is too long to be one. Copy it again."))
	}
	if next.Schedule != "" || next.TimeZone != "" {
		schedule := next.Schedule
		if schedule == "" {
			schedule = "1h"
		}
		var e *gatehouse.Error
		if _, err := gatehouse.ParseSchedule(schedule, next.TimeZone); errors.As(err, &e) {
			add("schedule", e)
		}
	}
	return append(all, checkFields(next, c, form)...)
}

// checkFields looks at the settings that a kind names.
func checkFields(next, c gatehouse.Connector, form integration.ConnectorForm) (all Problems) {
	for _, name := range namesIn(c.Settings, nil) {
		if f, ok := fieldNamed(form, name); !ok || f.Type == integration.SecretField {
			all = append(all, at("settings", gatehouse.Errorf(gatehouse.Invalid, "There is no setting %q.", clip(name))))
		}
	}
	for _, name := range namesIn(c.Secrets, nil) {
		if f, ok := fieldNamed(form, name); !ok || f.Type != integration.SecretField {
			all = append(all, at("secrets", gatehouse.Errorf(gatehouse.Invalid, "There is no setting %q.", clip(name))))
		}
	}
	for _, f := range form.Fields {
		field, value := "settings."+f.Arg, next.Settings[f.Arg]
		if f.Type == integration.SecretField {
			field, value = "secrets."+f.Arg, next.Secrets[f.Arg]
		}
		switch {
		case f.Required && value == "":
			all = append(all, at(field, gatehouse.Errorf(gatehouse.Invalid, "This is needed.")))
		case len(value) > longestSecret:
			all = append(all, at(field, gatehouse.Errorf(gatehouse.Invalid, "The secret is too long to be one. Copy it again.")))
		case f.Type == integration.URLField && value != "" && !address(value):
			all = append(all, at(field, gatehouse.Errorf(gatehouse.Invalid, "This is not an address. It begins with https:// and names a host, for example https://id.example.com.")))
		case f.Type == integration.ChoiceField && value != "" && !slices.ContainsFunc(f.Choices, func(c integration.Choice) bool { return c.Value == value }),
			f.Type == integration.FlagField && value != "" && value != "true" && value != "false":
			all = append(all, at(field, gatehouse.Errorf(gatehouse.Invalid, "Choose one of those that are offered.")))
		case f.Type == integration.TextField || f.Type == integration.PickField:
			if p := checkLine(field, value, longestID); p != nil {
				all = append(all, *p)
			}
		}
	}
	return all
}

// appAddress says whether a text is the address of an app.
func appAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= longestID && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// cleanOwners brings addresses to their one form, each once.
func cleanOwners(entered []string, problems Problems) ([]string, Problems) {
	var owners []string
	for _, o := range entered {
		clean := mail.CleanAddress(o)
		switch {
		case strings.TrimSpace(o) == "":
		case clean == "":
			return nil, append(problems, at("owners", gatehouse.Errorf(gatehouse.Invalid, "%q is no e-mail address. Write one on each line.", clip(o))))
		case !slices.Contains(owners, clean):
			owners = append(owners, clean)
		}
	}
	if len(owners) > gatehouse.MaxOwners {
		problems = append(problems, at("owners", gatehouse.Errorf(gatehouse.Invalid, "A connector has at most %d owners.", gatehouse.MaxOwners)))
	}
	return owners, problems
}

// tryOpenConnector has the kind check its settings. It speaks to nobody.
func (a *Apps) tryOpenConnector(c gatehouse.Connector, form integration.ConnectorForm) Problems {
	if c.Token == "" && !c.Enabled {
		return nil // disconnected: it is not opened
	}
	_, err := a.openConnector(c)
	if err == nil {
		return nil
	}
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		e = gatehouse.Errorf(gatehouse.Invalid, "Its settings could not be understood. Check them, and report this as a fault of Gatehouse.").Because(err)
	}
	return Problems{{Field: connectorField(e, form), Err: e}}
}

// connectorField is the setting that a kind's sentence names among its values.
func connectorField(e *gatehouse.Error, form integration.ConnectorForm) string {
	for _, arg := range e.Args {
		word := strings.TrimPrefix(fmt.Sprint(arg), "settings.")
		switch f, ok := fieldNamed(form, word); {
		case word == "url":
			return "url"
		case word == "personal_access_token" || word == "app_secret":
			return "token"
		case ok && f.Type == integration.SecretField:
			return "secrets." + word
		case ok:
			return "settings." + word
		}
	}
	return ""
}

// TryConnector asks the app of a connector that is not saved yet who we are there
// and what we may see. A private address of the dashboard is refused before
// anything is asked of it, with the line that would permit it. What is wrong is
// Problems.
func (a *Apps) TryConnector(ctx context.Context, c gatehouse.Connector) (gatehouse.Sighting, error) {
	old, err := a.stored(ctx, c.ID)
	if err != nil {
		return gatehouse.Sighting{}, err
	}
	next, problems := a.completeConnector(c, old)
	if len(problems) > 0 {
		return gatehouse.Sighting{}, problems
	}
	k, _ := a.Kind(next.Kind)
	if k.ConnectorHosts != nil {
		for _, address := range k.ConnectorHosts(next) {
			var e *gatehouse.Error
			if errors.As(a.Outgoing.Check(ctx, address), &e) {
				return gatehouse.Sighting{}, Problems{at("url", e)}
			}
		}
	}
	d, err := a.openConnector(next)
	if err != nil {
		return gatehouse.Sighting{}, err
	}
	if d.Source == nil {
		return gatehouse.Sighting{At: a.Clock.Now()}, nil
	}
	ctx, done := context.WithTimeout(ctx, signInLimit)
	defer done()
	probe, err := d.Source.Probe(ctx)
	if err != nil {
		return gatehouse.Sighting{}, probeProblem(err, k.ConnectorForm)
	}
	return Sighting(probe, a.Clock.Now()), checkPicks(ctx, d, k.ConnectorForm, old, next)
}

// TryChange is TryConnector for a change that has to be tried (ReadsOtherwise).
// For any other nobody is asked, and what was seen before stays.
func (a *Apps) TryChange(ctx context.Context, c gatehouse.Connector) (gatehouse.Sighting, error) {
	old, err := a.stored(ctx, c.ID)
	if err != nil {
		return gatehouse.Sighting{}, err
	}
	next, problems := a.completeConnector(c, old)
	switch {
	case len(problems) > 0:
		return gatehouse.Sighting{}, problems
	case !ReadsOtherwise(old, next) || !next.Enabled:
		return old.Seen, nil
	}
	return a.TryConnector(ctx, c)
}

// stored is the connector with an id, none for "".
func (a *Apps) stored(ctx context.Context, id string) (c gatehouse.Connector, err error) {
	if id == "" {
		return c, nil
	}
	err = a.Store.View(ctx, func(tx *store.Tx) error {
		c, err = tx.Connector(id)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("read the connector: %w", err)
	}
	return c, nil
}

// probeProblem puts what a probe says beside the setting that is to be mended.
func probeProblem(err error, form integration.ConnectorForm) error {
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		return err
	}
	field := connectorField(e, form)
	switch {
	case field != "":
	case e.Kind == gatehouse.Unauthorized, e.Kind == gatehouse.Forbidden, form.URL.Label == "":
		field = "token"
	default:
		field = "url"
	}
	return Problems{at(field, e)}
}

// checkPicks looks whether the app knows what was entered where it offers values.
func checkPicks(ctx context.Context, d integration.Connected, form integration.ConnectorForm, old, next gatehouse.Connector) error {
	var all Problems
	for _, f := range form.Fields {
		value := next.Settings[f.Arg]
		if f.Type != integration.PickField || value == "" || value == old.Settings[f.Arg] || d.Chooser == nil {
			continue
		}
		found, err := d.Chooser.Choose(ctx, f.Arg, value)
		var e *gatehouse.Error
		switch {
		case errors.As(err, &e):
			all = append(all, at("settings."+f.Arg, e))
		case err != nil:
			return err
		case !slices.ContainsFunc(found, func(c integration.Choice) bool { return c.Value == value }):
			all = append(all, at("settings."+f.Arg, gatehouse.Errorf(gatehouse.Invalid, "The app does not know %q, or does not show it to the token. Write it as it stands there, or choose it from the list.", clip(value))))
		}
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

// ProbeConnector asks the app of a stored connector again who we are there, and
// keeps what was found.
func (a *Apps) ProbeConnector(ctx context.Context, id string) (gatehouse.Sighting, error) {
	_, d, err := a.Connector(ctx, id)
	if err != nil {
		return gatehouse.Sighting{}, err
	}
	seen := gatehouse.Sighting{At: a.Clock.Now()}
	if d.Source != nil {
		ctx, done := context.WithTimeout(ctx, signInLimit)
		defer done()
		probe, err := d.Source.Probe(ctx)
		if err != nil {
			return seen, err
		}
		seen = Sighting(probe, a.Clock.Now())
	}
	return seen, a.Store.Update(ctx, func(tx *store.Tx) error { return tx.NoteSighting(id, seen) })
}

// ConnectorChoices are values that the app of a stored connector offers for one
// of its settings; at most 50. A setting for which it offers none is NotFound.
func (a *Apps) ConnectorChoices(ctx context.Context, id, field, search string) ([]integration.Choice, error) {
	_, d, err := a.Connector(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case d.Chooser == nil:
		return nil, gatehouse.Errorf(gatehouse.NotFound, "The app offers no values for this setting.")
	case len(search) > longestID:
		return nil, nil
	}
	return d.Chooser.Choose(ctx, field, search)
}
