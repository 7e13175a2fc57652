// Package people is the part of the dashboard where people are dealt with: the
// inbox of those who wait for approval, accounts that are made by hand and the
// one-time links for them, roles, and the merging of two accounts of one
// person. Auditors and connector administrators read; super administrators
// decide, and prove anew who they are before what cannot easily be undone.
package people

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// Inviter makes one-time links for people who have no way in yet: signin.Service.
type Inviter interface {
	Invite(tx *store.Tx, by gatehouse.Actor, userID string) (address string, err error)
	InviteByMail(tx *store.Tx, by gatehouse.Actor, userID string) error
}

// Prover mails links by which people verify their addresses: self.Self.
type Prover interface {
	SendProof(tx *store.Tx, by gatehouse.Actor, userID, address, locale string) error
}

// Locks are the pauses after wrong tries: credentials.Credentials.
type Locks interface {
	Unlock(tx *store.Tx, by gatehouse.Actor, userID string) (bool, error)
	PausedUntil(tx *store.Tx, userID string) (time.Time, error)
}

// People shows this part of the dashboard. All fields are needed but those that
// say otherwise.
type People struct {
	*desk.Desk
	Users   *users.Users
	Invites Inviter
	Proofs  Prover // nil: nobody verifies addresses by mail
	Locks   Locks  // nil: nothing is ever paused
	// MailReady says whether mail reaches anybody; nil: it does not.
	MailReady func() bool
}

func (p *People) mailReady() bool { return p.MailReady != nil && p.MailReady() }

// Mount adds the addresses of this package. Every one of them asks first who is
// there and what they may do.
func (p *People) Mount(mux *http.ServeMux) {
	const super = gatehouse.RoleSuperAdministrator
	mux.Handle("GET /admin/approvals", p.Only(p.inbox, desk.Readers()...))
	mux.Handle("GET /admin/approvals/{user}", p.Only(p.request, desk.Readers()...))
	mux.Handle("POST /admin/approvals/{user}", p.Only(p.answer, super))
	mux.Handle("GET /admin/users/new", p.Only(p.newUser, super))
	mux.Handle("POST /admin/users/new", p.Sensitive(p.makeUser, super))
	mux.Handle("POST /admin/users/{user}/invite", p.Sensitive(p.invite, super))
	mux.Handle("POST /admin/users/{user}/verify", p.Only(p.verify, super))
	mux.Handle("POST /admin/users/{user}/unlock", p.Only(p.unlock, super))
	mux.Handle("POST /admin/users/{user}/role", p.Sensitive(p.setRole, super))
	mux.Handle("GET /admin/users/{user}/identities/{identity}", p.Only(p.identity, super))
	mux.Handle("POST /admin/users/{user}/identities/{identity}/remove", p.Sensitive(p.removeIdentity, super))
	mux.Handle("GET /admin/users/{user}/merge", p.Only(p.mergePage, super))
	mux.Handle("POST /admin/users/{user}/merge", p.Sensitive(p.merge, super))
	mux.Handle("GET /admin/merges/{merge}", p.Only(p.mergeRecord, desk.Readers()...))
	mux.Handle("POST /admin/merges/{merge}/split", p.Sensitive(p.split, super))
}

// Href is the page of a user.
func Href(userID string) string { return "/admin/users/" + url.PathEscape(userID) }

// mayDecide says whether the buttons are shown; the addresses behind them ask
// for themselves.
func mayDecide(by gatehouse.User) bool { return by.Role == gatehouse.RoleSuperAdministrator }

// Done is the sentence for what was just done, "" for anything else.
func Done(ctx context.Context, what string) string {
	t := func(s string) string { return i18n.Text(ctx, s) }
	switch what {
	case "approved":
		return t("The person is approved and may sign in.")
	case "denied":
		return t("The request is denied. The account is blocked.")
	case "made":
		return t("The account is made. Give its owner a one-time link, so that they can connect a way to sign in.")
	case "invited":
		return t("The mail with a one-time link is on its way.")
	case "proof":
		return t("The mail with a link to verify the address is on its way.")
	case "unlocked":
		return t("The pause after wrong tries is over.")
	case "role":
		return t("The role is changed. It holds from now on.")
	case "identity-removed":
		return t("The identity is removed, and the sessions that came of it have ended.")
	case "merged":
		return t("The accounts are merged.")
	case "split":
		return t("The accounts are split again.")
	}
	return ""
}

// roleOptions are the roles to choose from.
func roleOptions(ctx context.Context) []ui.PickOption {
	hints := map[gatehouse.AdminRole]string{
		gatehouse.RoleNone:                   i18n.Text(ctx, "Uses the apps, and has no dashboard."),
		gatehouse.RoleAuditor:                i18n.Text(ctx, "Sees everything on the dashboard, and changes nothing."),
		gatehouse.RoleConnectorAdministrator: i18n.Text(ctx, "Also starts and releases the syncs of connected apps."),
		gatehouse.RoleSuperAdministrator:     i18n.Text(ctx, "May do everything."),
	}
	var all []ui.PickOption
	for _, r := range users.Roles() {
		all = append(all, ui.PickOption{Value: string(r), Label: roleLabel(ctx, r), Hint: hints[r]})
	}
	return all
}

func roleLabel(ctx context.Context, r gatehouse.AdminRole) string {
	if r == gatehouse.RoleNone {
		return i18n.Text(ctx, "No role")
	}
	return ui.RoleLabel(ctx, r)
}
