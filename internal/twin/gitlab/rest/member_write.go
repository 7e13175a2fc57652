package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

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

// wish is a membership that somebody wants to be.
type wish struct {
	level   int
	expires string
	role    int64
}

func (c *call) wish() (w wish, err error) {
	level, err := c.number("access_level", 0)
	if err != nil {
		return w, err
	}
	w.level = int(level)
	if w.expires = c.get("expires_at"); w.expires != "" {
		t, err := time.Parse(time.DateOnly, w.expires[:min(10, len(w.expires))])
		if err != nil {
			return w, invalid("expires_at is invalid")
		}
		w.expires = t.Format(time.DateOnly)
	}
	w.role, err = c.number("member_role_id", 0)
	return w, err
}

// refuse checks a wish against the rules of the model.
func (c *call) refuse(src world.Source, u *world.User, w wish) *caller.Failure {
	root := src.Kind == world.GroupSource && c.d.Group(src.ID).ParentID == 0
	levels := []int{world.Guest, world.Planner, world.Reporter, world.Developer, world.Maintainer, world.Owner}
	if root && !c.api.CE {
		levels = append(levels, world.MinimalAccess)
	}
	switch {
	case !slices.Contains(levels, w.level):
		return validation("access_level", "is not included in the list")
	case w.expires != "" && w.expires < c.now().Format(time.DateOnly):
		return validation("expires_at", "cannot be a date in the past")
	}
	if u != nil {
		if f := c.refuseUserIn(src, u, w); f != nil {
			return f
		}
	}
	if w.role == 0 {
		return nil
	}
	r := c.d.Role(w.role)
	if c.api.CE || r == nil {
		return validation("member_role", "not found")
	}
	if r.BaseLevel != w.level {
		return validation("member_role_id", "role's base access level does not match the access level of the membership")
	}
	return nil
}

func (c *call) refuseUserIn(src world.Source, u *world.User, w wish) *caller.Failure {
	if u.Type == world.ProjectBot && c.d.Member(src, u.ID) == nil {
		return validation("user", "project bots cannot be added to other groups / projects")
	}
	if c.ssoEnforced(src) && u.Type == world.Human && !slices.ContainsFunc(u.Identities, func(i world.Identity) bool { return strings.HasPrefix(i.Provider, "saml") }) {
		return validation("user", "is not linked to a SAML account")
	}
	above, from := 0, ""
	for _, m := range c.d.MembershipsOf(u.ID) {
		if m.Source.Kind == world.GroupSource && !m.Pending() && m.Level > above && c.isAbove(m.Source.ID, src) {
			above, from = m.Level, c.d.Group(m.Source.ID).Name
		}
	}
	if above > w.level && above > world.MinimalAccess {
		return validation("access_level", fmt.Sprintf("should be greater than or equal to %s inherited membership from group %s", levelName(above), from))
	}
	return nil
}

func (c *call) groupsOf(src world.Source) []*world.Group {
	if src.Kind == world.GroupSource {
		return c.d.Ancestors(src.ID)
	}
	return c.d.Ancestors(c.d.Project(src.ID).GroupID)
}

// isAbove tells whether a group is strictly above a source.
func (c *call) isAbove(group int64, src world.Source) bool {
	return src != world.InGroup(group) && slices.ContainsFunc(c.groupsOf(src), func(g *world.Group) bool { return g.ID == group })
}

func (c *call) ssoEnforced(src world.Source) bool {
	return slices.ContainsFunc(c.groupsOf(src), func(g *world.Group) bool { return g.SSOEnforced })
}

func levelName(level int) string {
	switch level {
	case world.Guest:
		return "Guest"
	case world.Planner:
		return "Planner"
	case world.Reporter:
		return "Reporter"
	case world.Developer:
		return "Developer"
	case world.Maintainer:
		return "Maintainer"
	case world.Owner:
		return "Owner"
	}
	return strconv.Itoa(level)
}

func addMembers(c *call) (any, error) {
	if err := c.require("access_level"); err != nil {
		return nil, err
	}
	switch {
	case c.has("user_id") && c.has("username"):
		return nil, invalid("user_id, username are mutually exclusive")
	case !c.has("user_id") && !c.has("username"):
		return nil, invalid("user_id, username are missing, at least one parameter must be provided")
	}
	w, err := c.wish()
	if err != nil {
		return nil, err
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
	if f := c.refuse(src, u, w); f != nil {
		return nil, f
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
	if f := c.refuse(src, u, w); f != nil {
		o.fail(name, sentence(f))
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

// sentence turns a refusal of the model into one text, as full_messages does.
func sentence(f *caller.Failure) string {
	raw, err := marshal(f.Body)
	if err != nil {
		return "is invalid"
	}
	text := string(raw)
	_, text, _ = strings.Cut(text, `{"message":{"`)
	field, rest, _ := strings.Cut(text, `":["`)
	rest, _, _ = strings.Cut(rest, `"]}`)
	field = strings.ReplaceAll(field, "_", " ")
	if field == "" {
		return rest
	}
	return strings.ToUpper(field[:1]) + field[1:] + " " + rest
}

// directMember finds the membership that is to change.
func (c *call) directMember() (*world.Member, error) {
	src, err := c.source()
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(c.vars[1], 10, 64)
	if err != nil {
		return nil, invalid("user_id is invalid")
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

// editMember changes only what the request names.
func editMember(c *call) (any, error) {
	if err := c.require("access_level"); err != nil {
		return nil, err
	}
	w, err := c.wish()
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
	if f := c.refuse(m.Source, u, w); f != nil {
		return nil, f
	}
	if w.level > m.Level && c.queues(w) {
		return reply{http.StatusAccepted, messageBody{map[string]string{"username_1": queued}}}, nil
	}
	m.Level, m.RoleID, m.UpdatedAt = w.level, w.role, c.now()
	if c.has("expires_at") {
		m.ExpiresAt = w.expires
	}
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
