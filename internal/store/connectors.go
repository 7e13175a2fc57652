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
	status_text, pulled_at, enabled, managed, created_at, updated_at, secrets_sealed, time_zone, app, paused_at, seen, alarm`

func (tx *Tx) scanConnector(r row) (c gatehouse.Connector, err error) {
	var token, hook, more []byte
	if err := r.Scan(&c.ID, &c.Key, &c.Name, &c.Kind, &c.URL, &token, &hook, fromJSON(&c.Settings), fromJSON(&c.Owners),
		&c.Schedule, &c.Status, fromJSON(&c.StatusText), at(&c.PulledAt), &c.Enabled, &c.Managed, at(&c.CreatedAt),
		at(&c.UpdatedAt), &more, &c.TimeZone, &c.App, at(&c.PausedAt), fromJSON(&c.Seen), fromJSON(&c.Alarm)); err != nil {
		return c, err
	}
	if c.Secrets, err = tx.unsealAll(more, cell{"connectors", c.ID, "secrets"}); err != nil {
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
	more, err := tx.sealAll(c.Secrets, cell{"connectors", fresh.ID, "secrets"})
	if err != nil {
		return err
	}
	values := []any{
		fresh.ID, c.Key, c.Name, c.Kind, c.URL, token, hook, asJSON(c.Settings), asJSON(c.Owners), c.Schedule,
		fresh.Status, asJSON(c.StatusText), c.PulledAt, c.Enabled, c.Managed, fresh.UpdatedAt, more, c.TimeZone, c.App,
		c.PausedAt, asJSON(c.Seen), asJSON(c.Alarm),
	}
	if insert {
		_, err = tx.exec(`insert into connectors (id, key, name, kind, url, token_sealed, hook_secret_sealed, settings, owners,
			schedule, status, status_text, pulled_at, enabled, managed, updated_at, secrets_sealed, time_zone, app, paused_at,
			seen, alarm, created_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`,
			append(values, fresh.CreatedAt)...)
	} else {
		err = must(tx.exec(`update connectors set key = $2, name = $3, kind = $4, url = $5, token_sealed = $6,
			hook_secret_sealed = $7, settings = $8, owners = $9, schedule = $10, status = $11, status_text = $12,
			pulled_at = $13, enabled = $14, managed = $15, updated_at = $16, secrets_sealed = $17, time_zone = $18, app = $19,
			paused_at = $20, seen = $21, alarm = $22 where id = $1`, values...))
	}
	if err != nil {
		return err
	}
	*c = fresh
	return tx.seldomChanged()
}

// SetConnectorStatus changes the status and why it is so only (and PulledAt when
// the status is connected). One that a person paused stays paused.
func (tx *Tx) SetConnectorStatus(id string, s gatehouse.ConnectorStatus, why gatehouse.Note) error {
	err := must(tx.exec(`update connectors set status = case when paused_at = 0 then $2 else 'paused' end, status_text = $3,
		pulled_at = case when $4 then $5 else pulled_at end where id = $1`,
		id, s, asJSON(why), s == gatehouse.ConnectorConnected, tx.now))
	if err != nil {
		return err
	}
	return tx.seldomChanged()
}

// PauseConnector notes since when a person keeps a connector from reading; the
// zero time: it reads again. Its status goes with it, and nothing else changes.
func (tx *Tx) PauseConnector(id string, since time.Time, now gatehouse.ConnectorStatus) error {
	return must(tx.exec(`update connectors set paused_at = $2, status = $3, status_text = $4 where id = $1`,
		id, since, now, asJSON(gatehouse.Note{})))
}

// ConnectorPaused says whether a person keeps a connector from reading.
func (tx *Tx) ConnectorPaused(id string) (bool, error) {
	since, err := one(tx, scanTime, `select paused_at from connectors where id = $1`, id)
	return !since.IsZero(), err
}

// NoteSighting keeps what a probe of a connector found.
func (tx *Tx) NoteSighting(id string, s gatehouse.Sighting) error {
	return must(tx.exec(`update connectors set seen = $2 where id = $1`, id, asJSON(s)))
}

// NoteAlarm keeps how a connector fails, and what its owners were told.
func (tx *Tx) NoteAlarm(id string, a gatehouse.Alarm) error {
	return must(tx.exec(`update connectors set alarm = $2 where id = $1`, id, asJSON(a)))
}

// DeleteConnector takes a connector away with all that was read of its app, the
// history too. Clients that belonged to its app belong to none then.
func (tx *Tx) DeleteConnector(id string) error {
	if _, err := tx.exec(`update clients set connector_key = '' where connector_key = (select key from connectors where id = $1)`, id); err != nil {
		return err
	}
	if err := must(tx.exec(`delete from connectors where id = $1`, id)); err != nil {
		return err
	}
	return tx.seldomChanged()
}
