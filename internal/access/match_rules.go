package access

import (
	"fmt"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// MaxMatchRules is how many rules a connector has at most.
const MaxMatchRules = 20

// identityField begins the field of a rule that names a connection.
const identityField = "identity."

// ParseMatchRules reads rules as people write them, one a line: a field, "=",
// and an expression. Empty lines and those that begin with # say nothing.
func ParseMatchRules(text string) ([]gatehouse.MatchRule, error) {
	var rules []gatehouse.MatchRule
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		field, expression, ok := strings.Cut(line, "=")
		if !ok {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "Line %d is not a rule. Write a field, = and an expression, such as: email = account.username + \"@example.com\".", n)
		}
		rules = append(rules, gatehouse.MatchRule{Field: strings.TrimSpace(field), Expression: strings.TrimSpace(expression)})
	}
	return rules, nil
}

// RuleLine is a rule as people write it.
func RuleLine(r gatehouse.MatchRule) string { return r.Field + " = " + r.Expression }

// RuleLines are rules as ParseMatchRules reads them.
func RuleLines(rules []gatehouse.MatchRule) string {
	var b strings.Builder
	for _, r := range rules {
		b.WriteString(RuleLine(r) + "\n")
	}
	return b.String()
}

// compileRules makes rules ready, and names the first that is wrong.
func compileRules(rules []gatehouse.MatchRule) ([]compiledRule, error) {
	if len(rules) > MaxMatchRules {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "There are too many rules: a connector has at most %d.", MaxMatchRules)
	}
	all := make([]compiledRule, len(rules))
	for i, r := range rules {
		name, identity := strings.CutPrefix(r.Field, identityField)
		if !identity && r.Field != "email" && r.Field != "username" && r.Field != "id" || identity && name == "" {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "Rule %d: users are not found by %q. Write email, username, id or identity. and the name of a connection.", i+1, r.Field)
		}
		made, err := authcode.Compile("account", r.Expression)
		if err != nil {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "Rule %d is not an expression that can be used: %s. Correct it and save again.", i+1, err.Error())
		}
		all[i] = compiledRule{r, made}
	}
	return all, nil
}

// SetRules puts rules in the place of those that a connector has. What was
// matched by the old ones is matched anew, soon.
func (s Matches) SetRules(tx *store.Tx, by gatehouse.Actor, connectorID string, rules []gatehouse.MatchRule) error {
	c, err := tx.Connector(connectorID)
	if err != nil {
		return err
	}
	if _, err := compileRules(rules); err != nil {
		return err
	}
	connections, err := tx.Connections()
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, connection := range connections {
		known[connection.Name] = true
	}
	for i, r := range rules {
		if name, ok := strings.CutPrefix(r.Field, identityField); ok && !known[name] {
			return gatehouse.Errorf(gatehouse.Invalid, "Rule %d: there is no connection %s. Write the name of one that there is.", i+1, name)
		}
	}
	if err := tx.SetMatchRules(c.ID, rules); err != nil {
		return err
	}
	if _, err := tx.DropMatches(c.ID, []string{gatehouse.MatchRuled}); err != nil {
		return err
	}
	if err := rematch(tx, c.ID); err != nil {
		return err
	}
	s.count(tx, c.Kind, "connector.match_rules_set")
	return tx.Record(gatehouse.Event{
		Actor: by, Action: "connector.match_rules_set", Target: "connector/" + c.ID,
		Details: map[string]string{"name": c.Name, "key": c.Key, "rules": RuleLines(rules)},
	})
}

// rematch asks for the accounts of a connector that are nobody's to be matched.
func rematch(tx *store.Tx, connectorID string) error {
	if _, err := jobs.Add(tx, matchArgs{ConnectorID: connectorID}, jobs.Options{Key: connectorID}); err != nil {
		return fmt.Errorf("ask for accounts to be matched: %w", err)
	}
	return nil
}
