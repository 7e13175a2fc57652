package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

// invitationRow has no id, although GitLab's documentation shows one.
type invitationRow struct {
	AccessLevel   int     `json:"access_level"`
	CreatedAt     *string `json:"created_at"`
	ExpiresAt     *string `json:"expires_at"`
	InviteEmail   string  `json:"invite_email"`
	InviteToken   string  `json:"invite_token"`
	CreatedByName *string `json:"created_by_name"`
}

func (c *call) invitationRow(m *world.Member) invitationRow {
	row := invitationRow{
		AccessLevel: m.Level, CreatedAt: stamp(m.CreatedAt), ExpiresAt: orNull(m.ExpiresAt), InviteEmail: m.InviteEmail, InviteToken: m.InviteToken,
	}
	if by := c.d.User(m.CreatedBy); by != nil {
		row.CreatedByName = &by.Name
	}
	return row
}

func (c *call) invitations(src world.Source) []*world.Member {
	var found []*world.Member
	for _, m := range c.d.Direct(src) {
		if m.UserID == 0 {
			found = append(found, m)
		}
	}
	return found
}

func listInvitations(c *call) (any, error) {
	src, err := c.managed()
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(c.invitations(src), func(m *world.Member) bool {
		return !strings.Contains(strings.ToLower(m.InviteEmail), strings.ToLower(c.get("query")))
	})
	page, err := offset(c, found, "", "")
	return rows(page, c.invitationRow), err
}

// invite answers 201 in any case; what went wrong is in the body.
func invite(c *call) (any, error) {
	w, err := c.wholeWish()
	if err != nil {
		return nil, err
	}
	src, err := c.managed()
	if err != nil {
		return nil, err
	}
	if c.get("email") == "" && c.get("user_id") == "" {
		return nil, caller.Message(http.StatusBadRequest, "400 Bad request - Must provide either email or user_id as a parameter")
	}
	o := outcome{Status: "success"}
	for i, email := range c.list("email") {
		c.inviteOne(&o, src, strings.TrimSpace(email), w, i+1)
	}
	for i, text := range c.list("user_id") {
		id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		u := c.d.User(id)
		if err != nil || u == nil {
			o.fail(text, "User not found")
			continue
		}
		c.inviteUser(&o, src, u, w, u.Username, i+1)
	}
	return o, nil
}

func (c *call) inviteUser(o *outcome, src world.Source, u *world.User, w wish, name string, number int) {
	if c.d.Member(src, u.ID) != nil {
		o.fail(name, "User already exists in source")
		return
	}
	c.addOne(o, src, u, w, name, number)
}

// inviteOne invites an address; if somebody has it already, that person joins.
func (c *call) inviteOne(o *outcome, src world.Source, email string, w wish, number int) {
	if u := c.d.UserByEmail(email); u != nil {
		c.inviteUser(o, src, u, w, email, number)
		return
	}
	local, domain, ok := strings.Cut(email, "@")
	switch p := c.refuse(src, nil, w); {
	case !ok || local == "" || domain == "":
		o.fail(email, "Invite email is invalid")
	case slices.ContainsFunc(c.invitations(src), func(m *world.Member) bool { return strings.EqualFold(m.InviteEmail, email) }):
		o.fail(email, "The member's email address has already been taken")
	case c.ssoEnforced(src):
		o.fail(email, "The member's email address is not linked to a SAML account")
	case p != nil:
		o.fail(email, p.sentence())
	default:
		_, _ = c.d.AddMember(world.Member{
			Source: src, Level: w.level, ExpiresAt: w.expires, RoleID: w.role, InviteEmail: email,
			InviteToken: strings.ToLower(requestID(c.r))[2:22], CreatedAt: c.now(), CreatedBy: c.who.User.ID,
		})
	}
}

func (c *call) invitation() (*world.Member, error) {
	src, err := c.managed()
	if err != nil {
		return nil, err
	}
	for _, m := range c.invitations(src) {
		if strings.EqualFold(m.InviteEmail, c.vars[1]) {
			return m, nil
		}
	}
	return nil, noRecord()
}

func editInvitation(c *call) (any, error) {
	m, err := c.invitation()
	if err != nil {
		return nil, err
	}
	w, err := c.wish()
	if err != nil {
		return nil, err
	}
	if !c.has("access_level") {
		w.level = m.Level
	}
	if p := c.refuse(m.Source, nil, w); p != nil {
		return nil, p.failure()
	}
	m.Level = w.level
	if c.has("expires_at") {
		m.ExpiresAt = w.expires
	}
	return c.invitationRow(m), nil
}

func deleteInvitation(c *call) (any, error) {
	m, err := c.invitation()
	if err != nil {
		return nil, err
	}
	c.d.RemoveMember(m)
	return nil, nil
}

type requestRow struct {
	userBasic
	RequestedAt *string `json:"requested_at"`
}

func (c *call) requestRow(m *world.Member) requestRow {
	return requestRow{c.basic(c.d.User(m.UserID)), stamp(m.RequestedAt)}
}

func listRequests(c *call) (any, error) {
	src, err := c.managed()
	if err != nil {
		return nil, err
	}
	var found []*world.Member
	for _, m := range c.d.Direct(src) {
		if !m.RequestedAt.IsZero() {
			found = append(found, m)
		}
	}
	page, err := offset(c, found, "", "")
	return rows(page, c.requestRow), err
}

// requestAccess asks to be let in. That a second request is forbidden is a guess.
func requestAccess(c *call) (any, error) {
	src, err := c.source()
	if err != nil {
		return nil, err
	}
	m, err := c.d.AddMember(world.Member{
		Source: src, UserID: c.who.User.ID, Level: world.Developer, CreatedAt: c.now(), RequestedAt: c.now(), CreatedBy: c.who.User.ID,
	})
	if err != nil {
		return nil, caller.Forbidden("")
	}
	return c.requestRow(m), nil
}

func (c *call) request() (*world.Member, error) {
	src, err := c.managed()
	if err != nil {
		return nil, err
	}
	for _, m := range c.d.Direct(src) {
		if !m.RequestedAt.IsZero() && itoa(m.UserID) == c.vars[1] {
			return m, nil
		}
	}
	return nil, noRecord()
}

func approveRequest(c *call) (any, error) {
	m, err := c.request()
	if err != nil {
		return nil, err
	}
	level, err := c.number("access_level", world.Developer)
	if err != nil {
		return nil, err
	}
	if p := c.refuse(m.Source, c.d.User(m.UserID), wish{level: int(level)}); p != nil {
		return nil, p.failure()
	}
	joined, err := c.join(m.Source, c.d.User(m.UserID), wish{level: int(level)})
	if err != nil {
		return nil, err
	}
	return reply{http.StatusCreated, c.memberRow(*joined)}, nil
}

func denyRequest(c *call) (any, error) {
	m, err := c.request()
	if err != nil {
		return nil, err
	}
	c.d.RemoveMember(m)
	return nil, nil
}
