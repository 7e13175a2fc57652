package access

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// matchArgs are of the job that matches the accounts of a connector to users.
type matchArgs struct {
	ConnectorID string `json:"connector_id"`
}

// Kind names the job.
func (matchArgs) Kind() string { return "access.match" }

// match looks for the user of every account that nobody is matched to yet, a
// page in a transaction.
func (s *Service) match(ctx context.Context, j *jobs.Job[matchArgs]) error {
	after := ""
	for {
		var page store.Page[gatehouse.Account]
		err := s.Store.Update(ctx, func(tx *store.Tx) (err error) {
			c, err := tx.Connector(j.Args.ConnectorID)
			if err != nil {
				return err
			}
			m, err := matchingOf(tx, c)
			if err != nil {
				return err
			}
			if page, err = tx.UnmatchedAccounts(c.ID, store.Cursor{After: after, Limit: 200}); err != nil {
				return err
			}
			for _, a := range page.Items {
				if err := matchOne(tx, c, m, a); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || page.Next == "" {
			return err
		}
		after = page.Next
	}
}

// matchUser looks for the accounts of a person who has just come or was linked.
func (s *Service) matchUser(ctx context.Context, j *jobs.Job[users.Arrived]) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		u, err := tx.User(j.Args.UserID)
		if err != nil {
			return err
		}
		connectors, err := tx.Connectors()
		if err != nil {
			return err
		}
		for _, c := range connectors {
			if err := matchIn(tx, c, u); err != nil {
				return err
			}
			rules, err := tx.MatchRules(c.ID)
			if err != nil {
				return err
			}
			if len(rules) == 0 {
				continue
			}
			if err := rematch(tx, c.ID); err != nil { // a rule may name them by what only it makes of an account
				return err
			}
		}
		return nil
	})
}

// matchIn matches the accounts of one app that are a user's.
func matchIn(tx *store.Tx, c gatehouse.Connector, u gatehouse.User) error {
	m, err := matchingOf(tx, c)
	if err != nil {
		return err
	}
	identities, err := tx.Identities(u.ID)
	if err != nil {
		return err
	}
	var candidates []gatehouse.Account
	for _, i := range identities {
		if !m.connections[i.ConnectionID] {
			continue
		}
		found, err := tx.AccountsByID(c.ID, []string{accountOf(c, i)})
		if err != nil {
			return err
		}
		candidates = append(candidates, found...)
	}
	if u.EmailVerified {
		found, err := tx.Accounts(c.ID, store.AccountFilter{Email: u.Email}, store.Cursor{Limit: 10})
		if err != nil {
			return err
		}
		candidates = append(candidates, found.Items...)
	}
	for _, a := range candidates {
		if a.UserID == "" {
			if err := matchOne(tx, c, m, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// accountOf is the account that an identity of the same app may be. DingTalk
// signs people in by their unionId; the directory knows them by their userid,
// which the sign-in tells besides. Whether it is theirs is for matchOne.
func accountOf(c gatehouse.Connector, i gatehouse.Identity) string {
	if c.Kind == "dingtalk" {
		return i.Aliases["userid"]
	}
	return i.Subject
}

// subjects are what the connections of the same app call the person of an
// account: in GitLab the account's id, in DingTalk the unionId.
func subjects(c gatehouse.Connector, a gatehouse.Account) []string {
	if c.Kind != "dingtalk" {
		return []string{a.ID}
	}
	var all []string
	for _, i := range a.Identities {
		if i.Provider == "dingtalk" && i.Subject != "" {
			all = append(all, i.Subject)
		}
	}
	return all
}

// sameApp finds the connections that sign people in with the very app that a
// connector keeps in order: what it knows people by are their subjects.
func sameApp(tx *store.Tx, c gatehouse.Connector) (map[string]bool, error) {
	all, err := tx.Connections()
	if err != nil {
		return nil, err
	}
	same := map[string]bool{}
	for _, connection := range all {
		if connection.Kind == c.Kind && isSame(connection, c) {
			same[connection.ID] = true
		}
	}
	return same, nil
}

// isSame says whether a connection and a connector of one kind speak to the same
// app. All companies of DingTalk are at one address, and a unionId is nobody
// else's there.
func isSame(connection gatehouse.Connection, c gatehouse.Connector) bool {
	switch c.Kind {
	case "gitlab":
		return host(site(connection)) == host(c.URL)
	case "dingtalk":
		options, _ := connection.Args["client_options"].(map[string]any)
		there, _ := options["api_url"].(string)
		return host(cmp.Or(there, dingTalk)) == host(cmp.Or(c.Settings["api_url"], dingTalk))
	}
	return false
}

// dingTalk is where DingTalk is, unless the settings say otherwise.
const dingTalk = "https://api.dingtalk.com"

// site is the address of the app behind a connection, in GitLab's settings.
func site(c gatehouse.Connection) string {
	options, _ := c.Args["client_options"].(map[string]any)
	if s, ok := options["site"].(string); ok && s != "" {
		return s
	}
	return "https://gitlab.com"
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
