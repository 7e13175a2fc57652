package reach

import (
	"fmt"
	"slices"

	"gatehouse"
	"gatehouse/internal/store"
)

// Unknown is why an app cannot be told of groups; "" when it can.
type Unknown string

// The reasons.
const (
	UnknownOff       Unknown = "off"       // it is not to be told of any
	UnknownNoGitLab  Unknown = "no_gitlab" // there is no GitLab connector
	UnknownAmbiguous Unknown = "ambiguous" // there are several, and none is named
	UnknownName      Unknown = "no_such"   // the one that is named is not there
	UnknownDisabled  Unknown = "disabled"  // it is disabled, so what is known of it grows old
	UnknownUnread    Unknown = "unread"    // it was never read to the end
)

// Odd says whether somebody should see to it.
func (u Unknown) Odd() bool {
	return u == UnknownAmbiguous || u == UnknownName || u == UnknownDisabled
}

// Choose is the connector of which an app is told groups: the one that is named
// by its key, or else the only one of GitLab.
func Choose(from string, gitlabs []gatehouse.Connector) (gatehouse.Connector, Unknown) {
	enabled := slices.DeleteFunc(slices.Clone(gitlabs), func(c gatehouse.Connector) bool { return !c.Enabled })
	switch {
	case from == gatehouse.NoGroups:
		return gatehouse.Connector{}, UnknownOff
	case from != "":
		i := slices.IndexFunc(gitlabs, func(c gatehouse.Connector) bool { return c.Key == from })
		if i < 0 {
			return gatehouse.Connector{}, UnknownName
		}
		return ready(gitlabs[i])
	case len(enabled) > 1:
		return gatehouse.Connector{}, UnknownAmbiguous
	case len(enabled) == 1:
		return ready(enabled[0])
	case len(gitlabs) > 0:
		return gatehouse.Connector{}, UnknownDisabled
	}
	return gatehouse.Connector{}, UnknownNoGitLab
}

func ready(c gatehouse.Connector) (gatehouse.Connector, Unknown) {
	switch {
	case !c.Enabled:
		return gatehouse.Connector{}, UnknownDisabled
	case c.PulledAt.IsZero():
		return gatehouse.Connector{}, UnknownUnread
	}
	return c, ""
}

// Source is Choose among the connectors that there are.
func Source(tx *store.Tx, from string) (gatehouse.Connector, Unknown, error) {
	if from == gatehouse.NoGroups {
		return gatehouse.Connector{}, UnknownOff, nil
	}
	gitlabs, err := tx.ConnectorsOf("gitlab")
	if err != nil {
		return gatehouse.Connector{}, "", fmt.Errorf("read the GitLab connectors: %w", err)
	}
	c, unknown := Choose(from, gitlabs)
	return c, unknown, nil
}

// ActiveAccounts are the ids of a user's accounts in an app that can be used
// there: a blocked one reaches nothing.
func ActiveAccounts(tx *store.Tx, connectorID, userID string) ([]string, error) {
	all, err := tx.AccountsOf(userID)
	if err != nil {
		return nil, fmt.Errorf("read the accounts of user %s: %w", userID, err)
	}
	var ids []string
	for _, a := range all {
		if a.ConnectorID == connectorID && a.State == "active" {
			ids = append(ids, a.ID)
		}
	}
	return ids, nil
}
