package store

import (
	"time"

	"gatehouse"
)

func scanTime(r row) (t time.Time, err error) {
	err = r.Scan(at(&t))
	return t, err
}

// stamp fills in the id and the times of a row that is saved.
func (tx *Tx) stamp(id *string, created, updated *time.Time) {
	if *id == "" {
		*id = NewID()
	}
	if created.IsZero() {
		*created = tx.now
	}
	*updated = tx.now
}

// isFree says Conflict when another row has the name. It looks before anything
// is written, so that a conflict leaves the transaction usable; the index
// stands behind it.
func (tx *Tx) isFree(table, column, name, id string) error {
	n, err := one(tx, scanInt, `select count(*) from `+table+` where `+column+` = $1 and id <> $2`, name, id)
	if err == nil && n > 0 {
		return gatehouse.Errorf(gatehouse.Conflict, "The name %s is taken. Choose another one.", name)
	}
	return err
}

const connectorColumns = `id, key, name, kind, url, token_sealed, hook_secret_sealed, settings, owners, schedule, status,
	status_text, pulled_at, enabled, managed, created_at, updated_at`

func (tx *Tx) scanConnector(r row) (c gatehouse.Connector, err error) {
	var token, hook []byte
	if err := r.Scan(&c.ID, &c.Key, &c.Name, &c.Kind, &c.URL, &token, &hook, fromJSON(&c.Settings), fromJSON(&c.Owners),
		&c.Schedule, &c.Status, fromJSON(&c.StatusText), at(&c.PulledAt), &c.Enabled, &c.Managed, at(&c.CreatedAt),
		at(&c.UpdatedAt)); err != nil {
		return c, err
	}
	if token, err = tx.unseal(token, cell{"connectors", c.ID, "token"}); err != nil {
		return c, err
	}
	hook, err = tx.unseal(hook, cell{"connectors", c.ID, "hook_secret"})
	c.Token, c.HookSecret = string(token), string(hook)
	return c, err
}

// Connector finds a connector by id.
func (tx *Tx) Connector(id string) (gatehouse.Connector, error) {
	return one(tx, tx.scanConnector, `select `+connectorColumns+` from connectors where id = $1`, id)
}

// ConnectorByKey finds a connector by key.
func (tx *Tx) ConnectorByKey(key string) (gatehouse.Connector, error) {
	return one(tx, tx.scanConnector, `select `+connectorColumns+` from connectors where key = $1`, key)
}

// Connectors lists all connectors by name.
func (tx *Tx) Connectors() ([]gatehouse.Connector, error) {
	return all(tx, tx.scanConnector, `select `+connectorColumns+` from connectors order by name, id`)
}

// ConnectorsOf lists the connectors of a kind by key, without their secrets and
// settings, for what asks often.
func (tx *Tx) ConnectorsOf(kind string) ([]gatehouse.Connector, error) {
	return all(tx, func(r row) (c gatehouse.Connector, err error) {
		err = r.Scan(&c.ID, &c.Key, &c.Name, &c.Kind, &c.URL, at(&c.PulledAt), &c.Enabled)
		return c, err
	}, `select id, key, name, kind, url, pulled_at, enabled from connectors where kind = $1 order by key`, kind)
}

// SaveConnector inserts (ID == "") or updates a connector. Its secrets are
// sealed. A taken key is a Conflict. A status of "" is kept as "not configured";
// CreatedAt never changes.
func (tx *Tx) SaveConnector(c *gatehouse.Connector) error {
	if err := tx.isFree("connectors", "key", c.Key, c.ID); err != nil {
		return err
	}
	fresh := *c
	insert := fresh.ID == ""
	tx.stamp(&fresh.ID, &fresh.CreatedAt, &fresh.UpdatedAt)
	if fresh.Status == "" {
		fresh.Status = gatehouse.ConnectorNotConfigured
	}
	token, err := tx.seal([]byte(c.Token), cell{"connectors", fresh.ID, "token"})
	if err != nil {
		return err
	}
	hook, err := tx.seal([]byte(c.HookSecret), cell{"connectors", fresh.ID, "hook_secret"})
	if err != nil {
		return err
	}
	values := []any{
		fresh.ID, c.Key, c.Name, c.Kind, c.URL, token, hook, asJSON(c.Settings), asJSON(c.Owners), c.Schedule,
		fresh.Status, asJSON(c.StatusText), c.PulledAt, c.Enabled, c.Managed, fresh.UpdatedAt,
	}
	if insert {
		_, err = tx.exec(`insert into connectors (id, key, name, kind, url, token_sealed, hook_secret_sealed, settings, owners,
			schedule, status, status_text, pulled_at, enabled, managed, updated_at, created_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
			append(values, fresh.CreatedAt)...)
	} else {
		err = must(tx.exec(`update connectors set key = $2, name = $3, kind = $4, url = $5, token_sealed = $6,
			hook_secret_sealed = $7, settings = $8, owners = $9, schedule = $10, status = $11, status_text = $12,
			pulled_at = $13, enabled = $14, managed = $15, updated_at = $16 where id = $1`, values...))
	}
	if err == nil {
		*c = fresh
	}
	return err
}

// SetConnectorStatus changes the status and why it is so only (and PulledAt when the status is connected).
func (tx *Tx) SetConnectorStatus(id string, s gatehouse.ConnectorStatus, why gatehouse.Note) error {
	return must(tx.exec(`update connectors set status = $2, status_text = $3,
		pulled_at = case when $4 then $5 else pulled_at end where id = $1`,
		id, s, asJSON(why), s == gatehouse.ConnectorConnected, tx.now))
}
