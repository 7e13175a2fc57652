package users

import (
	"gatehouse"
	"gatehouse/internal/store"
)

// AskApproval asks the administrators to let a person in who came by the
// connection and waits. The message is what the person says to them, "" when
// they were not asked.
func (u *Users) AskApproval(tx *store.Tx, user gatehouse.User, c gatehouse.Connection, message string) error {
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: user.ID, Name: user.Username}
	return record(tx, by, "approval.asked", user.ID, map[string]string{"connection": c.Name, "message": OneLine(message)})
}
