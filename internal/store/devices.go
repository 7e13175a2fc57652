package store

import (
	"time"

	"gatehouse"
)

const deviceColumns = `hash, user_code_hash, client_id, user_id, session_id, scopes, auth_at, details, family, state,
	poll_interval, polled_at, created_at, expires_at`

func scanDevice(r row) (d gatehouse.DeviceGrant, err error) {
	var interval int64
	err = r.Scan(&d.Hash, &d.UserCodeHash, &d.Grant.ClientID, text(&d.Grant.UserID), &d.Grant.SessionID,
		fromJSON(&d.Grant.Scopes), at(&d.Grant.AuthAt), details(&d.Grant.Details), &d.Family, &d.State,
		&interval, at(&d.PolledAt), at(&d.CreatedAt), at(&d.ExpiresAt))
	d.Interval = time.Duration(interval) * time.Millisecond
	return d, err
}

// DeviceGrant finds what a device asks for by the SHA-256 of its code, whatever
// its state and also past its end.
func (tx *Tx) DeviceGrant(hash []byte) (gatehouse.DeviceGrant, error) {
	return one(tx, scanDevice, `select `+deviceColumns+` from device_grants where hash = $1`, hash)
}

// DeviceGrantByUserCode finds what a device asks for by the SHA-256 of the code
// that its person types in. NotFound once it is answered or past its end.
func (tx *Tx) DeviceGrantByUserCode(hash []byte) (gatehouse.DeviceGrant, error) {
	return one(tx, scanDevice, `select `+deviceColumns+` from device_grants
		where user_code_hash = $1 and state = 'waiting' and expires_at > $2`, hash, tx.now)
}

// SaveDeviceGrant inserts or updates what a device asks for, by Hash. A user
// code that waits already is a Conflict.
func (tx *Tx) SaveDeviceGrant(d *gatehouse.DeviceGrant) error {
	if d.CreatedAt.IsZero() {
		d.CreatedAt = tx.now
	}
	taken, err := one(tx, scanInt, `select count(*) from device_grants where user_code_hash = $1 and hash <> $2`, d.UserCodeHash, d.Hash)
	if err != nil {
		return err
	}
	if taken > 0 {
		return gatehouse.Conflict
	}
	_, err = tx.exec(`insert into device_grants (`+deviceColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		on conflict (hash) do update set user_id = excluded.user_id, session_id = excluded.session_id, scopes = excluded.scopes,
		auth_at = excluded.auth_at, details = excluded.details, state = excluded.state,
		poll_interval = excluded.poll_interval, polled_at = excluded.polled_at`,
		d.Hash, d.UserCodeHash, d.Grant.ClientID, orNull(d.Grant.UserID), d.Grant.SessionID, asJSON(d.Grant.Scopes),
		d.Grant.AuthAt, asDetails(d.Grant.Details), d.Family, d.State, d.Interval.Milliseconds(), d.PolledAt, d.CreatedAt, d.ExpiresAt)
	return err
}

// DeleteDeviceGrant forgets what a device asked for. Nothing happens if it is
// unknown.
func (tx *Tx) DeleteDeviceGrant(hash []byte) error {
	_, err := tx.exec(`delete from device_grants where hash = $1`, hash)
	return err
}
