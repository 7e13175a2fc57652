package apps

import (
	"encoding/json"

	"gatehouse"
)

// WhoComesIn tells two states of a connection apart that let in different people,
// or believe different things of them: everything but its label, its icon,
// whether it is on, and the secret itself. What changes it needs a fresh proof of
// who asks: a provider of one's own that may link by addresses opens every
// account.
func WhoComesIn(c gatehouse.Connection) string {
	if len(c.Args) == 0 {
		c.Args = nil
	}
	text, err := json.Marshal([]any{c.Kind, c.AppID, c.BuiltIn, c.Args, c.Rules})
	if err != nil {
		return gatehouse.NewSecret() // settings are JSON, so this is none: it is like no other
	}
	return string(text)
}
