package store

import "gatehouse"

const eventColumns = `id, at, actor_kind, actor_id, actor_name, actor_address, action, target, details`

func scanEvent(r row) (e gatehouse.Event, err error) {
	err = r.Scan(&e.ID, at(&e.At), &e.Actor.Kind, &e.Actor.ID, &e.Actor.Name, &e.Actor.Address, &e.Action, &e.Target,
		fromJSON(&e.Details))
	return e, err
}

// Record adds a line to the audit log; id and time are filled in. Nothing here
// changes or removes one.
func (tx *Tx) Record(e gatehouse.Event) error {
	if e.Action == "" || e.Actor.Kind == "" {
		return gatehouse.Errorf(gatehouse.Invalid, "An audit event needs an action and an actor.")
	}
	return tx.send(`insert into events (`+eventColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		NewID(), tx.now, e.Actor.Kind, e.Actor.ID, e.Actor.Name, e.Actor.Address, e.Action, e.Target, asJSON(e.Details))
}

// EventFilter chooses audit events.
type EventFilter struct {
	Target string // exact
	Action string // prefix
	Actor  string // actor id, exact
}

// Events lists audit events, the newest first.
func (tx *Tx) Events(f EventFilter, c Cursor) (Page[gatehouse.Event], error) {
	q := selecting(eventColumns, "events")
	if f.Target != "" {
		q.Where(q.Equal("target", f.Target))
	}
	if f.Action != "" {
		q.Where("action like " + q.Var(escapeLike(f.Action)+"%") + ` escape '\'`)
	}
	if f.Actor != "" {
		q.Where(q.Equal("actor_id", f.Actor))
	}
	return newest(tx, q, c, scanEvent, func(e gatehouse.Event) string { return e.ID })
}

// Setting reads a value of the installation; "" when it is not set.
func (tx *Tx) Setting(key string) (string, error) {
	found, err := all(tx, scanString, `select value from settings where key = $1`, key)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

// SetSetting writes a value of the installation.
func (tx *Tx) SetSetting(key, value string) error {
	_, err := tx.exec(`insert into settings (key, value) values ($1, $2)
		on conflict (key) do update set value = excluded.value`, key, value)
	return err
}
