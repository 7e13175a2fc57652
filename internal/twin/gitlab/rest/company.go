package rest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

// ofCompany says whether an account is an enterprise user of a top-level group
// that the caller owns.
func (c *call) ofCompany(u *world.User) bool {
	return c.api.Com && u.EnterpriseGroup != 0 && c.sight.Level(world.InGroup(u.EnterpriseGroup)) >= world.Owner
}

// listEnterprise lists the accounts that belong to a top-level group, with
// everything that is known of them. It is there on GitLab.com only
// (ee/lib/api/group_enterprise_users.rb).
func listEnterprise(c *call) (any, error) {
	if !c.api.Com {
		return nil, noRoute()
	}
	g, err := c.ownedRoot("Must be a top-level group")
	if err != nil {
		return nil, err
	}
	var found []*world.User
	for _, u := range c.d.Users() {
		if u.EnterpriseGroup == g.ID {
			found = append(found, u)
		}
	}
	slices.Reverse(found) // newest first
	page, err := offset(c, found, "", "")
	return rows(page, c.publicRow), err
}

func (c *call) ownedRoot(otherwise string) (*world.Group, error) {
	g, err := c.group()
	switch {
	case err != nil:
		return nil, err
	case g.ParentID != 0:
		return nil, caller.Message(http.StatusBadRequest, "400 Bad request - "+otherwise)
	case c.sight.Level(world.InGroup(g.ID)) < world.Owner:
		return nil, caller.Forbidden("")
	}
	return g, nil
}

// billableRow is somebody who counts for the price.
type billableRow struct {
	userBasic
	Email          *string `json:"email,omitempty"` // of the company's own accounts only
	LastActivityOn *string `json:"last_activity_on"`
	MembershipType string  `json:"membership_type"`
	Removable      bool    `json:"removable"`
	CreatedAt      *string `json:"created_at"`
	IsLastOwner    bool    `json:"is_last_owner"`
	LastLoginAt    *string `json:"last_login_at"`
}

// listBillable lists who counts for the price of a top-level group: everybody
// with more than Guest anywhere below it or through an invited group
// (ee/lib/ee/api/members.rb; bots and who is not active do not count).
func listBillable(c *call) (any, error) {
	if c.api.CE {
		return nil, noRoute()
	}
	g, err := c.ownedRoot("400 Bad request")
	if err != nil {
		return nil, err
	}
	kinds := map[int64]string{}
	for _, group := range append([]*world.Group{g}, c.d.Descendants(g.ID)...) {
		c.bill(kinds, world.InGroup(group.ID), "group")
		for _, p := range c.d.ProjectsIn(group.ID) {
			c.bill(kinds, world.InProject(p.ID), "project")
		}
	}
	var found []*world.User
	for id := range kinds {
		if u := c.d.User(id); u.State == world.Active && (u.Type == "" || u.Type == world.Human) {
			found = append(found, u)
		}
	}
	slices.SortFunc(found, func(a, b *world.User) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	page, err := offset(c, found, "", "")
	return rows(page, func(u *world.User) billableRow {
		row := billableRow{
			userBasic: c.basic(u), LastActivityOn: orNull(u.LastActivityOn), MembershipType: kinds[u.ID] + "_member",
			Removable: true, CreatedAt: stamp(u.CreatedAt), LastLoginAt: stamp(u.CurrentSignInAt),
		}
		if c.ofCompany(u) {
			row.Email = &u.Email
		}
		return row
	}), err
}

// bill notes who is billable for a source, directly or through an invited group.
func (c *call) bill(kinds map[int64]string, src world.Source, kind string) {
	note := func(rows []*world.Member, kind string) {
		for _, m := range rows {
			if !m.Pending() && !m.Awaiting && m.Level > world.Guest && kinds[m.UserID] == "" {
				kinds[m.UserID] = kind
			}
		}
	}
	note(c.d.Direct(src), kind)
	for _, s := range c.d.SharesOf(src) {
		note(c.d.Direct(world.InGroup(s.GroupID)), kind+"_invite")
	}
}
