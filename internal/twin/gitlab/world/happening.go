package world

// A Happening is a change that GitLab tells of by its hooks, with what it was
// about as it was when it happened.
type Happening struct {
	Event   string // GitLab's event_name: user_create, user_add_to_group …
	User    User
	Group   Group
	Project Project
	Parent  Group   // of the group, if it has one
	Member  Member  // of events of membership
	Within  []int64 // the groups that the group or project lies in, itself included
	// What a rename replaced.
	OldUsername, OldPath, OldFullPath string
}

// Tell has fn called with what happened in each [World.Write] from now on, after
// the lock is given back. There is one listener; nil ends it.
func (w *World) Tell(fn func([]Happening)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tell, w.data.told, w.data.happened = fn, fn != nil, nil
}

// happen notes what happened, if anybody listens.
func (d *Data) happen(h Happening) {
	if !d.told {
		return
	}
	at := h.Group.ID
	if h.Project.ID != 0 {
		at = h.Project.GroupID
	}
	for _, g := range d.Ancestors(at) {
		h.Within = append(h.Within, g.ID)
	}
	if p := d.groupByID[h.Group.ParentID]; p != nil {
		h.Parent = *p
	}
	d.happened = append(d.happened, h)
}

// memberHappened tells of a membership; invitations are told of by nothing, requests by
// an event of their own.
func (d *Data) memberHappened(m *Member, forGroup, forProject string) {
	u := d.userByID[m.UserID]
	if u == nil {
		return
	}
	h := Happening{User: *u, Member: *m}
	if m.Source.Kind == GroupSource {
		if g := d.groupByID[m.Source.ID]; g != nil {
			h.Event, h.Group = forGroup, *g
		}
	} else if p := d.projectByID[m.Source.ID]; p != nil {
		h.Event, h.Project = forProject, *p
	}
	if !m.RequestedAt.IsZero() && h.Event == forGroup {
		h.Event = "user_access_request_to_group"
	} else if !m.RequestedAt.IsZero() {
		h.Event = "user_access_request_to_project"
	}
	d.happen(h)
}

// Changed tells of a membership that was changed in place.
func (d *Data) Changed(m *Member) {
	d.memberHappened(m, "user_update_for_group", "user_update_for_team")
}
