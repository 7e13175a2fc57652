package store

import (
	"encoding/json"

	"gatehouse"
)

const connectionColumns = `id, name, kind, label, icon, enabled, app_id, app_secret_sealed, built_in, args,
	rules, managed, created_at, updated_at`

func (tx *Tx) scanConnection(r row) (c gatehouse.Connection, err error) {
	var secret []byte
	if err := r.Scan(&c.ID, &c.Name, &c.Kind, &c.Label, &c.Icon, &c.Enabled, &c.AppID, &secret, &c.BuiltIn, fromJSON(&c.Args),
		fromJSON(&c.Rules), &c.Managed, at(&c.CreatedAt), at(&c.UpdatedAt)); err != nil {
		return c, err
	}
	secret, err = tx.unseal(secret, cell{"connections", c.ID, "app_secret"})
	c.AppSecret = string(secret)
	return c, err
}

// Connection finds a connection by id.
func (tx *Tx) Connection(id string) (gatehouse.Connection, error) {
	return one(tx, tx.scanConnection, `select `+connectionColumns+` from connections where id = $1`, id)
}

// ConnectionByName finds a connection by name.
func (tx *Tx) ConnectionByName(name string) (gatehouse.Connection, error) {
	return one(tx, tx.scanConnection, `select `+connectionColumns+` from connections where name = $1`, name)
}

// Connections lists all connections by name, the disabled ones too.
func (tx *Tx) Connections() ([]gatehouse.Connection, error) {
	return all(tx, tx.scanConnection, `select `+connectionColumns+` from connections order by name`)
}

// SaveConnection inserts (ID == "") or updates a connection. Its secret is
// sealed. A taken name is a Conflict. CreatedAt never changes.
func (tx *Tx) SaveConnection(c *gatehouse.Connection) error {
	if err := tx.isFree("connections", "name", c.Name, c.ID); err != nil {
		return err
	}
	args, err := json.Marshal(c.Args)
	if err != nil {
		return gatehouse.Errorf(gatehouse.Invalid, "The args of the connection %s cannot be stored. Use texts, numbers, lists and maps.", c.Name).Because(err)
	}
	fresh := *c
	insert := fresh.ID == ""
	tx.stamp(&fresh.ID, &fresh.CreatedAt, &fresh.UpdatedAt)
	secret, err := tx.seal([]byte(c.AppSecret), cell{"connections", fresh.ID, "app_secret"})
	if err != nil {
		return err
	}
	values := []any{
		fresh.ID, c.Name, c.Kind, c.Label, c.Icon, c.Enabled, c.AppID, secret, string(args),
		asJSON(c.Rules), c.Managed, c.BuiltIn, fresh.UpdatedAt,
	}
	if insert {
		_, err = tx.exec(`insert into connections (id, name, kind, label, icon, enabled, app_id, app_secret_sealed, args, rules,
			managed, built_in, updated_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			append(values, fresh.CreatedAt)...)
	} else {
		err = must(tx.exec(`update connections set name = $2, kind = $3, label = $4, icon = $5, enabled = $6, app_id = $7,
			app_secret_sealed = $8, args = $9, rules = $10, managed = $11, built_in = $12, updated_at = $13 where id = $1`, values...))
	}
	if err == nil {
		*c = fresh
	}
	return err
}

// CountIdentities says how many people are known by a connection.
func (tx *Tx) CountIdentities(connectionID string) (int64, error) {
	return one(tx, scanInt, `select count(*) from identities where connection_id = $1`, connectionID)
}

// DeleteConnection takes a connection away, with the sign-ins under way by it.
// While anybody's identity hangs on it, it stays and that is a Conflict.
func (tx *Tx) DeleteConnection(id string) error {
	n, err := tx.CountIdentities(id)
	switch {
	case err != nil:
		return err
	case n > 0:
		return gatehouse.Conflict
	}
	if _, err := tx.exec(`delete from attempts where connection_id = $1`, id); err != nil {
		return err
	}
	if _, err := tx.exec(`delete from proofs where connection_id = $1`, id); err != nil {
		return err
	}
	return must(tx.exec(`delete from connections where id = $1`, id))
}
