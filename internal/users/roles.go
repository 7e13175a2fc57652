package users

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/store"
)

// Roles are those that a user may have, the least first.
func Roles() []gatehouse.AdminRole {
	return []gatehouse.AdminRole{
		gatehouse.RoleNone, gatehouse.RoleAuditor, gatehouse.RoleConnectorAdministrator, gatehouse.RoleSuperAdministrator,
	}
}

func knownRole(r gatehouse.AdminRole) bool { return slices.Contains(Roles(), r) }

// SetRole gives a user a role on the dashboard, or takes it (RoleNone). It holds
// from the user's next request on. Nobody changes their own role; only somebody
// who can sign in gets one; the last super administrator and who is named under
// admins in the configuration file stay what they are.
func (u *Users) SetRole(tx *store.Tx, by gatehouse.Actor, userID string, role gatehouse.AdminRole) error {
	user, err := tx.User(userID)
	if err != nil {
		return fmt.Errorf("read user %s: %w", userID, err)
	}
	if err := u.mayHave(by, user, role); err != nil || user.Role == role {
		return err
	}
	if err := u.keepsAdministrator(tx, user); err != nil {
		return err
	}
	from := user.Role
	user.Role = role
	if err := tx.SaveUser(&user); err != nil {
		return fmt.Errorf("save user %s: %w", userID, err)
	}
	return record(tx, by, "user.role_changed", userID, map[string]string{"from": string(from), "to": string(role)})
}

// mayHave says whether somebody may set a user's role, who else administers left aside.
func (u *Users) mayHave(by gatehouse.Actor, user gatehouse.User, role gatehouse.AdminRole) error {
	switch {
	case !knownRole(role):
		return gatehouse.Errorf(gatehouse.Invalid, "There is no role %s. Choose one of the list.", role)
	case by.Kind == gatehouse.ActorUser && by.ID == user.ID:
		return gatehouse.Errorf(gatehouse.Forbidden, "You cannot change your own role. Ask another administrator.")
	case user.State != gatehouse.UserActive && role != gatehouse.RoleNone:
		return gatehouse.Errorf(gatehouse.Conflict, "%s cannot sign in now, and so cannot become administrator. Open the account first.", user.Name)
	case user.Role == gatehouse.RoleSuperAdministrator && role != user.Role && u.named(user):
		return gatehouse.Errorf(gatehouse.Conflict, "%s is named under admins in the configuration file, and would be administrator again at the next sign-in. Take the address out there first.", user.Name)
	}
	return nil
}

// named says whether the configuration file makes a user administrator.
func (u *Users) named(user gatehouse.User) bool {
	return user.EmailVerified && slices.ContainsFunc(u.Admins, func(a string) bool {
		return cleanEmail(a) == strings.ToLower(user.Email)
	})
}

// MakeAdmin gives an active user the role super_administrator.
func (u *Users) MakeAdmin(tx *store.Tx, by gatehouse.Actor, userID string) error {
	return u.SetRole(tx, by, userID, gatehouse.RoleSuperAdministrator)
}

// RemoveIdentity takes an identity from another user, as an administrator does:
// whoever has that outside account no longer gets in as them, and the sessions
// that came of it end. The provider's tokens that were kept with it go too. What
// is one's own is removed on one's own page, where the last way in is kept.
func (u *Users) RemoveIdentity(tx *store.Tx, by gatehouse.Actor, userID, identityID string) error {
	if by.Kind == gatehouse.ActorUser && by.ID == userID {
		return gatehouse.Errorf(gatehouse.Forbidden, "This is your own account. Disconnect it on your own page instead.")
	}
	identities, err := tx.Identities(userID)
	if err != nil {
		return fmt.Errorf("read the identities of user %s: %w", userID, err)
	}
	at := slices.IndexFunc(identities, func(i gatehouse.Identity) bool { return i.ID == identityID })
	if at < 0 {
		return gatehouse.NotFound
	}
	i := identities[at]
	if err := tx.DeleteIdentity(i.ID); err != nil {
		return fmt.Errorf("remove identity %s: %w", i.ID, err)
	}
	sessions, err := tx.Sessions(userID)
	if err != nil {
		return fmt.Errorf("read the sessions of user %s: %w", userID, err)
	}
	for _, s := range sessions {
		if s.ConnectionID != i.ConnectionID {
			continue
		}
		if err := tx.EndSession(userID, s.ID); err != nil {
			return fmt.Errorf("end session %s: %w", s.ID, err)
		}
	}
	return record(tx, by, "identity.removed", userID, map[string]string{"connection": i.ConnectionID, "subject": i.Subject})
}
