package store

import "gatehouse"

// OwnedBy lists the current personal projects of an account.
func (tx *Tx) OwnedBy(connectorID, accountID string) ([]gatehouse.Resource, error) { panic("todo") }
