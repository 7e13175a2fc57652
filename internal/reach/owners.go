package reach

import (
	"time"

	"gatehouse"
)

// tenure says how long a group has somebody who can act as its owner.
type tenure struct {
	any   bool
	until time.Time // zero: without an end
}

// or is the longer one.
func (t tenure) or(other tenure) tenure {
	switch {
	case !t.any:
		return other
	case !other.any || t.until.IsZero():
		return t
	case other.until.IsZero() || other.until.After(t.until):
		return other
	}
	return t
}

// cut ends a tenure at a time at the latest; zero: not.
func (t tenure) cut(at time.Time) tenure {
	if t.any && !at.IsZero() && (t.until.IsZero() || at.Before(t.until)) {
		t.until = at
	}
	return t
}

func (t tenure) ends(by time.Time) bool { return t.any && !t.until.IsZero() && !t.until.After(by) }

// judgeGroups finds the groups that have no owner who can act, or will soon have
// none. What lies in such a group and is no better off is not said again. Of a
// group whose members could not all be seen nothing is said.
func (s *sifter) judgeGroups() {
	o := s.ownership()
	soon := s.Now.Add(Soon)
	for _, r := range s.Resources {
		if r.Kind != gatehouse.ResourceGroup || r.State != "" || o.unseen(r.ID) {
			continue
		}
		t, above := o.of(r.ID), o.of(r.Parent)
		switch {
		case !t.any && s.resources[r.Parent].ID == "":
			s.group(gatehouse.FindingOwnerless, r, gatehouse.Notef("%s has no owner who can act: nobody has the role, or whoever has it is blocked, has left or is not a person.", r.Path))
		case t.ends(soon) && !above.any:
			s.group(gatehouse.FindingSoonOwnerless, r, gatehouse.Notef("The last owner of %s who can act ends on %s.", r.Path, t.until.UTC().Format(time.DateOnly)))
		}
	}
}

// ownership says how long groups have owners who can act.
type ownership struct {
	*sifter
	direct map[gatehouse.ResourceID]tenure // of members of their own
	shares map[gatehouse.ResourceID][]gatehouse.Share
	found  map[gatehouse.ResourceID]tenure
}

func (s *sifter) ownership() ownership {
	o := ownership{s, s.directOwners(), map[gatehouse.ResourceID][]gatehouse.Share{}, map[gatehouse.ResourceID]tenure{}}
	for _, share := range s.Shares {
		if share.Cap.Level >= ownerLevel && !ended(share.ExpiresAt, s.Now) {
			o.shares[share.ResourceID] = append(o.shares[share.ResourceID], share)
		}
	}
	return o
}

// of works out one group after what it lies in. found keeps what is worked out,
// and ends loops.
func (o ownership) of(id gatehouse.ResourceID) tenure {
	if t, ok := o.found[id]; ok {
		return t
	}
	r, known := o.resources[id]
	if !known {
		return tenure{}
	}
	t := o.direct[id]
	o.found[id] = t
	for _, share := range o.shares[id] {
		t = t.or(o.direct[share.GroupID].cut(share.ExpiresAt)) // an invited group brings direct members only
	}
	t = t.or(o.of(r.Parent))
	o.found[id] = t
	return t
}

// unseen says whether something could not be seen of a group or of what it lies in.
func (o ownership) unseen(id gatehouse.ResourceID) bool {
	for range len(o.resources) {
		if o.Unseen[id] {
			return true
		}
		r, known := o.resources[id]
		if !known || r.Parent == "" {
			return false
		}
		id = r.Parent
	}
	return true // it goes round in a circle
}

// directOwners says of which groups people who can act are owners themselves.
func (s *sifter) directOwners() map[gatehouse.ResourceID]tenure {
	direct := map[gatehouse.ResourceID]tenure{}
	for _, g := range s.Grants {
		a, known := s.accounts[g.AccountID]
		if !known || !person(a) || !active(a) || s.Users[a.UserID].Left || g.Role.Level < ownerLevel || !Holds(g, s.Now) {
			continue
		}
		direct[g.ResourceID] = direct[g.ResourceID].or(tenure{any: true, until: g.ExpiresAt})
	}
	return direct
}

func (s *sifter) group(kind gatehouse.FindingKind, r gatehouse.Resource, why gatehouse.Note) {
	s.found = append(s.found, gatehouse.Finding{Kind: kind, ResourceID: r.ID, Subject: r.Path, Why: why})
}
