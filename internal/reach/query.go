package reach

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"gatehouse"
	"gatehouse/internal/store"
)

// Reacher is an account that reaches a resource.
type Reacher struct {
	Account gatehouse.Account
	Role    gatehouse.Role // the highest that any path gives
	Paths   []Path         // the best first
}

// Answer says who reaches a resource.
type Answer struct {
	Resource  gatehouse.Resource
	Ancestors []gatehouse.Resource // from the nearest to the top
	Reachers  []Reacher            // the highest role first, then by name
	Gaps      []Unseen             // what could not be seen: others may reach it too
}

// OnResource answers who reaches a resource at the time of the transaction, and
// why. NotFound when there is no such resource now.
func OnResource(tx *store.Tx, connectorID string, id gatehouse.ResourceID) (Answer, error) {
	chain, err := tx.Ancestors(connectorID, id)
	if errors.Is(err, gatehouse.NotFound) {
		return Answer{}, gatehouse.Errorf(gatehouse.NotFound, "There is no such group or project.")
	}
	if err != nil {
		return Answer{}, fmt.Errorf("read what %s lies in: %w", id, err)
	}
	w, err := worldAbove(tx, connectorID, chain)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Resource: chain[0], Ancestors: chain[1:]}
	if a.Reachers, err = reachers(tx, connectorID, w.Paths(id)); err != nil {
		return a, err
	}
	a.Gaps, err = gapsIn(tx, connectorID, w)
	return a, err
}

// worldAbove reads what the question "who reaches chain[0]" needs: what it lies
// in, the groups that are invited there, and, as a project brings whoever
// reaches an invited group, what those lie in and who is invited there.
func worldAbove(tx *store.Tx, connectorID string, chain []gatehouse.Resource) (World, error) {
	w := newWorld(tx)
	w.know(chain...)
	shares, err := tx.SharesOn(connectorID, ids(chain))
	if err != nil {
		return w, fmt.Errorf("read shares: %w", err)
	}
	w.share(shares)
	above, err := knowGroups(tx, w, connectorID, shares)
	if err != nil {
		return w, err
	}
	if shares, err = tx.SharesOn(connectorID, above); err != nil {
		return w, fmt.Errorf("read shares of invited groups: %w", err)
	}
	w.share(shares)
	if _, err = knowGroups(tx, w, connectorID, shares); err != nil {
		return w, err
	}
	grants, err := tx.GrantsOn(connectorID, w.known())
	if err != nil {
		return w, fmt.Errorf("read grants: %w", err)
	}
	w.grant(grants)
	return w, nil
}

// knowGroups reads the groups that shares invite with what they lie in, and
// says which resources were new.
func knowGroups(tx *store.Tx, w World, connectorID string, shares []gatehouse.Share) ([]gatehouse.ResourceID, error) {
	var found []gatehouse.ResourceID
	for _, s := range shares {
		if _, known := w.Resources[s.GroupID]; known {
			continue
		}
		chain, err := tx.Ancestors(connectorID, s.GroupID)
		if errors.Is(err, gatehouse.NotFound) {
			continue // a group that the token cannot see: a gap, which the pull noted
		}
		if err != nil {
			return nil, fmt.Errorf("read what %s lies in: %w", s.GroupID, err)
		}
		for _, r := range chain {
			if _, known := w.Resources[r.ID]; !known {
				w.know(r)
				found = append(found, r.ID)
			}
		}
	}
	return found, nil
}

func reachers(tx *store.Tx, connectorID string, paths []Path) ([]Reacher, error) {
	byAccount := map[string][]Path{}
	var order []string
	for _, p := range paths {
		if byAccount[p.AccountID] == nil {
			order = append(order, p.AccountID)
		}
		byAccount[p.AccountID] = append(byAccount[p.AccountID], p)
	}
	accounts, err := tx.AccountsByID(connectorID, order)
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	known := make(map[string]gatehouse.Account, len(accounts))
	for _, a := range accounts {
		known[a.ID] = a
	}
	all := make([]Reacher, 0, len(order))
	for _, id := range order {
		account, ok := known[id]
		if !ok { // a member whom the list of accounts does not show us: still shown, by id
			account = gatehouse.Account{ConnectorID: connectorID, ID: id, Name: "#" + id}
		}
		all = append(all, Reacher{Account: account, Role: byAccount[id][0].Role, Paths: byAccount[id]})
	}
	slices.SortStableFunc(all, func(a, b Reacher) int {
		return cmp.Or(cmp.Compare(b.Role.Level, a.Role.Level), cmp.Compare(a.Account.Name, b.Account.Name))
	})
	return all, nil
}

// Reached is a resource that an account reaches.
type Reached struct {
	Resource gatehouse.Resource
	Role     gatehouse.Role // the highest that any path gives
	Paths    []Path         // the best first
}

// OfAccount answers what an account reaches everywhere in its app, in the order
// of full paths.
func OfAccount(tx *store.Tx, connectorID, accountID string) ([]Reached, error) {
	w, err := worldBelow(tx, connectorID, accountID)
	if err != nil {
		return nil, err
	}
	var all []Reached
	for id, r := range w.Resources {
		if paths := w.Paths(id); len(paths) > 0 {
			all = append(all, Reached{Resource: r, Role: paths[0].Role, Paths: paths})
		}
	}
	slices.SortFunc(all, func(a, b Reached) int {
		return cmp.Or(cmp.Compare(a.Resource.Path, b.Resource.Path), cmp.Compare(a.Resource.ID, b.Resource.ID))
	})
	return all, nil
}

// worldBelow reads everything that accounts may reach: what they are members
// of and what lies in that, the groups to which their groups are invited with
// what lies in those, and the projects to which any of all these is invited.
// It holds the grants of these accounts only.
func worldBelow(tx *store.Tx, connectorID string, accountIDs ...string) (World, error) {
	w := newWorld(tx)
	direct, err := w.grantsOf(tx, connectorID, accountIDs)
	if err != nil {
		return w, err
	}
	// Twice: first the invitations of the groups it is a direct member of, which
	// may lead to groups; then those of all groups found, which may lead to projects.
	next := direct
	for range 2 {
		found, err := tx.Descendants(connectorID, next)
		if err != nil {
			return w, fmt.Errorf("read what lies below: %w", err)
		}
		w.know(found...)
		shares, err := tx.SharesOf(connectorID, w.groups())
		if err != nil {
			return w, fmt.Errorf("read shares: %w", err)
		}
		w.Shares = map[gatehouse.ResourceID][]gatehouse.Share{}
		w.share(shares)
		next = targets(shares)
	}
	found, err := tx.Descendants(connectorID, next)
	if err != nil {
		return w, fmt.Errorf("read what is shared: %w", err)
	}
	w.know(found...)
	for _, accountID := range accountIDs {
		own, err := tx.OwnedBy(connectorID, accountID)
		if err != nil {
			return w, fmt.Errorf("read personal projects: %w", err)
		}
		w.know(own...)
	}
	for id, r := range w.Resources { // another's personal project is not a path of these accounts
		if r.OwnerID != "" && !slices.Contains(accountIDs, r.OwnerID) {
			r.OwnerID = ""
			w.Resources[id] = r
		}
	}
	return w, nil
}

// grantsOf reads the direct grants of accounts, and says on what they are.
func (w World) grantsOf(tx *store.Tx, connectorID string, accountIDs []string) (direct []gatehouse.ResourceID, err error) {
	for _, accountID := range accountIDs {
		grants, err := tx.GrantsOf(connectorID, accountID)
		if err != nil {
			return nil, fmt.Errorf("read grants: %w", err)
		}
		w.grant(grants)
		for _, g := range grants {
			direct = append(direct, g.ResourceID)
		}
	}
	return direct, nil
}

func newWorld(tx *store.Tx) World {
	return World{
		Resources: map[gatehouse.ResourceID]gatehouse.Resource{},
		Grants:    map[gatehouse.ResourceID][]gatehouse.Grant{},
		Shares:    map[gatehouse.ResourceID][]gatehouse.Share{},
		Now:       tx.Now(),
	}
}

func (w World) know(resources ...gatehouse.Resource) {
	for _, r := range resources {
		w.Resources[r.ID] = r
	}
}

func (w World) share(shares []gatehouse.Share) {
	for _, s := range shares {
		w.Shares[s.ResourceID] = append(w.Shares[s.ResourceID], s)
	}
}

func (w World) grant(grants []gatehouse.Grant) {
	for _, g := range grants {
		w.Grants[g.ResourceID] = append(w.Grants[g.ResourceID], g)
	}
}

func (w World) known() []gatehouse.ResourceID {
	all := make([]gatehouse.ResourceID, 0, len(w.Resources))
	for id := range w.Resources {
		all = append(all, id)
	}
	return all
}

func (w World) groups() []gatehouse.ResourceID {
	var all []gatehouse.ResourceID
	for id, r := range w.Resources {
		if r.Kind == gatehouse.ResourceGroup {
			all = append(all, id)
		}
	}
	return all
}

func ids(resources []gatehouse.Resource) []gatehouse.ResourceID {
	all := make([]gatehouse.ResourceID, len(resources))
	for i, r := range resources {
		all[i] = r.ID
	}
	return all
}

func targets(shares []gatehouse.Share) []gatehouse.ResourceID {
	all := make([]gatehouse.ResourceID, len(shares))
	for i, s := range shares {
		all[i] = s.ResourceID
	}
	return all
}
