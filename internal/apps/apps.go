// Package apps opens the connections and connectors that are stored, keeps them
// open while their settings are unchanged, and stands between them and the rest
// of the program: every call of an outside system has a deadline, is measured,
// and cannot bring the program down.
package apps

import (
	"context"
	"log/slog"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/store"
)

// Apps opens apps. It is used by pointer and is safe for concurrent use.
type Apps struct {
	Store       *store.Store
	Kinds       []integration.Kind
	Outgoing    *outgoing.Maker
	Clock       gatehouse.Clock
	Log         *slog.Logger      // nil: discard
	Metrics     gatehouse.Metrics // nil: none
	Development bool
}

// File is what the configuration file names.
type File struct {
	Connections []gatehouse.Connection
	Clients     []gatehouse.Client
	Connectors  []gatehouse.Connector
}

// Kind finds a kind by its name.
func (a *Apps) Kind(name string) (integration.Kind, bool) { panic("todo") }

// Door opens a connection. A disabled one is Forbidden, and is returned with
// the error.
func (a *Apps) Door(ctx context.Context, connectionID string) (gatehouse.Connection, integration.Door, error) {
	panic("todo")
}

// DoorByName is Door for the name that stands in addresses.
func (a *Apps) DoorByName(ctx context.Context, name string) (gatehouse.Connection, integration.Door, error) {
	panic("todo")
}

// Connector opens a connector.
func (a *Apps) Connector(ctx context.Context, connectorID string) (gatehouse.Connector, integration.Connected, error) {
	panic("todo")
}

// Adopt makes the stored connections, clients and connectors what the file says.
func (a *Apps) Adopt(tx *store.Tx, f File) error { panic("todo") }
