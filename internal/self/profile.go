package self

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// Profile is what people say of themselves.
type Profile struct {
	Name     string
	Username string
	Locale   string // "en", "zh-CN"; "" = what the browser asks for
}

// Synced says which attributes ("name", "email") of a user a provider overwrites
// at each sign-in, and by which connection's label.
func (s *Self) Synced(tx *store.Tx, userID string) (map[string]string, error) {
	identities, err := tx.Identities(userID)
	if err != nil {
		return nil, fmt.Errorf("read the identities of user %s: %w", userID, err)
	}
	from := map[string]string{}
	for _, i := range identities {
		c, err := tx.Connection(i.ConnectionID)
		if err != nil {
			return nil, fmt.Errorf("read connection %s: %w", i.ConnectionID, err)
		}
		for attribute, told := range map[string]string{"name": i.Profile.Name, "email": i.Profile.Email} {
			if c.Enabled && c.Rules.Syncs(attribute) && told != "" && from[attribute] == "" {
				from[attribute] = label(c)
			}
		}
	}
	return from, nil
}

// SaveProfile changes what a person says of themselves. A username that is
// taken is a Conflict, one that cannot be one Invalid. A name that a provider
// keeps is left as it is.
func (s *Self) SaveProfile(tx *store.Tx, by gatehouse.Actor, userID string, p Profile) error {
	user, err := find(tx, userID)
	if err != nil {
		return err
	}
	before := user
	synced, err := s.Synced(tx, userID)
	if err != nil {
		return err
	}
	if synced["name"] == "" {
		if user.Name = users.OneLine(p.Name); user.Name == "" {
			return gatehouse.Errorf(gatehouse.Invalid, "The name is missing. Enter what people should call you.")
		}
	}
	if !strings.EqualFold(strings.TrimSpace(p.Username), user.Username) { // an old one stays, whatever the rules say today
		if user.Username, err = users.CheckUsername(p.Username); err != nil {
			return err
		}
	}
	if p.Locale != "" && !slices.Contains(i18n.Langs(), i18n.Lang(p.Locale)) {
		return gatehouse.Errorf(gatehouse.Invalid, "That language is not one of ours. Choose one of the list.")
	}
	user.Locale = p.Locale
	changed := differences(before, user)
	if len(changed) == 0 {
		return nil
	}
	if err := tx.SaveUser(&user); err != nil {
		return fmt.Errorf("save user %s: %w", userID, err)
	}
	return record(tx, by, "user.profile_changed", userID, changed)
}

// differences are what changed, for the audit log.
func differences(before, after gatehouse.User) map[string]string {
	d := map[string]string{
		"name": before.Name + " → " + after.Name, "username": before.Username + " → " + after.Username,
		"locale": before.Locale + " → " + after.Locale,
	}
	same := map[string]bool{"name": before.Name == after.Name, "username": before.Username == after.Username, "locale": before.Locale == after.Locale}
	maps.DeleteFunc(d, func(k, _ string) bool { return same[k] })
	return d
}
