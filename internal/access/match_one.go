package access

import (
	"errors"
	"net/mail"
	"slices"
	"strings"

	"github.com/google/uuid"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
	"gatehouse/internal/store"
)

// matching is what the accounts of a connector are matched by. The zero value
// matches by verified addresses alone.
type matching struct {
	connections map[string]bool   // ids of those that sign people in with the same app
	named       map[string]string // ids of all connections, by name
	rules       []compiledRule
}

// maxFound bounds what a rule makes of an account, in bytes: nothing that a user
// has is longer.
const maxFound = 1024

// compiledRule is a rule that can be worked out.
type compiledRule struct {
	gatehouse.MatchRule
	made authcode.Expression
}

// matchingOf reads what the accounts of a connector are matched by.
func matchingOf(tx *store.Tx, c gatehouse.Connector) (matching, error) {
	same, err := sameApp(tx, c)
	if err != nil {
		return matching{}, err
	}
	rules, err := tx.MatchRules(c.ID)
	if err != nil {
		return matching{}, err
	}
	m := matching{connections: same, named: map[string]string{}}
	if len(rules) == 0 {
		return m, nil
	}
	all, err := tx.Connections()
	if err != nil {
		return matching{}, err
	}
	for _, connection := range all {
		m.named[connection.Name] = connection.ID
	}
	m.rules, err = compileRules(rules)
	return m, err
}

// found is whose an account is, and why; the zero value is nobody.
type found struct{ userID, why, note string }

// matchOne finds the user of an account and keeps why. People only: a bot is
// nobody's, unless a person says so.
func matchOne(tx *store.Tx, c gatehouse.Connector, m matching, a gatehouse.Account) error {
	if a.Type != gatehouse.AccountPerson && a.Type != "" {
		return nil
	}
	for _, look := range []func(*store.Tx, gatehouse.Connector, gatehouse.Account) (found, error){m.byIdentity, m.byCompany, m.byAddress, m.byRule} {
		f, err := look(tx, c, a)
		if err != nil {
			return err
		}
		if f.userID == "" {
			continue
		}
		if err := tx.MatchAccount(a.ConnectorID, a.ID, f.userID, f.why); err != nil {
			return err
		}
		return tx.NoteMatch(a.ConnectorID, a.ID, f.note)
	}
	return nil
}

// byIdentity looks for who signs in here with the account itself.
func (m matching) byIdentity(tx *store.Tx, c gatehouse.Connector, a gatehouse.Account) (found, error) {
	for id := range m.connections {
		for _, subject := range subjects(c, a) {
			i, err := tx.Identity(id, subject)
			if errors.Is(err, gatehouse.NotFound) {
				continue
			}
			return found{i.UserID, gatehouse.MatchIdentity, ""}, err
		}
	}
	return found{}, nil
}

// byCompany looks at what the company's own sign-in (SAML, or SCIM that makes
// the accounts) calls the person there: their id of ours, or an address that we
// have verified. A short name or number is nobody's: it may be any provider's.
func (matching) byCompany(tx *store.Tx, _ gatehouse.Connector, a gatehouse.Account) (found, error) {
	for _, i := range a.Identities {
		if !slices.Contains([]string{"saml", "group_saml", "scim"}, i.Provider) {
			continue
		}
		field := ""
		switch address, err := mail.ParseAddress(i.Subject); {
		case uuid.Validate(i.Subject) == nil:
			field = "id"
		case err == nil && address.Address == i.Subject:
			field = "email"
		default:
			continue
		}
		u, err := userBy(tx, field, i.Subject)
		if err != nil || u != "" {
			return found{u, gatehouse.MatchIdentity, i.Provider + ": " + i.Subject}, err
		}
	}
	return found{}, nil
}

// byAddress looks for the user of an address that both sides have verified.
func (matching) byAddress(tx *store.Tx, _ gatehouse.Connector, a gatehouse.Account) (found, error) {
	if a.Email == "" || !a.EmailVerified {
		return found{}, nil
	}
	u, err := userBy(tx, "email", a.Email)
	return found{u, gatehouse.MatchEmail, ""}, err
}

// byRule tries the rules in their order. One that cannot be worked out for this
// account says nothing of it.
func (m matching) byRule(tx *store.Tx, _ gatehouse.Connector, a gatehouse.Account) (found, error) {
	for _, r := range m.rules {
		text, err := r.made.Text(seenByRules(a))
		if err != nil || text == "" || len(text) > maxFound || strings.ContainsRune(text, 0) {
			continue
		}
		owner := ""
		if name, ok := strings.CutPrefix(r.Field, identityField); ok {
			i, err := tx.Identity(m.named[name], text)
			if err != nil && !errors.Is(err, gatehouse.NotFound) {
				return found{}, err
			}
			owner = i.UserID
		} else if owner, err = userBy(tx, r.Field, text); err != nil {
			return found{}, err
		}
		if owner != "" {
			return found{owner, gatehouse.MatchRuled, RuleLine(r.MatchRule)}, nil
		}
	}
	return found{}, nil
}

// userBy is the id of the one user who has something, "" when nobody has.
func userBy(tx *store.Tx, field, text string) (string, error) {
	var u gatehouse.User
	var err error
	switch field {
	case "id":
		u, err = tx.User(strings.ToLower(text))
	case "username":
		u, err = tx.UserByUsername(text)
	case "email":
		all, errEmail := tx.UsersByVerifiedEmail(text)
		if err = errEmail; len(all) == 1 {
			u = all[0]
		}
	}
	if errors.Is(err, gatehouse.NotFound) || u.State == gatehouse.UserMerged {
		return "", nil
	}
	return u.ID, err
}

// seenByRules is an account as rules see it.
func seenByRules(a gatehouse.Account) map[string]any {
	identities := map[string]any{}
	for _, i := range a.Identities {
		identities[i.Provider] = i.Subject
	}
	return map[string]any{
		"id": a.ID, "username": a.Username, "name": a.Name, "email": a.Email, "email_verified": a.EmailVerified,
		"state": a.State, "external": a.External, "admin": a.Admin, "title": a.Title, "job_number": a.JobNumber,
		"phone": a.Phone, "identities": identities,
	}
}
