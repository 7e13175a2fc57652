package op

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/provided"
	"gatehouse/internal/store"
)

// Application is a client as it concerns one person: what they allowed it, and
// whether it has tokens to act with.
type Application struct {
	Client gatehouse.Client // without all but ID and Name when it is gone
	Scopes []string         // that the person allowed; nil: they were not asked, since it is trusted
	At     time.Time        // when they allowed it, or else when it got its newest token
	Tokens bool             // it has tokens that are good now
}

// Applications lists the applications that may act for a person: those they
// allowed something, and those that have tokens without being asked about. The
// newest come first.
func Applications(tx *store.Tx, userID string) ([]Application, error) {
	consents, err := tx.Consents(userID)
	if err != nil {
		return nil, fmt.Errorf("read the consents of user %s: %w", userID, err)
	}
	having, err := tx.ClientsWithTokens(userID)
	if err != nil {
		return nil, fmt.Errorf("read the clients with tokens of user %s: %w", userID, err)
	}
	var all []Application
	for _, c := range consents {
		all = append(all, Application{Client: gatehouse.Client{ID: c.ClientID}, Scopes: orNone(c.Scopes), At: c.At})
	}
	for _, h := range having {
		i := slices.IndexFunc(all, func(a Application) bool { return a.Client.ID == h.ClientID })
		if i < 0 {
			i, all = len(all), append(all, Application{Client: gatehouse.Client{ID: h.ClientID}, At: h.At})
		}
		all[i].Tokens = true
	}
	for i := range all {
		if err := named(tx, &all[i].Client); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b Application) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Client.ID, b.Client.ID)) })
	return all, nil
}

func orNone(scopes []string) []string {
	if scopes == nil {
		return []string{}
	}
	return scopes
}

// named reads a client; one that is gone keeps its id as its name.
func named(tx *store.Tx, c *gatehouse.Client) error {
	found, err := tx.Client(c.ID)
	if errors.Is(err, gatehouse.NotFound) {
		c.Name = c.ID
		return nil
	}
	if err != nil {
		return fmt.Errorf("read client %s: %w", c.ID, err)
	}
	*c = found
	return nil
}

// Withdraw takes back all that a person allowed an application: its tokens end
// at once, and it has to ask again, unless it is trusted. NotFound when it may
// do nothing anyway.
func Withdraw(tx *store.Tx, by gatehouse.Actor, userID, clientID string) error {
	all, err := Applications(tx, userID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(a Application) bool { return a.Client.ID == clientID }) {
		return gatehouse.Errorf(gatehouse.NotFound, "This application may do nothing in your name. Load the page again.")
	}
	if err := tx.DeleteConsent(userID, clientID); err != nil {
		return fmt.Errorf("delete the consent: %w", err)
	}
	if clientID == "" {
		return errors.New("withdraw a consent: no application is named")
	}
	if err := tx.RevokeUserTokens(userID, clientID); err != nil {
		return fmt.Errorf("revoke the tokens: %w", err)
	}
	return tx.Record(gatehouse.Event{
		Actor: by, Action: "consent.withdrawn", Target: "user/" + userID, Details: map[string]string{"client": clientID},
	})
}

// Askers are the clients that a person can allow to have their tokens of other
// providers, and did not.
func Askers(tx *store.Tx, userID string) ([]gatehouse.Client, error) {
	all, err := tx.Clients()
	if err != nil {
		return nil, fmt.Errorf("read the clients: %w", err)
	}
	var some []gatehouse.Client
	for _, c := range all {
		if !provided.MayAsk(c) {
			continue
		}
		given, err := allowedBefore(tx, userID, c.ID)
		if err != nil {
			return nil, fmt.Errorf("read the consent for %s: %w", c.ID, err)
		}
		if !slices.Contains(given, request.ScopeProvider) {
			some = append(some, c)
		}
	}
	return some, nil
}

// AllowTokens keeps that a person, the actor, allows an application to have
// their tokens of other providers; or, under the name provided.Administrators,
// the administrators' programs.
func AllowTokens(tx *store.Tx, by gatehouse.Actor, clientID string) error {
	c := gatehouse.Client{ID: clientID}
	if clientID != provided.Administrators {
		var err error
		if c, err = tx.Client(clientID); err != nil && !errors.Is(err, gatehouse.NotFound) {
			return fmt.Errorf("read client %s: %w", clientID, err)
		}
		if err != nil || !provided.MayAsk(c) {
			return gatehouse.Errorf(gatehouse.NotFound, "No application of this name asks for your access at other providers. Load the page again.")
		}
	}
	return saveConsent(tx, by, c, []string{request.ScopeProvider})
}
