package rest

import (
	"fmt"
	"net/http"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

// verdict decides a change of state: the body to answer, or why not.
type verdict func(c *call, u *world.User) (any, error)

func moderationRoutes() []*route {
	var all []*route
	for _, v := range []struct {
		name   string
		decide verdict
	}{
		{"block", block},
		{"unblock", unblock},
		{"deactivate", deactivate},
		{"activate", activate},
		{"ban", ban},
		{"unban", unban},
	} {
		all = append(all, change(http.MethodPost, "users/{}/"+v.name, func(c *call) (any, error) {
			u, err := c.userForAdmin()
			if err != nil {
				return nil, err
			}
			return v.decide(c, u)
		}))
	}
	return append(all,
		change(http.MethodPost, "users/{}/approve", func(c *call) (any, error) {
			if !c.admin() {
				return nil, refusal("You are not allowed to approve a user")
			}
			return c.moderate(approve)
		}),
		change(http.MethodPost, "users/{}/reject", func(c *call) (any, error) {
			if !c.admin() {
				return nil, refusal("You are not allowed to reject a user")
			}
			return c.moderate(reject)
		}))
}

// refusal is a 403 without GitLab's usual beginning.
func refusal(text string) *caller.Failure { return caller.Message(http.StatusForbidden, text) }

func (c *call) moderate(decide verdict) (any, error) {
	u, err := c.user(c.vars[0])
	if err != nil {
		return nil, err
	}
	return decide(c, u)
}

// become changes the state and answers true.
func (c *call) become(u *world.User, s world.State) (any, error) {
	c.d.EditUser(u, func(u *world.User) { u.State, u.UpdatedAt = s, c.now() })
	return true, nil
}

// block answers null, and changes nothing, for those who are blocked, banned or
// pending already.
func block(c *call, u *world.User) (any, error) {
	switch {
	case u == c.who.User:
		return nil, caller.Forbidden("The API initiating user cannot be blocked by the API")
	case u.State == world.LDAPBlocked:
		return nil, caller.Forbidden("LDAP blocked users cannot be modified by the API")
	case u.Type.Internal():
		return nil, refusal("An internal user cannot be blocked")
	case u.State == world.Active, u.State == world.Deactivated:
		return c.become(u, world.Blocked)
	}
	return nil, nil
}

// unblock also approves who is pending and lets back who is banned.
func unblock(c *call, u *world.User) (any, error) {
	switch u.State {
	case world.LDAPBlocked:
		return nil, caller.Forbidden("LDAP blocked users cannot be unblocked by the API")
	case world.Deactivated:
		return nil, caller.Forbidden("Deactivated users cannot be unblocked by the API")
	case world.Active:
		return false, nil
	case world.Blocked, world.PendingApproval, world.Banned:
	}
	return c.become(u, world.Active)
}

const dormantDays = 90

func deactivate(c *call, u *world.User) (any, error) {
	switch {
	case u.State == world.Deactivated:
		return nil, nil
	case u.State != world.Active:
		return nil, refusal("Error occurred. A blocked user cannot be deactivated")
	case u.Type.Internal():
		return nil, refusal("Internal users cannot be deactivated")
	case u.LastActivityOn > c.now().AddDate(0, 0, -dormantDays).Format("2006-01-02"):
		return nil, refusal(fmt.Sprintf("The user you are trying to deactivate has been active in the past %d days and cannot be deactivated", dormantDays))
	}
	return c.become(u, world.Deactivated)
}

func activate(c *call, u *world.User) (any, error) {
	if u.State != world.Active && u.State != world.Deactivated {
		return nil, refusal("Error occurred. A blocked user must be unblocked to be activated")
	}
	return c.become(u, world.Active)
}

func ban(c *call, u *world.User) (any, error) {
	if u.State != world.Active {
		return nil, refusal(fmt.Sprintf("You cannot ban %s users.", u.State))
	}
	return c.become(u, world.Banned)
}

func unban(c *call, u *world.User) (any, error) {
	if u.State != world.Banned {
		return nil, refusal(fmt.Sprintf("You cannot unban %s users.", u.State))
	}
	return c.become(u, world.Active)
}

func approve(c *call, u *world.User) (any, error) {
	if u.State != world.PendingApproval {
		return nil, conflict("The user you are trying to approve is not pending approval")
	}
	if _, err := c.become(u, world.Active); err != nil {
		return nil, err
	}
	return messageBody{"Success"}, nil
}

// reject deletes the account.
func reject(c *call, u *world.User) (any, error) {
	if u.State != world.PendingApproval {
		return nil, conflict("User does not have a pending request")
	}
	c.d.RemoveUser(u)
	return reply{http.StatusOK, messageBody{"Success"}}, nil
}
