package users

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/store"
)

// MostTried bounds the people of a dry run.
const MostTried = 5000

// Tried is what would be decided about one person of a dry run.
type Tried struct {
	Person gatehouse.Vouched  // as their provider would vouch for them
	Now    gatehouse.Decision // by the rules that hold
	Then   gatehouse.Decision // by the proposed ones
	User   gatehouse.User     // who they would be signed in as then; zero: nobody, or somebody new
}

// Changed says whether the proposed rules decide otherwise.
func (t Tried) Changed() bool {
	return t.Now.Outcome != t.Then.Outcome || t.Now.Rule != t.Then.Rule || t.Now.UserID != t.Then.UserID
}

// DryRun says what would be decided about each person if they came by the
// connection one after another, with the rules that c has here, and what is
// decided with those that are stored. Nothing is written. The people come for a
// sign-in, each once; who comes first has the address that two of them have.
func (u *Users) DryRun(tx *store.Tx, c gatehouse.Connection, people []gatehouse.Vouched) ([]Tried, error) {
	if len(people) > MostTried {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "A dry run takes at most %d people, and these are %d. Try it with fewer.", MostTried, len(people))
	}
	stored, err := tx.Connection(c.ID)
	if err != nil {
		return nil, fmt.Errorf("read the connection: %w", err)
	}
	then, now := imagined{}, imagined{}
	all := make([]Tried, 0, len(people))
	seen := map[string]bool{}
	for _, v := range people {
		v = clean(v)
		if seen[v.Subject] {
			continue
		}
		seen[v.Subject] = true
		t := Tried{Person: v}
		if t.Now, _, err = u.imagine(tx, stored, v, now); err != nil {
			return nil, err
		}
		if t.Then, t.User, err = u.imagine(tx, c, v, then); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// imagined are the candidates that a dry run has made so far, by their address.
type imagined map[string][]candidate

// imagine decides about a person after those before, and remembers what would be
// there then.
func (u *Users) imagine(tx *store.Tx, c gatehouse.Connection, v gatehouse.Vouched, before imagined) (gatehouse.Decision, gatehouse.User, error) {
	if !validSubject(v.Subject) {
		return nameless(c).Decision, gatehouse.User{}, nil
	}
	q, err := u.read(tx, c, v, EnsureOptions{})
	if err != nil {
		return gatehouse.Decision{}, gatehouse.User{}, err
	}
	email := v.Profile.Email
	q.holders = before.over(email, q.holders)
	made := decide(q)
	switch made.act {
	case link:
		before[email] = append(before[email], candidate{user: made.user, here: true, verified: true})
	case create:
		if email != "" && q.vouchedFor() && q.free("") {
			newcomer := gatehouse.User{ID: "new " + v.Subject, Username: wish(c, v), Email: email, EmailVerified: true, State: made.state}
			before[email] = append(before[email], candidate{user: newcomer, here: true, verified: true})
		}
	case nothing, use, renew:
	}
	user := made.user
	if strings.HasPrefix(user.ID, "new ") { // somebody whom the dry run itself thought of
		made.UserID = ""
		user = gatehouse.User{}
	}
	return made.Decision, user, nil
}

// over puts what was imagined in place of what is there.
func (i imagined) over(email string, there []candidate) []candidate {
	own := i[email]
	if email == "" || len(own) == 0 {
		return there
	}
	rest := slices.DeleteFunc(slices.Clone(there), func(c candidate) bool {
		return slices.ContainsFunc(own, func(o candidate) bool { return o.user.ID == c.user.ID })
	})
	return append(slices.Clone(own), rest...)
}

// Where the people of a dry run are taken from.
const (
	TryIdentities = "identities" // those who have come by the connection
	TryRefused    = "refused"    // those who tried, and were not let in
)

// PeopleOf finds people for a dry run of a connection: those with an identity of
// it, those who were refused lately, or the accounts of a connector (its key), as
// if the connection vouched for them. It reads at most MostTried.
func (u *Users) PeopleOf(tx *store.Tx, c gatehouse.Connection, from string) ([]gatehouse.Vouched, error) {
	switch from {
	case TryIdentities:
		all, err := tx.ConnectionIdentities(c.ID, MostTried)
		if err != nil {
			return nil, fmt.Errorf("read the identities of connection %s: %w", c.ID, err)
		}
		people := make([]gatehouse.Vouched, 0, len(all))
		for _, i := range all {
			people = append(people, gatehouse.Vouched{Subject: i.Subject, Aliases: i.Aliases, Profile: i.Profile})
		}
		return people, nil
	case TryRefused:
		return refusedPeople(tx, c)
	}
	return accountPeople(tx, c, from)
}

// refusedPeople are those of the connection's last decisions who did not get in,
// with what was kept of what their provider told.
func refusedPeople(tx *store.Tx, c gatehouse.Connection) ([]gatehouse.Vouched, error) {
	all, err := tx.ConnectionDecisions(c.ID, MostTried)
	if err != nil {
		return nil, fmt.Errorf("read the decisions of connection %s: %w", c.ID, err)
	}
	var people []gatehouse.Vouched
	seen := map[string]bool{}
	for _, d := range all { // the newest first: how it stands with somebody now is said by their last one
		if d.Subject == "" || d.Outcome == gatehouse.OutcomeTested || seen[d.Subject] {
			continue
		}
		seen[d.Subject] = true
		if d.Outcome != gatehouse.OutcomeRefused && d.Outcome != gatehouse.OutcomePending {
			continue
		}
		f := d.Facts
		people = append(people, gatehouse.Vouched{Subject: d.Subject, Profile: gatehouse.Profile{
			Username: f["provider_username"], Nickname: f["provider_nickname"], Name: f["provider_name"], Email: f["provider_email"],
			Verified: gatehouse.Verification(strings.TrimPrefix(f["provider_email_verified"], "unstated")),
		}})
	}
	return people, nil
}

// accountPeople are the people behind the accounts of a connected app. In an app
// of the connection's own kind the accounts' ids are what the connection knows
// them by; of another one nobody can tell, so each counts as new to it.
func accountPeople(tx *store.Tx, c gatehouse.Connection, key string) ([]gatehouse.Vouched, error) {
	connector, err := tx.ConnectorByKey(key)
	if err != nil {
		return nil, fmt.Errorf("read connector %s: %w", key, err)
	}
	var people []gatehouse.Vouched
	for at := (store.Cursor{Limit: 200}); len(people) < MostTried; {
		page, err := tx.Accounts(connector.ID, store.AccountFilter{}, at)
		if err != nil {
			return nil, fmt.Errorf("read the accounts of connector %s: %w", key, err)
		}
		for _, a := range page.Items {
			if (a.Type == gatehouse.AccountPerson || a.Type == "") && len(people) < MostTried {
				people = append(people, asPerson(a, c, connector))
			}
		}
		if at.After = page.Next; page.Next == "" {
			break
		}
	}
	return people, nil
}

func asPerson(a gatehouse.Account, c gatehouse.Connection, connector gatehouse.Connector) gatehouse.Vouched {
	v := gatehouse.Vouched{
		Subject: "account " + connector.Key + " " + a.ID,
		Profile: gatehouse.Profile{Username: a.Username, Name: a.Name, Email: a.Email},
	}
	if a.EmailVerified {
		v.Profile.Verified = gatehouse.Verified
	}
	if connector.Kind == c.Kind {
		v.Subject = a.ID
	}
	for _, i := range a.Identities {
		if i.Provider == c.Kind && i.Subject != "" {
			v.Subject = i.Subject
		}
	}
	return v
}
