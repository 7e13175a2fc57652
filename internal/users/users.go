// Package users decides how a person comes to be known: who signs in, whose
// account an identity belongs to, when a new account is made and when it has to
// wait for approval. Every decision is kept with the rule that spoke, so that
// the person and the administrator can both read why.
package users

import (
	"time"

	"gatehouse"
	"gatehouse/internal/lists"
	"gatehouse/internal/store"
)

// Users applies the rules for people. It is used by pointer and is safe for
// concurrent use.
type Users struct {
	Store   *store.Store
	Clock   gatehouse.Clock
	Metrics gatehouse.Metrics // nil: none
	// Admins are the addresses that administer. One counts when we hold it as
	// verified, or when a connection of the configuration file says that it is:
	// both then were written by the same operator. Such an account needs no
	// approval and has the role super_administrator after each sign-in.
	Admins []string
	// URL is what browsers see, without a slash at the end, for links in mails;
	// "": those have none.
	URL string
	// ApprovalTime is how long a request for approval waits for an answer; 0:
	// gatehouse.DefaultApprovalTime.
	ApprovalTime time.Duration
	FileSignUp   FileSignUp        // what the configuration file says of whose addresses may sign up
	Disposable   *lists.Disposable // domains of throw-away addresses; nil: none
	Credentials  Credentials       // what users have besides identities; nil: nothing
}

// EnsureOptions is what Ensure should know besides the person.
type EnsureOptions struct {
	Address    string // the browser's IP address, for the decision and the audit log
	LinkUserID string // the signed-in user who connects this identity; "" = a sign-in
	SessionID  string // of that user; it stays when what else could get into the account ends
	Ask        bool   // a newcomer asks for an account where one has to ask (request_access)
	Message    string // what a newcomer who has to wait says to the approvers
	Proof      string // id of the decision that left it at a proof, which is used now; "" = the provider was asked just now
}

func (u *Users) count(name string, labels ...string) {
	if u.Metrics != nil {
		u.Metrics.Count(name, labels...)
	}
}
