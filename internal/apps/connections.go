package apps

import (
	"errors"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// NewConnection is what a connection of a kind begins as: with a name that is
// free, open to newcomers who wait for approval. It is not saved.
func (a *Apps) NewConnection(tx *store.Tx, kind string) (gatehouse.Connection, error) {
	k, ok := a.Kind(kind)
	if !ok || k.OpenConnection == nil {
		return gatehouse.Connection{}, Problems{unknownKind(kind)}
	}
	all, err := tx.Connections()
	if err != nil {
		return gatehouse.Connection{}, fmt.Errorf("read the connections: %w", err)
	}
	c := gatehouse.Connection{Kind: kind, Enabled: true, Managed: gatehouse.ManagedByDashboard}
	c.Name, c.Label = freeName(kind, k.Title, all)
	c.Rules.SetNewPeople(gatehouse.NewPeoplePending)
	return c, nil
}

// freeName is the kind, with a number when that is taken, and a label that fits.
func freeName(kind, title string, all []gatehouse.Connection) (name, label string) {
	taken := map[string]bool{}
	for _, c := range all {
		taken[c.Name] = true
	}
	name, label = kind, title
	for n := 2; taken[name] || gatehouse.ReservedConnectionName(name); n++ {
		name, label = fmt.Sprintf("%s-%d", kind, n), fmt.Sprintf("%s %d", title, n)
	}
	return name, label
}

// SaveConnection adds a connection (ID == "") or changes one. In a change
// UpdatedAt says which state was seen: when somebody changed it since, that is a
// Conflict, as it is when the configuration file is its master. An empty secret
// keeps the one that is there. What is wrong with the settings is Problems, and
// nothing is changed then. Name and kind never change. It gives what was saved.
func (a *Apps) SaveConnection(tx *store.Tx, by gatehouse.Actor, c gatehouse.Connection) (gatehouse.Connection, error) {
	var old gatehouse.Connection
	if c.ID != "" {
		var err error
		if old, err = a.changeable(tx, c.ID, c.UpdatedAt); err != nil {
			return c, err
		}
		c.Name, c.Kind, c.CreatedAt = old.Name, old.Kind, old.CreatedAt
	}
	c.Managed = gatehouse.ManagedByDashboard
	if turnsOff(old, c) { // also one whose settings are not right any more
		c = old
		c.Enabled = false
	} else if err := a.complete(&c, old); err != nil {
		return c, err
	}
	if c.ID == "" {
		if err := isFree(tx, c.Name); err != nil {
			return c, err
		}
	}
	events := changes(old, c)
	if len(events) == 0 {
		return c, nil // so that nothing is opened anew, and the log stays readable
	}
	if err := tx.SaveConnection(&c); err != nil {
		return c, fmt.Errorf("save the connection %s: %w", c.Name, err)
	}
	for _, e := range events {
		if err := a.recordConnection(tx, by, c, e); err != nil {
			return c, err
		}
	}
	return c, nil
}

// turnsOff says whether a change does nothing but disable a connection.
func turnsOff(old, c gatehouse.Connection) bool {
	if c.AppSecret == "" {
		c.AppSecret = old.AppSecret
	}
	fields := changedFields(old, c)
	return old.ID != "" && len(fields) == 1 && fields[0] == "enabled" && !c.Enabled
}

// complete brings the settings to what is kept, and checks them.
func (a *Apps) complete(c *gatehouse.Connection, old gatehouse.Connection) error {
	args, err := asStored(c.Args)
	if err != nil {
		return Problems{at("args", gatehouse.Errorf(gatehouse.Invalid, "The further settings cannot be stored. Use texts, numbers, lists and maps."))}
	}
	c.Args = args
	k, ok := a.Kind(c.Kind)
	if !ok || k.OpenConnection == nil {
		return Problems{unknownKind(c.Kind)}
	}
	if c.Label == "" {
		c.Label = k.Title
	}
	keeps := !c.BuiltIn && c.AppSecret == ""
	if keeps {
		c.AppSecret = old.AppSecret
	}
	if c.BuiltIn {
		c.AppID, c.AppSecret = "", ""
	}
	problems := a.check(*c, k)
	if len(problems) == 0 && keeps && movesSecret(k, old, *c) {
		problems = Problems{at("app_secret", gatehouse.Errorf(gatehouse.Invalid, "Enter the client secret again: the addresses that it is sent to have changed."))}
	}
	if len(problems) == 0 {
		problems = a.tryOpen(*c, k)
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// RemoveConnection takes a connection away. One by which people are known, and
// one that the file names, is a Conflict. seen is the state that was seen, as
// for SaveConnection.
func (a *Apps) RemoveConnection(tx *store.Tx, by gatehouse.Actor, id string, seen time.Time) error {
	c, err := a.changeable(tx, id, seen)
	if err != nil {
		return err
	}
	n, err := tx.CountIdentities(id)
	switch {
	case err != nil:
		return fmt.Errorf("count the people of %s: %w", c.Name, err)
	case n > 0:
		return gatehouse.Errorf(gatehouse.Conflict, "%s cannot be removed, because the accounts of people are connected by it (%d). Disable it instead: then nobody signs in with it, and nothing is lost.", label(c), n)
	}
	if err := tx.DeleteConnection(id); err != nil {
		return fmt.Errorf("delete the connection %s: %w", c.Name, err)
	}
	return a.recordConnection(tx, by, c, event{action: "deleted"})
}

// changeable finds a connection that the dashboard may change, in the state
// that was seen.
func (a *Apps) changeable(tx *store.Tx, id string, seen time.Time) (gatehouse.Connection, error) {
	c, err := tx.Connection(id)
	switch {
	case err != nil:
		return c, fmt.Errorf("read the connection: %w", err)
	case c.Managed == gatehouse.ManagedByFile:
		return c, gatehouse.Errorf(gatehouse.Conflict, "%s is named in the configuration file, which is its master. Change it there.", label(c))
	case !c.UpdatedAt.Equal(seen):
		return c, gatehouse.Errorf(gatehouse.Conflict, "%s was changed by somebody else in the meantime. Look at it again, and repeat your change if it is still needed.", label(c))
	}
	return c, nil
}

func isFree(tx *store.Tx, name string) error {
	_, err := tx.ConnectionByName(name)
	switch {
	case errors.Is(err, gatehouse.NotFound):
		return nil
	case err != nil:
		return fmt.Errorf("look for the connection %s: %w", name, err)
	}
	return Problems{{Field: "name", Err: gatehouse.Errorf(gatehouse.Conflict, "There is a connection called %s already. Choose another name.", name)}}
}

func (a *Apps) recordConnection(tx *store.Tx, by gatehouse.Actor, c gatehouse.Connection, e event) error {
	details := map[string]string{"name": c.Name, "kind": c.Kind}
	if e.fields != "" {
		details["fields"] = e.fields
	}
	err := tx.Record(gatehouse.Event{Actor: by, Action: "connection." + e.action, Target: "connection/" + c.ID, Details: details})
	if err != nil {
		return fmt.Errorf("record the change of the connection %s: %w", c.Name, err)
	}
	tx.OnCommit(func() {
		if a.Metrics != nil {
			a.Metrics.Count("connection_change", "kind", c.Kind, "action", e.action)
		}
	})
	return nil
}
