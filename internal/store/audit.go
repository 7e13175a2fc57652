package store

import "gatehouse"

// Record adds a line to the audit log; id and time are filled in.
func (tx *Tx) Record(e gatehouse.Event) error { panic("todo") }

// EventFilter chooses audit events.
type EventFilter struct {
	Target string // exact
	Action string // prefix
	Actor  string // actor id, exact
}

// Events lists audit events, the newest first.
func (tx *Tx) Events(f EventFilter, c Cursor) (Page[gatehouse.Event], error) { panic("todo") }

// Setting reads a value of the installation; "" when it is not set.
func (tx *Tx) Setting(key string) (string, error) { panic("todo") }

// SetSetting writes a value of the installation.
func (tx *Tx) SetSetting(key, value string) error { panic("todo") }
