package store

import (
	"time"

	"gatehouse"
)

func originCell(sessionID string) cell { return cell{"session_origins", sessionID, "id_token"} }

// SaveOrigin keeps the provider's session that a session came out of. It goes
// with the session.
func (tx *Tx) SaveOrigin(sessionID, connectionID string, o gatehouse.Origin) error {
	if len(o.Subject) > longestKey || len(o.Session) > longestKey {
		return gatehouse.Errorf(gatehouse.Invalid, "The provider's id of the person is too long.")
	}
	sealed, err := tx.seal([]byte(o.IDToken), originCell(sessionID))
	if err != nil {
		return err
	}
	_, err = tx.exec(`insert into session_origins (session_id, connection_id, subject, sid, id_token_sealed)
		values ($1, $2, $3, $4, $5)`, sessionID, connectionID, o.Subject, o.Session, sealed)
	return err
}

// Origin finds the provider's session that a session came out of.
func (tx *Tx) Origin(sessionID string) (gatehouse.Origin, error) {
	return one(tx, func(r row) (o gatehouse.Origin, err error) {
		var sealed []byte
		if err := r.Scan(&o.Subject, &o.Session, &sealed); err != nil {
			return o, err
		}
		plain, err := tx.unseal(sealed, originCell(sessionID))
		o.IDToken = string(plain)
		return o, err
	}, `select subject, sid, id_token_sealed from session_origins where session_id = $1`, sessionID)
}

// SessionsByOrigin lists the live sessions that came out of a session of a
// provider, by the subject, the sid or, if both are given, both.
func (tx *Tx) SessionsByOrigin(connectionID string, o gatehouse.Origin) ([]gatehouse.Session, error) {
	if o.Subject == "" && o.Session == "" {
		return nil, nil
	}
	return all(tx, scanSession, `select `+sessionColumns+` from sessions s join session_origins o on o.session_id = s.id
		where o.connection_id = $1 and ($2 = '' or o.subject = $2) and ($3 = '' or o.sid = $3) and s.expires_at > $4 order by s.id`,
		connectionID, o.Subject, o.Session, tx.now)
}

// RevokeSessionTokens revokes the tokens that came of a session, and removes its
// codes. Those with the scope offline_access are meant to outlive it and stay
// (OpenID Connect Back-Channel Logout 1.0, 2.7).
func (tx *Tx) RevokeSessionTokens(sessionID string) error {
	if sessionID == "" {
		return nil
	}
	if _, err := tx.exec(`update tokens set revoked_at = $2 where session_id = $1 and revoked_at = 0
		and scopes not like '%"offline_access"%'`, sessionID, tx.now); err != nil {
		return err
	}
	_, err := tx.exec(`delete from codes where session_id = $1`, sessionID)
	return err
}

// UseLogoutToken notes that a provider's logout token was used, by its jti. It
// reports false when it was used before. Until then it is known.
func (tx *Tx) UseLogoutToken(connectionID, id string, until time.Time) (bool, error) {
	n, err := tx.exec(`insert into logout_tokens (hash, expires_at) values ($1, $2) on conflict (hash) do nothing`,
		gatehouse.Digest(connectionID+" "+id), until)
	return n == 1, err
}
