package self

import (
	"fmt"
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
	// JobTitle, Organization and Location are texts of one line; "" = not told.
	JobTitle, Organization, Location string
}

// ProfileOf is what stands of a user now.
func ProfileOf(u gatehouse.User) Profile {
	return Profile{
		Name: u.Name, Username: u.Username, Locale: u.Locale, JobTitle: u.JobTitle, Organization: u.Organization, Location: u.Location,
	}
}

// Synced says which attributes (as sync_profile_attributes names them) of a user
// a provider overwrites at each sign-in, and by which connection's label.
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
		for attribute, told := range map[string]string{
			"name": i.Profile.Name, "email": i.Profile.Email,
			"job_title": i.Profile.Title, "organization": i.Profile.Organization, "location": i.Profile.Location,
		} {
			if c.Enabled && c.Rules.Syncs(attribute) && told != "" && from[attribute] == "" {
				from[attribute] = label(c)
			}
		}
	}
	return from, nil
}

// SaveProfile changes what a person says of themselves. A username that is
// taken is a Conflict, one that cannot be one Invalid. What a provider keeps up to
// date is left as it is.
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
	for attribute, t := range map[string]struct {
		said string
		ours *string
	}{
		"job_title": {p.JobTitle, &user.JobTitle}, "organization": {p.Organization, &user.Organization}, "location": {p.Location, &user.Location},
	} {
		if synced[attribute] == "" {
			*t.ours = users.OneLine(t.said)
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
	d := map[string]string{}
	for what, t := range map[string][2]string{
		"name": {before.Name, after.Name}, "username": {before.Username, after.Username}, "locale": {before.Locale, after.Locale},
		"job_title": {before.JobTitle, after.JobTitle}, "organization": {before.Organization, after.Organization},
		"location": {before.Location, after.Location},
	} {
		if t[0] != t[1] {
			d[what] = t[0] + " → " + t[1]
		}
	}
	return d
}
