package apps

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// File is what the configuration file names.
type File struct {
	Connections []gatehouse.Connection
	Clients     []gatehouse.Client
	Connectors  []gatehouse.Connector
}

// Adopt makes the stored rows what the file says: by name, whoever was their
// master before. What the file named once and names no more is disabled, never
// deleted. Rows that are as the file says are not touched, so that nothing is
// opened anew. A setting that a kind does not take is Invalid, and nothing is
// changed then.
func (a *Apps) Adopt(tx *store.Tx, f File) error {
	if err := a.adoptConnections(tx, f.Connections); err != nil {
		return err
	}
	if err := a.adoptClients(tx, f.Clients); err != nil {
		return err
	}
	return a.adoptConnectors(tx, f.Connectors)
}

func (a *Apps) adoptConnections(tx *store.Tx, named []gatehouse.Connection) error {
	keep := map[string]bool{}
	for _, c := range named {
		keep[c.Name] = true
		old, err := tx.ConnectionByName(c.Name)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return fmt.Errorf("read the connection %s: %w", c.Name, err)
		}
		c.ID, c.CreatedAt, c.UpdatedAt = old.ID, old.CreatedAt, old.UpdatedAt
		c.Managed, c.Kind = gatehouse.ManagedByFile, cmp.Or(c.Kind, c.Name)
		if c.Args, err = asStored(c.Args); err != nil {
			return fmt.Errorf("args of the connection %s: %w", c.Name, err)
		}
		if _, err := a.openDoor(c); err != nil {
			return err
		}
		if same(c, old) {
			continue
		}
		if err := tx.SaveConnection(&c); err != nil {
			return fmt.Errorf("save the connection %s: %w", c.Name, err)
		}
		if err := record(tx, "connection", c.ID, c.Name, change(old.ID, c.Enabled)); err != nil {
			return err
		}
	}
	all, err := tx.Connections()
	if err != nil {
		return fmt.Errorf("read the connections: %w", err)
	}
	for _, c := range all {
		if gone(keep[c.Name], c.Managed, &c.Enabled) {
			err = errors.Join(err, tx.SaveConnection(&c), record(tx, "connection", c.ID, c.Name, "disabled"))
		}
	}
	if err != nil {
		return fmt.Errorf("disable connections that the file names no more: %w", err)
	}
	return nil
}

func (a *Apps) adoptClients(tx *store.Tx, named []gatehouse.Client) error {
	keep := map[string]bool{}
	for _, c := range named {
		keep[c.ID] = true
		old, err := tx.Client(c.ID)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return fmt.Errorf("read the client %s: %w", c.ID, err)
		}
		c.CreatedAt, c.UpdatedAt, c.Managed = old.CreatedAt, old.UpdatedAt, gatehouse.ManagedByFile
		if same(c, old) {
			continue
		}
		if old.ID != "" && old.Settings.UserIDFrom != c.Settings.UserIDFrom {
			a.log().Warn("people have other numbers at a client from now on (user_id_from); its tokens have ended", "client", c.ID)
		}
		if err := tx.SaveClient(&c); err != nil {
			return fmt.Errorf("save the client %s: %w", c.ID, err)
		}
		if err := record(tx, "client", c.ID, c.Name, change(old.ID, c.Enabled)); err != nil {
			return err
		}
	}
	all, err := tx.Clients()
	if err != nil {
		return fmt.Errorf("read the clients: %w", err)
	}
	for _, c := range all {
		if gone(keep[c.ID], c.Managed, &c.Enabled) {
			err = errors.Join(err, tx.SaveClient(&c), record(tx, "client", c.ID, c.Name, "disabled"))
		}
	}
	if err != nil {
		return fmt.Errorf("disable clients that the file names no more: %w", err)
	}
	return nil
}

func (a *Apps) adoptConnectors(tx *store.Tx, named []gatehouse.Connector) error {
	keep := map[string]bool{}
	for _, c := range named {
		keep[c.Key] = true
		old, err := tx.ConnectorByKey(c.Key)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return fmt.Errorf("read the connector %s: %w", c.Key, err)
		}
		c.ID, c.CreatedAt, c.UpdatedAt, c.Managed = old.ID, old.CreatedAt, old.UpdatedAt, gatehouse.ManagedByFile
		c.Status, c.StatusText, c.PulledAt = cmp.Or(old.Status, gatehouse.ConnectorNotConfigured), old.StatusText, old.PulledAt
		c.PausedAt, c.Seen, c.Alarm, c.App = old.PausedAt, old.Seen, old.Alarm, old.App
		if _, err := a.openConnector(c); err != nil {
			return err
		}
		if same(c, old) {
			continue
		}
		if err := tx.SaveConnector(&c); err != nil {
			return fmt.Errorf("save the connector %s: %w", c.Key, err)
		}
		if err := record(tx, "connector", c.ID, c.Name, change(old.ID, c.Enabled)); err != nil {
			return err
		}
	}
	all, err := tx.Connectors()
	if err != nil {
		return fmt.Errorf("read the connectors: %w", err)
	}
	for _, c := range all {
		if gone(keep[c.Key], c.Managed, &c.Enabled) {
			err = errors.Join(err, tx.SaveConnector(&c), record(tx, "connector", c.ID, c.Name, "disabled"))
		}
	}
	if err != nil {
		return fmt.Errorf("disable connectors that the file names no more: %w", err)
	}
	return nil
}

// gone disables a row that the file named once and names no more. It says
// whether there was something to disable.
func gone(named bool, managed gatehouse.ManagedBy, enabled *bool) bool {
	if named || managed != gatehouse.ManagedByFile || !*enabled {
		return false
	}
	*enabled = false
	return true
}

func change(oldID string, enabled bool) string {
	switch {
	case !enabled:
		return "disabled"
	case oldID == "":
		return "created"
	}
	return "changed"
}

func record(tx *store.Tx, noun, id, name, what string) error {
	err := tx.Record(gatehouse.Event{
		Actor:  gatehouse.Actor{Kind: gatehouse.ActorFile, Name: "configuration file"},
		Action: noun + "." + what, Target: noun + "/" + id, Details: map[string]string{"name": name},
	})
	if err != nil {
		return fmt.Errorf("record the change of the %s %s: %w", noun, name, err)
	}
	return nil
}

// asStored gives args the types that they have when they come back from the
// database, so that a kind sees the same at the start and later.
func asStored(args map[string]any) (map[string]any, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	var stored map[string]any
	err = json.Unmarshal(text, &stored)
	return stored, err
}

// same compares two rows by what they say: nothing and an empty list are one.
func same(a, b any) bool {
	x, errX := said(a)
	y, errY := said(b)
	return errX == nil && errY == nil && x == y
}

func said(row any) (string, error) {
	text, err := json.Marshal(row)
	if err != nil {
		return "", err
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return "", err
	}
	text, err = json.Marshal(withoutEmpty(v))
	return string(text), err
}

func withoutEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if v[k] = withoutEmpty(e); v[k] == nil {
				delete(v, k)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i, e := range v {
			v[i] = withoutEmpty(e)
		}
		if len(v) == 0 {
			return nil
		}
	case string:
		if v == "" || v == zeroTime {
			return nil
		}
	}
	return v
}

var zeroTime = time.Time{}.Format(time.RFC3339)
