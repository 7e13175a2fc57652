package store

import "gatehouse"

// Connection finds a connection by id.
func (tx *Tx) Connection(id string) (gatehouse.Connection, error) { panic("todo") }

// ConnectionByName finds a connection by name.
func (tx *Tx) ConnectionByName(name string) (gatehouse.Connection, error) { panic("todo") }

// Connections lists all connections by name, the disabled ones too.
func (tx *Tx) Connections() ([]gatehouse.Connection, error) { panic("todo") }

// SaveConnection inserts (ID == "") or updates a connection. Its secret is
// sealed. A taken name is a Conflict.
func (tx *Tx) SaveConnection(c *gatehouse.Connection) error { panic("todo") }

// Client finds an OAuth client by its Application ID.
func (tx *Tx) Client(id string) (gatehouse.Client, error) { panic("todo") }

// Clients lists all clients by name.
func (tx *Tx) Clients() ([]gatehouse.Client, error) { panic("todo") }

// SaveClient inserts or updates a client by its ID.
func (tx *Tx) SaveClient(c *gatehouse.Client) error { panic("todo") }

// Connector finds a connector by id.
func (tx *Tx) Connector(id string) (gatehouse.Connector, error) { panic("todo") }

// ConnectorByKey finds a connector by key.
func (tx *Tx) ConnectorByKey(key string) (gatehouse.Connector, error) { panic("todo") }

// Connectors lists all connectors by name.
func (tx *Tx) Connectors() ([]gatehouse.Connector, error) { panic("todo") }

// SaveConnector inserts (ID == "") or updates a connector. Its secrets are
// sealed. A taken key is a Conflict.
func (tx *Tx) SaveConnector(c *gatehouse.Connector) error { panic("todo") }

// SetConnectorStatus changes the status and its text only (and PulledAt when the status is connected).
func (tx *Tx) SetConnectorStatus(id string, s gatehouse.ConnectorStatus, text string) error {
	panic("todo")
}
