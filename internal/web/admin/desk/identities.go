package desk

import (
	"fmt"

	"gatehouse"
	"gatehouse/internal/store"
)

// IdentityRow is an identity with the connection that vouches for it; without ID
// when that is gone.
type IdentityRow struct {
	gatehouse.Identity
	Connection gatehouse.Connection
}

// IdentitiesOf lists the identities of a user.
func IdentitiesOf(tx *store.Tx, userID string) ([]IdentityRow, error) {
	identities, err := tx.Identities(userID)
	if err != nil {
		return nil, fmt.Errorf("read the identities of user %s: %w", userID, err)
	}
	connections, err := ConnectionsByID(tx)
	if err != nil {
		return nil, fmt.Errorf("read the connections: %w", err)
	}
	var rows []IdentityRow
	for _, i := range identities {
		rows = append(rows, IdentityRow{i, connections[i.ConnectionID]})
	}
	return rows, nil
}
