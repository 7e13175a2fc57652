package gitlab

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
)

// invitationRow is somebody who was asked to join by e-mail. The token by which
// they may accept is not read.
type invitationRow struct {
	Email     string `json:"invite_email"`
	Name      string `json:"user_name"`
	Level     int    `json:"access_level"`
	CreatedAt string `json:"created_at"`
	ExpiresAt string `json:"expires_at"`
}

// stateInvited is the state of the account and the membership of somebody who
// has not accepted yet. It gives nothing.
const stateInvited = "invited"

// invited makes an account of who was invited, which stands for the address until
// somebody accepts with it, and the membership that they would have.
func (r invitationRow) invited(on gatehouse.ResourceID) (gatehouse.Account, gatehouse.Grant) {
	address := strings.ToLower(strings.TrimSpace(r.Email))
	id := "invitation/" + address
	account := gatehouse.Account{ID: id, Name: r.Name, Email: address, State: stateInvited, Type: gatehouse.AccountInvitation}
	return account, gatehouse.Grant{
		AccountID: id, ResourceID: on, Role: gatehouse.Role{Level: r.Level}, State: stateInvited,
		ExpiresAt: day(r.ExpiresAt), GrantedAt: second(r.CreatedAt),
	}
}

// invitationsTo lists who is invited to a source; nobody where the token may not
// list them.
func invitationsTo(ctx context.Context, a *api, s source) ([]invitationRow, error) {
	rows, err := readAll[invitationRow](ctx, a, classMembers, s.path()+"/invitations", nil)
	if is(err, http.StatusForbidden, http.StatusNotFound) && !insufficient(err) {
		return nil, nil
	}
	return slices.DeleteFunc(rows, func(r invitationRow) bool { return !strings.Contains(r.Email, "@") }), err
}

// addInvitations reads who is invited to a source, where GraphQL showed members
// that have no account, or nothing was asked of it. What may not be listed stays
// counted.
func (p *pull) addInvitations(ctx context.Context, a *api, s source, m *membership) error {
	rows, err := invitationsTo(ctx, a, s)
	if err != nil {
		return err
	}
	for _, r := range rows {
		account, grant := r.invited(s.resource())
		m.invited = append(m.invited, account)
		m.grants = append(m.grants, grant)
		m.skipped--
	}
	m.skipped = max(0, m.skipped)
	return nil
}
