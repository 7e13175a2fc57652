package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// RuleTest is the rule of decisions about tests of a connection. Which rule
// would have spoken is among their facts.
const RuleTest = "test"

// The facts of a test, besides what a sign-in has.
const (
	FactTestedBy    = "tested_by"    // username of the administrator
	FactTestOutcome = "test_outcome" // what would have come of it, or came of it when it failed
	FactTestRule    = "test_rule"    // which rule spoke
	FactTestUser    = "test_user"    // username of whom it would have been, "" = nobody
)

// trial is a test of a connection by an administrator.
type trial struct {
	connection gatehouse.Connection
	userID     string // of the administrator
	address    string // of the browser
}

// Test begins a sign-in that an administrator only wants to look at: it signs
// nobody in and changes nothing, and works with a connection that is disabled.
// It gives where to send the browser: the provider's address, or, when the way
// there fails already, our own page that says why. st.UserID is the
// administrator; st.Connection the name.
func (s *Service) Test(ctx context.Context, st Start, address string) (goTo string, err error) {
	if len(st.BrowserHash) == 0 || st.UserID == "" {
		return "", errors.New("begin a test: the browser or the administrator is not known")
	}
	st.Purpose, st.Request, st.ReturnTo = gatehouse.ForTest, "", ""
	c, door, err := s.Apps.DoorToTest(ctx, st.Connection)
	if c.ID == "" {
		return "", fmt.Errorf("begin a test: %w", err)
	}
	t := trial{connection: c, userID: st.UserID, address: address}
	if err == nil && door.Provider == nil {
		err = gatehouse.Errorf(gatehouse.Invalid, "%s cannot be used to sign in. Use another way to sign in.", label(c))
	}
	if err != nil {
		return s.testFailed(ctx, t, err)
	}
	a, err := s.attempt(ctx, c, st)
	if err != nil {
		return "", err
	}
	if goTo, err = door.Provider.Begin(ctx, a); err != nil {
		return s.testFailed(ctx, t, err)
	}
	if err := s.Store.Update(ctx, func(tx *store.Tx) error { return tx.SaveAttempt(&a) }); err != nil {
		return "", fmt.Errorf("keep the test under way: %w", err)
	}
	return goTo, nil
}

func (s *Service) testFailed(ctx context.Context, t trial, cause error) (goTo string, err error) {
	no := byProvider(t.connection, cause)
	r, err := s.tested(ctx, t, gatehouse.Vouched{}, &no)
	return r.GoTo, err
}

// open gives the door of a sign-in under way. That of a test may be disabled.
func (s *Service) open(ctx context.Context, at gatehouse.Attempt, c gatehouse.Connection) (gatehouse.Connection, integration.Door, error) {
	if at.Purpose == gatehouse.ForTest {
		return s.Apps.DoorToTest(ctx, c.Name)
	}
	return s.Apps.Door(ctx, at.ConnectionID)
}

// tested keeps what a test found out: what the provider told and what the rules
// would decide, or why it failed. It leads to the page that shows it.
func (s *Service) tested(ctx context.Context, t trial, v gatehouse.Vouched, no *stop) (Result, error) {
	var d gatehouse.Decision
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		admin, err := tx.User(t.userID)
		if err != nil {
			return fmt.Errorf("read the administrator: %w", err)
		}
		if d, err = s.found(tx, t, v, no); err != nil {
			return err
		}
		d.Facts[FactTestedBy] = admin.Username
		if err := users.Keep(tx, &d); err != nil {
			return err
		}
		by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: admin.ID, Name: admin.Username, Address: t.address}
		return tx.Record(gatehouse.Event{
			Actor: by, Action: "connection.tested", Target: "connection/" + t.connection.ID,
			Details: map[string]string{"name": t.connection.Name, "outcome": string(d.Outcome), "decision": d.ID},
		})
	})
	if err != nil {
		return Result{}, fmt.Errorf("keep what the test found out: %w", err)
	}
	var cause *gatehouse.Error
	if no != nil {
		cause = no.err
	}
	s.tell(ctx, t.connection, d, cause)
	return Result{GoTo: "/admin/connections/" + url.PathEscape(t.connection.Name) + "/test/" + d.ID, Decision: d}, nil
}

// found is the decision of a test.
func (s *Service) found(tx *store.Tx, t trial, v gatehouse.Vouched, no *stop) (gatehouse.Decision, error) {
	var would gatehouse.Decision
	outcome := gatehouse.OutcomeTested
	if no != nil {
		would = no.Decision
		outcome = would.Outcome
	} else {
		var err error
		if would, err = s.Users.Preview(tx, t.connection, v); err != nil {
			return would, fmt.Errorf("see what the rules would decide: %w", err)
		}
	}
	facts := told(v)
	maps.Copy(facts, would.Facts)
	facts["connection"] = t.connection.Name
	facts[FactTestOutcome], facts[FactTestRule] = string(would.Outcome), would.Rule
	if would.UserID != "" {
		user, err := tx.User(would.UserID)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return would, fmt.Errorf("read the user: %w", err)
		}
		facts[FactTestUser] = user.Username
	}
	return gatehouse.Decision{
		ConnectionID: t.connection.ID, Subject: users.OneLine(v.Subject), Outcome: outcome, Rule: RuleTest,
		Reason: would.Reason, Args: would.Args, Facts: facts, Address: t.address,
	}, nil
}

// mostGroups bounds the groups that a test shows, longestFact each of its facts
// in bytes.
const (
	mostGroups  = 30
	longestFact = 2000
)

// told are the parts of what a provider says that are no secret, by the names
// they have in a profile. Tokens are told of, and not shown.
func told(v gatehouse.Vouched) map[string]string {
	facts := map[string]string{}
	var profile map[string]any
	if text, err := json.Marshal(v.Profile); err == nil {
		_ = json.Unmarshal(text, &profile) // it was made right before
	}
	for name, value := range profile {
		if text, ok := value.(string); ok {
			facts["provider_"+name] = text
		}
	}
	delete(facts, "provider_verified") // the decision has it in words
	groups := v.Profile.Groups
	if more := len(groups) - mostGroups; more > 0 {
		groups = append(slices.Clone(groups[:mostGroups]), fmt.Sprintf("… (+%d)", more))
	}
	facts["provider_groups"] = strings.Join(groups, ", ")
	for kind, id := range v.Aliases {
		facts["provider_id_"+kind] = id
	}
	if v.Tokens != nil {
		facts["provider_scopes"] = strings.Join(v.Tokens.Scopes, " ")
	}
	for name, text := range facts {
		if text = users.OneLine(text); len(text) > longestFact {
			text = strings.ToValidUTF8(text[:longestFact], "") + "…"
		}
		facts[name] = text
	}
	maps.DeleteFunc(facts, func(_, v string) bool { return v == "" })
	return facts
}
