package apps

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
)

// Sighting is a probe as it is kept.
func Sighting(p integration.Probe, at time.Time) gatehouse.Sighting {
	return gatehouse.Sighting{
		At: at, Version: p.Version, Edition: p.Edition, Actor: p.Actor, Admin: p.Admin, Scopes: p.Scopes, ExpiresAt: p.ExpiresAt, Notes: p.Notes,
	}
}

// NewConnector is what a connector of a kind begins as when it is added to an
// app, "" for a new one: with a key that is free, and what the app tells. It is
// not saved. An app that is not there is NotFound.
func (a *Apps) NewConnector(tx *store.Tx, kind string, app gatehouse.AppRef) (gatehouse.Connector, error) {
	k, ok := a.Kind(kind)
	if !ok || k.OpenConnector == nil {
		return gatehouse.Connector{}, Problems{unknownConnectorKind(kind)}
	}
	all, err := tx.Connectors()
	if err != nil {
		return gatehouse.Connector{}, fmt.Errorf("read the connectors: %w", err)
	}
	c := gatehouse.Connector{Kind: kind, Enabled: true, Managed: gatehouse.ManagedByDashboard, App: app, Name: k.Title, Key: freeKey(kind, all)}
	if app == "" {
		return c, nil
	}
	return c, a.learn(tx, &c)
}

func unknownConnectorKind(kind string) Problem {
	return Problem{Field: "kind", Err: gatehouse.Errorf(gatehouse.Invalid, "This build cannot keep apps of the kind %q in order. Choose one of those that are offered.", clip(kind))}
}

// freeKey is the kind, with a number when that is taken.
func freeKey(kind string, all []gatehouse.Connector) string {
	key := kind
	for n := 2; slices.ContainsFunc(all, func(c gatehouse.Connector) bool { return c.Key == key }); n++ {
		key = fmt.Sprintf("%s-%d", kind, n)
	}
	return key
}

// learn takes over what the app tells that a connector is added to.
func (a *Apps) learn(tx *store.Tx, c *gatehouse.Connector) error {
	noun, id := c.App.Parts()
	switch noun {
	case gatehouse.AppConnection:
		from, err := tx.Connection(id)
		if err != nil {
			return fmt.Errorf("read the connection: %w", err)
		}
		c.Name = label(from)
		if from.Kind == c.Kind {
			c.URL = a.siteOf(from)
		}
	case gatehouse.AppClient:
		from, err := tx.Client(id)
		if err != nil {
			return fmt.Errorf("read the client: %w", err)
		}
		c.Name = from.Name
	case gatehouse.AppConnector:
		from, err := tx.ConnectorByKey(id)
		if err != nil {
			return fmt.Errorf("read the connector: %w", err)
		}
		c.Name, c.Owners = from.Name, from.Owners
		if from.Kind == c.Kind {
			c.URL = from.URL
		}
	default:
		return gatehouse.NotFound
	}
	return nil
}

// siteOf is the address of the app behind a connection, "" when it is not known.
func (a *Apps) siteOf(c gatehouse.Connection) string {
	options, _ := c.Args["client_options"].(map[string]any)
	if site, ok := options["site"].(string); ok && site != "" {
		return strings.TrimRight(strings.TrimSuffix(strings.TrimRight(site, "/"), "/api/v4"), "/")
	}
	k, ok := a.Kind(c.Kind)
	if !ok || k.ConnectionHosts == nil || c.BuiltIn {
		return ""
	}
	if all := originsOf(k.ConnectionHosts(c)); len(all) > 0 {
		return all[0]
	}
	return ""
}

// SaveConnector adds a connector (ID == "") or changes what people set of one:
// its name, address, secrets, settings, owners and schedule. Key, kind and app
// never change. UpdatedAt says which state was seen: when somebody changed it
// since, that is a Conflict, as it is when the configuration file is its master.
// Empty secrets keep those that are there. Where or with what it reads changes
// only with what a probe of just that found (Seen of TryConnector). What is wrong
// is Problems, and nothing is changed then. Owners who are new, and are not the
// one who does it, get a mail. It gives what was saved.
func (a *Apps) SaveConnector(tx *store.Tx, by gatehouse.Actor, c gatehouse.Connector) (gatehouse.Connector, error) {
	var old gatehouse.Connector
	if c.ID != "" {
		var err error
		if old, err = changeableConnector(tx, c.ID, c.UpdatedAt); err != nil {
			return c, err
		}
	}
	next, problems := a.completeConnector(c, old)
	if old.ID == "" {
		if _, err := tx.ConnectorByKey(next.Key); err == nil {
			problems = append(problems, Problem{Field: "key", Err: gatehouse.Errorf(gatehouse.Conflict, "There is a connector called %s already. Choose another name.", next.Key)})
		}
	}
	if len(problems) > 0 {
		return next, problems
	}
	if next.Enabled && ReadsOtherwise(old, next) && (next.Seen.At.IsZero() || next.Seen.At.Equal(old.Seen.At)) {
		return next, gatehouse.Errorf(gatehouse.Conflict, "These settings were not tried yet. Try them before they are saved.")
	}
	fields := changedConnector(old, next)
	if old.ID != "" && len(fields) == 0 {
		return old, nil
	}
	if err := tx.SaveConnector(&next); err != nil {
		return next, fmt.Errorf("save the connector %s: %w", next.Key, err)
	}
	if err := a.joinApp(tx, by, old, next); err != nil {
		return next, err
	}
	e := event{action: "changed", fields: strings.Join(fields, ", ")}
	if old.ID == "" {
		e = event{action: "created"}
	}
	if err := a.recordConnector(tx, by, next, e); err != nil {
		return next, err
	}
	return next, a.welcome(tx, by, old, next)
}

// joinApp makes the client that a new connector was added to belong to its app,
// so that the owners look after it too.
func (a *Apps) joinApp(tx *store.Tx, by gatehouse.Actor, old, c gatehouse.Connector) error {
	noun, id := c.App.Parts()
	if old.ID != "" || noun != gatehouse.AppClient {
		return nil
	}
	client, err := tx.Client(id)
	if err != nil {
		return fmt.Errorf("read the client: %w", err)
	}
	if client.Managed == gatehouse.ManagedByFile || client.OwnerID != "" || client.ConnectorKey != "" {
		return nil
	}
	client.ConnectorKey = c.Key
	if err := tx.SaveClient(&client); err != nil {
		return fmt.Errorf("save the client: %w", err)
	}
	return a.recordClient(tx, by, client, event{"changed", "app"})
}

// welcome writes to those who have become owners by somebody else.
func (a *Apps) welcome(tx *store.Tx, by gatehouse.Actor, old, c gatehouse.Connector) error {
	self := ""
	if by.Kind == gatehouse.ActorUser && by.ID != "" {
		u, err := tx.User(by.ID)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return fmt.Errorf("read who does it: %w", err)
		}
		self = u.Email
	}
	var fresh []string
	for _, o := range c.Owners {
		if !slices.Contains(old.Owners, o) && !strings.EqualFold(o, self) {
			fresh = append(fresh, o)
		}
	}
	return a.TellOwners(tx, c, fresh, gatehouse.Notef("You look after %s in Gatehouse now", c.Name),
		gatehouse.Notef("%s made you an owner of the connector %s, by which Gatehouse keeps the app in order.", by.Name, c.Name),
		gatehouse.Notef("Your help is needed: see to it that its access token stays good, and look when its syncs fail. You get a mail then."))
}

// ReadsOtherwise says whether a connector reads another app than before, or with
// other secrets or settings, so that it has to be tried first.
func ReadsOtherwise(old, c gatehouse.Connector) bool {
	return old.ID == "" || old.URL != c.URL || old.Token != c.Token || !maps.Equal(old.Secrets, c.Secrets) || !maps.Equal(old.Settings, c.Settings) || !old.Enabled
}

// RemoveConnector disconnects an app: its secrets are forgotten and nothing is
// read of it any more. What was read stays, as history, unless forget says that
// all of it is deleted with the connector. The state that was seen is as for
// SaveConnector. One whose groups a client is told cannot be deleted.
func (a *Apps) RemoveConnector(tx *store.Tx, by gatehouse.Actor, id string, seen time.Time, forget bool) error {
	c, err := changeableConnector(tx, id, seen)
	if err != nil {
		return err
	}
	if !forget {
		c.Token, c.HookSecret, c.Secrets, c.Enabled = "", "", nil, false
		c.Status, c.StatusText, c.PausedAt, c.Seen, c.Alarm = gatehouse.ConnectorNotConfigured, gatehouse.Note{}, time.Time{}, gatehouse.Sighting{}, gatehouse.Alarm{}
		if err := tx.SaveConnector(&c); err != nil {
			return fmt.Errorf("disconnect %s: %w", c.Key, err)
		}
		return a.recordConnector(tx, by, c, event{action: "disconnected"})
	}
	clients, err := tx.Clients()
	if err != nil {
		return fmt.Errorf("read the clients: %w", err)
	}
	for _, client := range clients {
		if client.Settings.GroupsFrom == c.Key {
			return gatehouse.Errorf(gatehouse.Conflict, "%s cannot be deleted, because the client %s is told its groups. Choose other groups there first.", c.Name, client.Name)
		}
	}
	if err := tx.DeleteConnector(id); err != nil {
		return fmt.Errorf("delete the connector %s: %w", c.Key, err)
	}
	return a.recordConnector(tx, by, c, event{action: "deleted"})
}

// changeableConnector finds a connector that the dashboard may change, in the
// state that was seen.
func changeableConnector(tx *store.Tx, id string, seen time.Time) (gatehouse.Connector, error) {
	c, err := tx.Connector(id)
	switch {
	case err != nil:
		return c, fmt.Errorf("read the connector: %w", err)
	case c.Managed == gatehouse.ManagedByFile:
		return c, gatehouse.Errorf(gatehouse.Conflict, "%s is named in the configuration file, which is its master. Change it there.", c.Name)
	case !c.UpdatedAt.Equal(seen):
		return c, gatehouse.Errorf(gatehouse.Conflict, "%s was changed by somebody else in the meantime. Look at it again, and repeat your change if it is still needed.", c.Name)
	}
	return c, nil
}

// changedConnector are the names of the settings that differ, in a fixed order.
func changedConnector(old, c gatehouse.Connector) []string {
	var fields []string
	add := func(name string, changed bool) {
		if changed {
			fields = append(fields, name)
		}
	}
	add("name", old.Name != c.Name)
	add("url", old.URL != c.URL)
	add("token", old.Token != c.Token)
	for _, name := range namesIn(old.Secrets, c.Secrets) {
		add("secrets."+name, old.Secrets[name] != c.Secrets[name])
	}
	for _, name := range namesIn(old.Settings, c.Settings) {
		add("settings."+name, old.Settings[name] != c.Settings[name])
	}
	add("owners", !slices.Equal(old.Owners, c.Owners))
	add("schedule", old.Schedule != c.Schedule || old.TimeZone != c.TimeZone)
	add("enabled", old.Enabled != c.Enabled)
	return fields
}

// namesIn are the names in either map, sorted.
func namesIn(a, b map[string]string) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func (a *Apps) recordConnector(tx *store.Tx, by gatehouse.Actor, c gatehouse.Connector, e event) error {
	details := map[string]string{"name": c.Name, "key": c.Key, "kind": c.Kind}
	if e.fields != "" {
		details["fields"] = e.fields
	}
	err := tx.Record(gatehouse.Event{Actor: by, Action: "connector." + e.action, Target: "connector/" + c.ID, Details: details})
	if err != nil {
		return fmt.Errorf("record the change of the connector %s: %w", c.Key, err)
	}
	tx.OnCommit(func() {
		if a.Metrics != nil {
			a.Metrics.Count("connector_change", "kind", c.Kind, "action", e.action)
		}
	})
	return nil
}
