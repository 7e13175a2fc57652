package provided

import (
	"errors"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// Kept is what a person may know of a token of theirs that is kept.
type Kept struct {
	Identity   gatehouse.Identity
	Connection gatehouse.Connection
	Scopes     []string
	KeptAt     time.Time
	ExpiresAt  time.Time
	Renewed    bool           // by us, before it ends
	Reconnect  bool           // it has ended, and only a new sign-in brings another
	Why        gatehouse.Note // why it is renewed no more; zero: it is, or was never
}

// List tells which tokens of a person are kept, without the tokens themselves.
func List(tx *store.Tx, userID string) ([]Kept, error) {
	identities, err := tx.Identities(userID)
	if err != nil {
		return nil, fmt.Errorf("read the identities of user %s: %w", userID, err)
	}
	var all []Kept
	for _, i := range identities {
		t, err := tx.ProviderTokens(i.ID)
		if errors.Is(err, gatehouse.NotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the tokens of identity %s: %w", i.ID, err)
		}
		c, err := tx.Connection(i.ConnectionID)
		if err != nil {
			return nil, fmt.Errorf("read connection %s: %w", i.ConnectionID, err)
		}
		all = append(all, Kept{
			Identity: i, Connection: c, Scopes: t.Tokens.Scopes, KeptAt: t.KeptAt, ExpiresAt: t.Tokens.ExpiresAt,
			Renewed: t.Tokens.Refresh != "", Reconnect: next(t, tx.Now()) == stepReconnect, Why: t.Failed,
		})
	}
	return all, nil
}

// ForgetOwn removes a token of a person as they wish; the next sign-in by the
// connection brings another. NotFound when it is not theirs, or not there.
func (p *Provided) ForgetOwn(tx *store.Tx, by gatehouse.Actor, userID, identityID string) error {
	all, err := List(tx, userID)
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.Identity.ID != identityID {
			continue
		}
		if err := p.Forget(tx, identityID); err != nil {
			return err
		}
		f := found{user: gatehouse.User{ID: userID}, connection: k.Connection, identity: k.Identity}
		return record(tx, by, "provider_token.forgotten", f, nil)
	}
	return gatehouse.Errorf(gatehouse.NotFound, "No such token is kept any more. Load the page again.")
}
