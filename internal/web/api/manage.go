package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// Inviter makes one-time links for people who have no way in yet: signin.Service.
type Inviter interface {
	Invite(tx *store.Tx, by gatehouse.Actor, userID string) (address string, err error)
	InviteByMail(tx *store.Tx, by gatehouse.Actor, userID string) error
}

// Locks are the pauses after wrong tries: credentials.Credentials.
type Locks interface {
	Unlock(tx *store.Tx, by gatehouse.Actor, userID string) (bool, error)
	PausedUntil(tx *store.Tx, userID string) (time.Time, error)
}

// Prover mails links by which people verify their addresses: self.Self.
type Prover interface {
	SendProof(tx *store.Tx, by gatehouse.Actor, userID, address, locale string) error
}

// mountManage adds what super administrators do with people. What cannot easily
// be undone needs a fresh proof of who asks.
func (a *API) mountManage(h huma.API) {
	change := func(method, path, id, summary string, fresh bool) route {
		return route{method: method, path: path, id: id, tag: "users", summary: summary, may: owners(), fresh: fresh}
	}
	const post, remove = http.MethodPost, http.MethodDelete
	made := change(post, "/users", "makeUser", "Make an account by hand", true)
	made.status = http.StatusCreated
	serve(a, h, made, a.makeUser)
	serve(a, h, change(post, "/users/{user}/role", "setUserRole", "Give a user a role on the dashboard, or take it", true), a.setRole)
	serve(a, h, change(post, "/users/{user}/invite", "inviteUser", "Make a one-time link for a user who has no way to sign in yet; one of before ends", true), a.invite)
	serve(a, h, change(remove, "/users/{user}/sessions", "endUserSessions", "Sign a user out everywhere", false), a.endSessions)
	serve(a, h, change(post, "/users/{user}/unlock", "unlockUser", "End the pause after wrong tries at a user's password or codes", false), a.unlock)
	serve(a, h, change(remove, "/users/{user}/identities/{identity}", "removeUserIdentity", "Take an identity from a user", true), a.removeIdentity)
	serve(a, h, change(post, "/users/{user}/emails/verify", "mailEmailProof", "Mail a user the link to verify an address", false), a.proveEmail)
	serve(a, h, route{path: "/users/{user}/emails", id: "listUserEmails", tag: "users", summary: "The addresses of a user, the primary one first", may: readers()}, a.listEmails)
}

type makeUserInput struct {
	Body struct {
		Username      string `json:"username" maxLength:"200" doc:"Wished; a number is added when it is taken"`
		Name          string `json:"name,omitempty" maxLength:"255" doc:"The username when it is not said"`
		Email         string `json:"email,omitempty" maxLength:"254"`
		EmailVerified bool   `json:"email_verified,omitempty" doc:"You know that the address is theirs"`
		Role          string `json:"role,omitempty" enum:",super_administrator,connector_administrator,auditor"`
	}
}

func (a *API) makeUser(ctx context.Context, by caller, in *makeUserInput) (user, error) {
	return update(ctx, a, "make user", func(tx *store.Tx) (user, error) {
		u, err := a.Users.Make(tx, by.actor, users.New{
			Username: in.Body.Username, Name: in.Body.Name, Email: in.Body.Email, EmailVerified: in.Body.EmailVerified,
			Role: gatehouse.AdminRole(in.Body.Role),
		})
		return showUser(u), err
	})
}

type setRoleInput struct {
	User string `path:"user" maxLength:"64" doc:"The id or the number of the user"`
	Body struct {
		Role string `json:"role" enum:",super_administrator,connector_administrator,auditor" doc:"Empty takes the role"`
	}
}

func (a *API) setRole(ctx context.Context, by caller, in *setRoleInput) (user, error) {
	return a.change(ctx, "set role", in.User, func(tx *store.Tx, id string) error {
		return a.Users.SetRole(tx, by.actor, id, gatehouse.AdminRole(in.Body.Role))
	})
}

// change does one thing to a user, and answers with how the user is then.
func (a *API) change(ctx context.Context, what, name string, do func(tx *store.Tx, id string) error) (user, error) {
	return update(ctx, a, what, func(tx *store.Tx) (user, error) {
		u, err := ofUser{User: name}.find(tx)
		if err != nil {
			return user{}, err
		}
		if err := do(tx, u.ID); err != nil {
			return user{}, err
		}
		u, err = tx.User(u.ID)
		return showUser(u), err
	})
}

type inviteInput struct {
	User string `path:"user" maxLength:"64" doc:"The id or the number of the user"`
	Body *struct {
		Mail bool `json:"mail,omitempty" doc:"Mail the link to the user instead of answering with it"`
	}
}

// invitation is a one-time link.
type invitation struct {
	Address string `json:"address,omitempty" doc:"Signs whoever opens it first in as the user, within seven days. Absent when it was mailed"`
	Mailed  bool   `json:"mailed"`
}

func (a *API) invite(ctx context.Context, by caller, in *inviteInput) (invitation, error) {
	return update(ctx, a, "invite user", func(tx *store.Tx) (out invitation, err error) {
		u, err := ofUser{User: in.User}.find(tx)
		if err != nil {
			return out, err
		}
		if in.Body != nil && in.Body.Mail {
			if err := a.mailReady(); err != nil {
				return out, err
			}
			return invitation{Mailed: true}, a.Invites.InviteByMail(tx, by.actor, u.ID)
		}
		out.Address, err = a.Invites.Invite(tx, by.actor, u.ID)
		return out, err
	})
}

// endSessions signs a user out everywhere; the asker's own browser stays.
func (a *API) endSessions(ctx context.Context, by caller, in *ofUser) (user, error) {
	return a.change(ctx, "end sessions", in.User, func(tx *store.Tx, id string) error {
		except := ""
		if id == by.user.ID {
			except = by.session.ID
		}
		_, err := a.Sessions.EndOthers(tx, by.actor, id, except)
		return err
	})
}

func (a *API) unlock(ctx context.Context, by caller, in *ofUser) (user, error) {
	return a.change(ctx, "unlock user", in.User, func(tx *store.Tx, id string) error {
		_, err := a.Locks.Unlock(tx, by.actor, id)
		return err
	})
}

type ofIdentity struct {
	User     string `path:"user" maxLength:"64" doc:"The id or the number of the user"`
	Identity string `path:"identity" maxLength:"64"`
}

func (a *API) removeIdentity(ctx context.Context, by caller, in *ofIdentity) (user, error) {
	return a.change(ctx, "remove identity", in.User, func(tx *store.Tx, id string) error {
		return a.Users.RemoveIdentity(tx, by.actor, id, in.Identity)
	})
}

// email is an address of a user for programs.
type email struct {
	Address   string    `json:"address"`
	Verified  bool      `json:"verified"`
	Primary   bool      `json:"primary"`
	CreatedAt time.Time `json:"created_at,omitzero" required:"false" doc:"Of an additional address"`
}

func showEmail(e gatehouse.Email) email {
	return email{Address: e.Address, Verified: e.Verified, CreatedAt: e.CreatedAt}
}

func (a *API) listEmails(ctx context.Context, _ caller, in *ofUser) (Page[email], error) {
	return view(ctx, a, "emails", func(tx *store.Tx) (Page[email], error) {
		u, err := in.find(tx)
		if err != nil {
			return Page[email]{}, err
		}
		more, err := tx.Emails(u.ID)
		out := whole(more, showEmail)
		if u.Email != "" {
			out.Items = append([]email{{Address: u.Email, Verified: u.EmailVerified, Primary: true}}, out.Items...)
		}
		return out, err
	})
}
