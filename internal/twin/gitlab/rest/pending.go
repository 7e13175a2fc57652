package rest

import (
	"net/http"
	"slices"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

// pendingRow is a membership that waits for approval, or an invitation by
// e-mail. Its id is that of the membership.
type pendingRow struct {
	ID        int64   `json:"id"`
	Name      *string `json:"name,omitempty"`
	Username  *string `json:"username,omitempty"`
	Email     string  `json:"email"`
	WebURL    *string `json:"web_url,omitempty"`
	Invited   bool    `json:"invited"`
	AvatarURL string  `json:"avatar_url"`
	Approved  bool    `json:"approved"`
}

// listPending lists who waits or is invited anywhere below a top-level group,
// every person and address once (ee/lib/ee/api/members.rb).
func listPending(c *call) (any, error) {
	if c.api.CE {
		return nil, noRoute()
	}
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	if g.ParentID != 0 || c.sight.Level(world.InGroup(g.ID)) < world.Owner {
		return nil, caller.Message(http.StatusBadRequest, "400 Bad request")
	}
	type who struct {
		user  int64
		email string
	}
	seen := map[who]bool{}
	var found []*world.Member
	for _, group := range slices.Concat([]*world.Group{g}, c.d.Descendants(g.ID)) {
		sources := []world.Source{world.InGroup(group.ID)}
		for _, p := range c.d.ProjectsIn(group.ID) {
			sources = append(sources, world.InProject(p.ID))
		}
		for _, src := range sources {
			for _, m := range c.d.Direct(src) {
				key := who{m.UserID, m.InviteEmail}
				if (m.Awaiting || m.UserID == 0) && m.RequestedAt.IsZero() && !seen[key] {
					seen[key] = true
					found = append(found, m)
				}
			}
		}
	}
	page, err := offset(c, found, "", "")
	return rows(page, c.pendingRow), err
}

func (c *call) pendingRow(m *world.Member) pendingRow {
	row := pendingRow{ID: m.ID, Email: m.InviteEmail, Invited: m.UserID == 0, Approved: !m.Awaiting}
	u := c.d.User(m.UserID)
	if u == nil {
		row.AvatarURL = Avatar(&world.User{Email: m.InviteEmail})
		return row
	}
	b := c.basic(u)
	row.Name, row.Username, row.WebURL, row.AvatarURL = &b.Name, &b.Username, &b.WebURL, b.AvatarURL
	if row.Email == "" {
		row.Email = u.Email
	}
	return row
}
