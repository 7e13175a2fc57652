package store

import "gatehouse"

const pullColumns = `id, connector_id, state, checkpoint, progress, error, notes, written, started_at, ended_at, steps`

func scanPull(r row) (p gatehouse.Pull, err error) {
	err = r.Scan(&p.ID, &p.ConnectorID, &p.State, &p.Checkpoint, fromJSON(&p.Progress), fromJSON(&p.Error), fromJSON(&p.Notes),
		&p.Written, at(&p.StartedAt), at(&p.EndedAt), fromJSON(&p.Steps))
	return p, err
}

// Pulls lists the pulls of a connector, the newest first.
func (tx *Tx) Pulls(connectorID string, c Cursor) (Page[gatehouse.Pull], error) {
	q := selecting(pullColumns, "pulls")
	q.Where(q.Equal("connector_id", connectorID))
	return newest(tx, q, c, scanPull, func(p gatehouse.Pull) string { return p.ID })
}

// Pull finds a pull by id.
func (tx *Tx) Pull(id string) (gatehouse.Pull, error) {
	return one(tx, scanPull, `select `+pullColumns+` from pulls where id = $1`, id)
}

// LastPull finds the newest pull of a connector.
func (tx *Tx) LastPull(connectorID string) (gatehouse.Pull, error) {
	return one(tx, scanPull, `select `+pullColumns+` from pulls where connector_id = $1 order by id desc limit 1`, connectorID)
}

// SavePull inserts (ID == "") or updates a pull. State and StartedAt are filled
// in; connector and StartedAt never change.
func (tx *Tx) SavePull(p *gatehouse.Pull) error {
	if p.ID != "" {
		return must(tx.exec(`update pulls set state = $2, checkpoint = $3, progress = $4, error = $5, notes = $6, written = $7,
			ended_at = $8, steps = $9 where id = $1`,
			p.ID, p.State, p.Checkpoint, asJSON(p.Progress), asJSON(p.Error), asJSON(p.Notes), p.Written, p.EndedAt,
			asJSON(p.Steps)))
	}
	fresh := *p
	fresh.ID = NewID()
	if fresh.State == "" {
		fresh.State = gatehouse.PullRunning
	}
	if fresh.StartedAt.IsZero() {
		fresh.StartedAt = tx.now
	}
	_, err := tx.exec(`insert into pulls (`+pullColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		fresh.ID, fresh.ConnectorID, fresh.State, fresh.Checkpoint, asJSON(fresh.Progress), asJSON(fresh.Error), asJSON(fresh.Notes),
		fresh.Written, fresh.StartedAt, fresh.EndedAt, asJSON(fresh.Steps))
	if err == nil {
		*p = fresh
	}
	return err
}
