package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

func sourceWriteRoutes(at string, scopes []string) []*route {
	return []*route{
		change(http.MethodPost, at+"/members", addMembers),
		change(http.MethodPut, at+"/members/{}", editMember),
		change(http.MethodDelete, at+"/members/{}", deleteMember).limited("members_delete"),
		get(at+"/invitations", scopes, listInvitations),
		change(http.MethodPost, at+"/invitations", invite),
		change(http.MethodPut, at+"/invitations/{}", editInvitation),
		change(http.MethodDelete, at+"/invitations/{}", deleteInvitation),
		get(at+"/access_requests", scopes, listRequests),
		change(http.MethodPost, at+"/access_requests", requestAccess),
		change(http.MethodPut, at+"/access_requests/{}/approve", approveRequest),
		change(http.MethodDelete, at+"/access_requests/{}", denyRequest),
		change(http.MethodPost, at+"/share", share),
		change(http.MethodDelete, at+"/share/{}", unshare),
	}
}

const queued = "Request queued for administrator approval."

// managed finds the source of the path for somebody who may change its members.
func (c *call) managed() (world.Source, error) {
	src, err := c.source()
	if err != nil {
		return src, err
	}
	needed := world.Owner
	if src.Kind == world.ProjectSource {
		needed = world.Maintainer
	}
	if c.sight.Level(src) < needed {
		return src, caller.Forbidden("")
	}
	return src, nil
}

func addMembers(c *call) (any, error) {
	w, err := c.wholeWish()
	if err != nil {
		return nil, err
	}
	switch {
	case c.has("user_id") && c.has("username"):
		return nil, invalid("user_id, username are mutually exclusive")
	case !c.has("user_id") && !c.has("username"):
		return nil, invalid("user_id, username are missing, at least one parameter must be provided")
	}
	src, err := c.managed()
	if err != nil {
		return nil, err
	}
	if src.Kind == world.ProjectSource && c.locked(src) {
		return nil, caller.Message(http.StatusMethodNotAllowed, "405 Method Not Allowed")
	}
	names := strings.Split(c.get("user_id")+c.get("username"), ",")
	if len(names) > 1 {
		return c.addSeveral(src, names, w), nil
	}
	u := c.named(names[0])
	if u == nil {
		return nil, notFound("User")
	}
	if c.d.Member(src, u.ID) != nil {
		return nil, conflict("Member already exists")
	}
	if p := c.refuse(src, u, w); p != nil {
		return nil, p.failure()
	}
	if c.queues(w) {
		return reply{http.StatusAccepted, messageBody{map[string]string{"username_1": queued}}}, nil
	}
	m, err := c.join(src, u, w)
	if err != nil {
		return nil, err
	}
	return c.memberRow(*m), nil
}

func (c *call) queues(w wish) bool {
	return c.settings().QueueRolePromotions && !c.api.CE && w.level > world.Guest
}

func (c *call) locked(src world.Source) bool {
	return slices.ContainsFunc(c.groupsOf(src), func(g *world.Group) bool { return g.MembershipLock })
}

// named finds a user by id or username, whichever the request uses.
func (c *call) named(v string) *world.User {
	v = strings.TrimSpace(v)
	if c.has("username") {
		return c.d.UserByName(v)
	}
	id, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return nil
	}
	return c.d.User(id)
}

// join adds a membership, in place of a request for access if there is one.
func (c *call) join(src world.Source, u *world.User, w wish) (*world.Member, error) {
	for _, m := range c.d.MembershipsOf(u.ID) {
		if m.Source == src && m.Pending() {
			c.d.RemoveMember(m)
			break
		}
	}
	m, err := c.d.AddMember(world.Member{
		Source: src, UserID: u.ID, Level: w.level, ExpiresAt: w.expires, RoleID: w.role, CreatedAt: c.now(), CreatedBy: c.who.User.ID,
	})
	if err != nil {
		return nil, conflict("Member already exists")
	}
	return m, nil
}

// outcome is the answer to several wishes at once: 201, whatever happened.
type outcome struct {
	Status  string            `json:"status"`
	Message map[string]string `json:"message,omitempty"`
	Queued  map[string]string `json:"queued_users,omitempty"`
}

func (o *outcome) fail(who, why string) {
	if o.Message == nil {
		o.Message = map[string]string{}
	}
	o.Status, o.Message[who] = "error", why
}

func (c *call) addSeveral(src world.Source, names []string, w wish) outcome {
	o := outcome{Status: "success"}
	for i, n := range names {
		u := c.named(n)
		if u == nil {
			o.fail(n, "User not found")
			continue
		}
		if c.d.Member(src, u.ID) != nil {
			o.fail(u.Username, "User already exists in source")
			continue
		}
		c.addOne(&o, src, u, w, u.Username, i+1)
	}
	return o
}

// addOne adds a user or notes under a name why not.
func (c *call) addOne(o *outcome, src world.Source, u *world.User, w wish, name string, number int) {
	if p := c.refuse(src, u, w); p != nil {
		o.fail(name, p.sentence())
		return
	}
	if c.queues(w) {
		if o.Queued == nil {
			o.Queued = map[string]string{}
		}
		o.Queued[fmt.Sprintf("username_%d", number)] = queued
		return
	}
	if _, err := c.join(src, u, w); err != nil {
		o.fail(name, "User already exists in source")
	}
}

// directMember finds the membership that is to change.
func (c *call) directMember() (*world.Member, error) {
	src, id, err := c.memberPath()
	if err != nil {
		return nil, err
	}
	m := c.d.Member(src, id)
	if m == nil {
		if _, err := c.managed(); err != nil {
			return nil, err
		}
		return nil, noRecord()
	}
	return m, nil
}

// lastOwner tells whether a group would be left without an owner of its own or
// from above.
func (c *call) lastOwner(m *world.Member) bool {
	if m.Level != world.Owner || m.Source.Kind != world.GroupSource {
		return false
	}
	for _, g := range c.d.Ancestors(m.Source.ID) {
		for _, other := range c.d.Direct(world.InGroup(g.ID)) {
			u := c.d.User(other.UserID)
			if other != m && !other.Pending() && other.Level == world.Owner && u != nil && u.ID != m.UserID && u.State == world.Active && !u.Type.Bot() {
				return false
			}
		}
	}
	return true
}

// editMember changes only what the request names; but a custom role that is not
// named goes.
func editMember(c *call) (any, error) {
	w, err := c.wholeWish()
	if err != nil {
		return nil, err
	}
	m, err := c.directMember()
	if err != nil {
		return nil, err
	}
	if _, err := c.managed(); err != nil {
		return nil, err
	}
	u := c.d.User(m.UserID)
	if m.LDAP && !m.Override || w.level < world.Owner && c.lastOwner(m) {
		return nil, caller.Forbidden("")
	}
	if p := c.refuse(m.Source, u, w); p != nil {
		return nil, p.failure()
	}
	if w.level > m.Level && c.queues(w) {
		return reply{http.StatusAccepted, messageBody{map[string]string{"username_1": queued}}}, nil
	}
	m.Level, m.RoleID, m.UpdatedAt = w.level, w.role, c.now()
	if c.has("expires_at") {
		m.ExpiresAt = w.expires
	}
	c.d.Changed(m)
	return c.memberRow(*m), nil
}

// deleteMember takes the memberships below a group away too, unless told not to.
func deleteMember(c *call) (any, error) {
	m, err := c.directMember()
	if err != nil {
		return nil, err
	}
	if m.UserID != c.who.User.ID {
		if _, err := c.managed(); err != nil {
			return nil, err
		}
	}
	if err := c.unmodified(m.UpdatedAt); err != nil {
		return nil, err
	}
	if c.lastOwner(m) || m.LDAP && !m.Override {
		return nil, caller.Forbidden("")
	}
	c.d.RemoveMember(m)
	if m.Source.Kind == world.GroupSource && !c.is("skip_subresources") {
		c.d.RemoveMemberBelow(m.Source.ID, m.UserID)
	}
	return nil, nil
}
