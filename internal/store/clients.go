package store

import (
	"errors"

	"gatehouse"
)

const clientColumns = `id, name, secret_hash, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, scopes,
	grant_types, auth_method, require_pkce, trusted, enabled, managed, secret_sealed, settings, created_at, updated_at,
	owner_id, connector_key`

// clientFields are the columns with whether the owner is kept out, as scanClient
// reads them.
const clientFields = clientColumns + `, coalesce((select u.state <> 'active' from users u where u.id = owner_id), false)`

func (tx *Tx) scanClient(r row) (c gatehouse.Client, err error) {
	var secret []byte
	if err := r.Scan(&c.ID, &c.Name, &c.SecretHash, fromJSON(&c.RedirectURIs), fromJSON(&c.PostLogoutRedirectURIs),
		&c.BackchannelLogoutURI, fromJSON(&c.Scopes), fromJSON(&c.GrantTypes), &c.AuthMethod, &c.RequirePKCE, &c.Trusted,
		&c.Enabled, &c.Managed, &secret, fromJSON(&c.Settings), at(&c.CreatedAt), at(&c.UpdatedAt),
		text(&c.OwnerID), &c.ConnectorKey, &c.OwnerAway); err != nil {
		return c, err
	}
	secret, err = tx.unseal(secret, clientCell(c.ID))
	c.Secret = string(secret)
	return c, err
}

func clientCell(id string) cell { return cell{"clients", id, "secret"} }

// Client finds an OAuth client by its Application ID.
func (tx *Tx) Client(id string) (gatehouse.Client, error) {
	return one(tx, tx.scanClient, `select `+clientFields+` from clients where id = $1`, id)
}

// Clients lists all clients by name.
func (tx *Tx) Clients() ([]gatehouse.Client, error) {
	return all(tx, tx.scanClient, `select `+clientFields+` from clients order by name, id`)
}

// SaveClient inserts or updates a client by its ID. A Secret is sealed.
// CreatedAt never changes. A client that knows people by other numbers from now
// on (UserIDFrom) knows nobody any more, and its tokens end.
func (tx *Tx) SaveClient(c *gatehouse.Client) error {
	if c.ID == "" {
		return gatehouse.Errorf(gatehouse.Invalid, "The client has no Application ID.")
	}
	created := c.CreatedAt
	if created.IsZero() {
		created = tx.now
	}
	switch old, err := tx.Client(c.ID); {
	case err == nil && old.Settings.UserIDFrom != c.Settings.UserIDFrom:
		if err := tx.forgetNumbers(c.ID); err != nil {
			return err
		}
	case err != nil && !errors.Is(err, gatehouse.NotFound):
		return err
	}
	secret, err := tx.seal([]byte(c.Secret), clientCell(c.ID))
	if err != nil {
		return err
	}
	kept, err := one(tx, scanTime, `insert into clients (`+clientColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		on conflict (id) do update set name = excluded.name, secret_hash = excluded.secret_hash,
		redirect_uris = excluded.redirect_uris, post_logout_redirect_uris = excluded.post_logout_redirect_uris,
		backchannel_logout_uri = excluded.backchannel_logout_uri, scopes = excluded.scopes,
		grant_types = excluded.grant_types, auth_method = excluded.auth_method, require_pkce = excluded.require_pkce,
		trusted = excluded.trusted, enabled = excluded.enabled, managed = excluded.managed,
		secret_sealed = excluded.secret_sealed, settings = excluded.settings, updated_at = excluded.updated_at,
		owner_id = excluded.owner_id, connector_key = excluded.connector_key
		returning created_at`,
		c.ID, c.Name, c.SecretHash, asJSON(c.RedirectURIs), asJSON(c.PostLogoutRedirectURIs), c.BackchannelLogoutURI,
		asJSON(c.Scopes), asJSON(c.GrantTypes), c.AuthMethod, c.RequirePKCE, c.Trusted, c.Enabled, c.Managed,
		secret, asJSON(c.Settings), created, tx.now, orNull(c.OwnerID), c.ConnectorKey)
	if err != nil {
		return err
	}
	c.CreatedAt, c.UpdatedAt = kept, tx.now
	return tx.seldomChanged()
}

// ClientsOfUser lists a user's own clients by name.
func (tx *Tx) ClientsOfUser(userID string) ([]gatehouse.Client, error) {
	return all(tx, tx.scanClient, `select `+clientFields+` from clients where owner_id = $1 order by name, id`, userID)
}

// MoveClients gives the clients of one user to another.
func (tx *Tx) MoveClients(fromID, toID string) error {
	_, err := tx.exec(`update clients set owner_id = $2 where owner_id = $1`, fromID, toID) // such clients are not kept in memory
	return err
}

// DeleteClient takes a client away, with everything that it got: its tokens,
// codes and waiting requests, and what people allowed it.
func (tx *Tx) DeleteClient(id string) error {
	for _, table := range []string{"tokens", "codes", "requests", "device_grants", "consents", "client_numbers", "session_clients"} {
		if _, err := tx.exec(`delete from `+table+` where client_id = $1`, id); err != nil {
			return err
		}
	}
	if err := must(tx.exec(`delete from clients where id = $1`, id)); err != nil {
		return err
	}
	return tx.seldomChanged()
}
