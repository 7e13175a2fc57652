package store

import "gatehouse"

// Pulls lists the pulls of a connector, the newest first.
func (tx *Tx) Pulls(connectorID string, c Cursor) (Page[gatehouse.Pull], error) { panic("todo") }

// Pull finds a pull by id.
func (tx *Tx) Pull(id string) (gatehouse.Pull, error) { panic("todo") }

// LastPull finds the newest pull of a connector.
func (tx *Tx) LastPull(connectorID string) (gatehouse.Pull, error) { panic("todo") }

// SavePull inserts (ID == "") or updates a pull.
func (tx *Tx) SavePull(p *gatehouse.Pull) error { panic("todo") }

// Staged is a piece of a pull to be staged.
type Staged struct {
	Accounts  []gatehouse.Account
	Resources []gatehouse.Resource
	Grants    []gatehouse.Grant
	Shares    []gatehouse.Share
}

// Stage keeps a piece of a pull aside; what was staged before under the same
// keys is replaced. Nothing of it is visible outside the pull.
func (tx *Tx) Stage(pullID string, s Staged) error { panic("todo") }

// Counts are numbers of rows of each kind.
type Counts struct{ Accounts, Resources, Grants, Shares int64 }

// CountStaged counts what a pull staged.
func (tx *Tx) CountStaged(pullID string) (Counts, error) { panic("todo") }

// CountCurrent counts what a connector's app has now.
func (tx *Tx) CountCurrent(connectorID string) (Counts, error) { panic("todo") }

// CountVanished counts the current rows of a connector that a whole pull did not see: what
// finishing it would end.
func (tx *Tx) CountVanished(connectorID, pullID string) (Counts, error) { panic("todo") }

// FinishPull makes what a whole pull staged the current state: rows that are
// new or differ begin (and the old version ends), rows that vanished end, rows
// that are the same are not touched. It empties the staging area of the pull
// and says how many rows it wrote in the history.
func (tx *Tx) FinishPull(connectorID, pullID string) (written int64, err error) { panic("todo") }

// DropStaged empties the staging area of a pull.
func (tx *Tx) DropStaged(pullID string) error { panic("todo") }

// AccountFilter chooses accounts of a connector.
type AccountFilter struct {
	Search   string // part of name, username or address
	State    string
	Type     gatehouse.AccountType
	Orphaned bool // only those without a user
	UserID   string
}

// Accounts lists current accounts of a connector, by name.
func (tx *Tx) Accounts(connectorID string, f AccountFilter, c Cursor) (Page[gatehouse.Account], error) {
	panic("todo")
}

// Account finds a current account.
func (tx *Tx) Account(connectorID, id string) (gatehouse.Account, error) { panic("todo") }

// AccountsByID finds current accounts, in no order; unknown ones are left out.
func (tx *Tx) AccountsByID(connectorID string, ids []string) ([]gatehouse.Account, error) {
	panic("todo")
}

// AccountsOf lists the accounts in all apps that are matched to a user.
func (tx *Tx) AccountsOf(userID string) ([]gatehouse.Account, error) { panic("todo") }

// MatchAccount says whose an account is, and why; userID "" takes it back.
func (tx *Tx) MatchAccount(connectorID, accountID, userID, why string) error { panic("todo") }

// UnmatchedAccounts lists current accounts of a connector that nobody matched yet, a page at a time by id.
func (tx *Tx) UnmatchedAccounts(connectorID string, c Cursor) (Page[gatehouse.Account], error) {
	panic("todo")
}

// ResourceFilter chooses resources of a connector.
type ResourceFilter struct {
	Search string // part of the full path or name
	Kind   gatehouse.ResourceKind
	Parent gatehouse.ResourceID
}

// Resources lists current resources of a connector, by full path.
func (tx *Tx) Resources(connectorID string, f ResourceFilter, c Cursor) (Page[gatehouse.Resource], error) {
	panic("todo")
}

// Resource finds a current resource.
func (tx *Tx) Resource(connectorID string, id gatehouse.ResourceID) (gatehouse.Resource, error) {
	panic("todo")
}

// Ancestors lists a resource and what it lies in, from itself to the top.
func (tx *Tx) Ancestors(connectorID string, id gatehouse.ResourceID) ([]gatehouse.Resource, error) {
	panic("todo")
}

// GrantsOn lists the current direct grants on some resources.
func (tx *Tx) GrantsOn(connectorID string, ids []gatehouse.ResourceID) ([]gatehouse.Grant, error) {
	panic("todo")
}

// GrantsOf lists the current direct grants of an account.
func (tx *Tx) GrantsOf(connectorID, accountID string) ([]gatehouse.Grant, error) { panic("todo") }

// SharesOn lists the current shares by which groups are invited to some resources.
func (tx *Tx) SharesOn(connectorID string, ids []gatehouse.ResourceID) ([]gatehouse.Share, error) {
	panic("todo")
}

// SharesOf lists the current shares by which some groups are invited elsewhere.
func (tx *Tx) SharesOf(connectorID string, groups []gatehouse.ResourceID) ([]gatehouse.Share, error) {
	panic("todo")
}

// Descendants lists the current resources below some resources, themselves included.
func (tx *Tx) Descendants(connectorID string, ids []gatehouse.ResourceID) ([]gatehouse.Resource, error) {
	panic("todo")
}
