package store

import (
	"encoding/json"
	"fmt"
	"time"

	"gatehouse"
)

// Logout is the work of telling one client that a session ended (OpenID Connect
// Back-Channel Logout 1.0). It is what a job of its kind is told.
type Logout struct {
	ClientID string `json:"client"`
	Session  string `json:"session"` // as the client knows it (sid)
	Number   int64  `json:"number"`  // by which the client knows the user
}

// Kind is for jobs.Args.
func (Logout) Kind() string { return "op.logout" }

// logoutAttempts is how often a client is told before it is given up: with the
// usual pauses, for more than an hour.
const logoutAttempts = 12

// JoinSession notes that a client got tokens in a session. Nothing happens when
// the session has ended.
func (tx *Tx) JoinSession(sessionID, clientID string) error {
	return tx.send(`insert into session_clients (session_id, client_id, sid)
		select id, $2, id from sessions where id = $1 on conflict do nothing`, sessionID, clientID)
}

// SucceedSession lets a new session of the same user take over what clients know
// of an older one, which then ends without their hearing of it: the person only
// proved again who they are.
func (tx *Tx) SucceedSession(oldID, newID string) error {
	_, err := tx.exec(`update session_clients set session_id = $2 where session_id = $1`, oldID, newID)
	return err
}

// SessionClient is a client that got tokens in a session.
type SessionClient struct {
	Client gatehouse.Client
	SID    string // how it knows the session
}

// SessionClients lists the enabled clients that got tokens in a session.
func (tx *Tx) SessionClients(sessionID string) ([]SessionClient, error) {
	return all(tx, func(r row) (s SessionClient, err error) {
		s.Client, err = tx.scanClient(prefixed{r, []any{&s.SID}})
		return s, err
	}, `select sc.sid, `+clientFields+` from session_clients sc join clients c on c.id = sc.client_id
		where sc.session_id = $1 and c.enabled order by c.name, c.id, sc.sid`, sessionID)
}

// prefixed is a row that has further columns at its front.
type prefixed struct {
	row
	front []any
}

// Scan is for row.
func (p prefixed) Scan(into ...any) error { return p.row.Scan(append(p.front, into...)...) }

func scanLogout(r row) (l Logout, err error) {
	err = r.Scan(&l.ClientID, &l.Session, &l.Number)
	return l, err
}

// tellOfEnd adds the jobs by which clients hear that sessions of a user end: one
// of them ("" = all), but never the excepted one. It stands before the end of
// sessions itself, so that no way to end one can forget it. Codes that were not
// redeemed yet go with their sessions.
func (tx *Tx) tellOfEnd(userID, id, except string) error {
	told, err := all(tx, scanLogout, `select sc.client_id, sc.sid, coalesce(n.number, u.number)
		from session_clients sc join sessions s on s.id = sc.session_id join users u on u.id = s.user_id
		join clients c on c.id = sc.client_id
		left join client_numbers n on n.client_id = sc.client_id and n.user_id = s.user_id
		where s.user_id = $1 and ($2 = '' or s.id = $2) and s.id <> $3
		and c.enabled and c.backchannel_logout_uri <> '' order by sc.client_id, sc.sid`, userID, id, except)
	if err != nil {
		return err
	}
	for _, l := range told {
		args, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("write args of job %s: %w", l.Kind(), err)
		}
		if _, err := tx.AddJob(&JobRow{Kind: l.Kind(), Key: l.ClientID + " " + l.Session, Args: args, MaxAttempts: logoutAttempts}); err != nil {
			return err
		}
	}
	_, err = tx.exec(`delete from codes where user_id = $1 and used_at is null and session_id <> '' and session_id <> $3
		and ($2 = '' or session_id = $2)`, userID, id, except)
	return err
}

// Farewell is what is left to do in a browser after a sign-out.
type Farewell struct {
	Frames []string // addresses of clients that end their own sessions in a frame
	Next   string   // where the person goes then; "": our own sign-in page
}

// SaveFarewell keeps one under the SHA-256 of its secret until then.
func (tx *Tx) SaveFarewell(hash []byte, f Farewell, until time.Time) error {
	_, err := tx.exec(`insert into farewells (hash, frames, next, expires_at) values ($1, $2, $3, $4)`,
		hash, asJSON(f.Frames), f.Next, until)
	return err
}

// TakeFarewell gives one, once; NotFound when there is none.
func (tx *Tx) TakeFarewell(hash []byte) (Farewell, error) {
	return one(tx, func(r row) (f Farewell, err error) {
		err = r.Scan(fromJSON(&f.Frames), &f.Next)
		return f, err
	}, `delete from farewells where hash = $1 and expires_at > $2 returning frames, next`, hash, tx.now)
}
