package signin

import (
	"context"
	"errors"
	"fmt"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
)

// Ended obeys a logout token that a provider sent by itself (OpenID Connect
// Back-Channel Logout 1.0): the sessions that came out of its session end, and
// so do the tokens that came of them. A token that is not right or was used
// before is Invalid, and ends nothing. address is who sent it.
func (s *Service) Ended(ctx context.Context, connection, logoutToken, address string) error {
	n, err := s.ended(ctx, connection, logoutToken, address)
	outcome := "ok"
	if err != nil {
		outcome = "refused"
		s.log().WarnContext(ctx, "A provider's logout token was not obeyed.", "connection", connection, "address", address, "error", err)
	} else {
		s.log().InfoContext(ctx, "A provider ended its session.", "connection", connection, "sessions", n)
	}
	if s.Metrics != nil {
		s.Metrics.Count("provider_logout", "outcome", outcome)
	}
	return err
}

func (s *Service) ended(ctx context.Context, connection, logoutToken, address string) (n int, err error) {
	c, door, err := s.Apps.DoorByName(ctx, connection)
	if err != nil {
		return 0, fmt.Errorf("take a logout token: %w", err)
	}
	if door.BackChannel == nil {
		return 0, gatehouse.Errorf(gatehouse.Invalid, "%s sends no logout tokens, so nothing was done.", label(c))
	}
	ended, err := door.BackChannel.Ended(ctx, logoutToken)
	if err != nil {
		return 0, fmt.Errorf("check a logout token: %w", err)
	}
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		fresh, err := tx.UseLogoutToken(c.ID, ended.Token, ended.Until)
		if err != nil {
			return fmt.Errorf("note the logout token: %w", err)
		}
		if !fresh {
			return gatehouse.Errorf(gatehouse.Invalid, "The logout token was used before, so nothing was done.")
		}
		n, err = s.endOrigin(tx, c, ended, address)
		return err
	})
	return n, err
}

// endOrigin ends the sessions that came out of a provider's session.
func (s *Service) endOrigin(tx *store.Tx, c gatehouse.Connection, ended integration.Ended, address string) (int, error) {
	sessions, err := tx.SessionsByOrigin(c.ID, gatehouse.Origin{Subject: ended.Subject, Session: ended.Session})
	if err != nil {
		return 0, fmt.Errorf("find the sessions: %w", err)
	}
	by := gatehouse.Actor{Kind: gatehouse.ActorAnonymous, Name: label(c), Address: address}
	for _, session := range sessions {
		if err := tx.RevokeSessionTokens(session.ID); err != nil {
			return 0, fmt.Errorf("end the tokens of session %s: %w", session.ID, err)
		}
		if err := s.Sessions.EndOne(tx, by, session.UserID, session.ID); err != nil {
			return 0, err
		}
	}
	return len(sessions), nil
}

// ProviderLogout is the address at which the provider that a session came from
// ends its own session, where its connection asks for that; "" = none, or it
// cannot be had now: nobody stays signed in here because of it. The provider
// sends the browser back to the path.
func (s *Service) ProviderLogout(ctx context.Context, session gatehouse.Session, path string) string {
	var origin gatehouse.Origin
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		origin, err = tx.Origin(session.ID)
		return err
	})
	if errors.Is(err, gatehouse.NotFound) || err == nil && origin.IDToken == "" {
		return ""
	}
	address := ""
	if err == nil {
		address, err = s.logoutURL(ctx, session.ConnectionID, origin.IDToken, path)
	}
	if err != nil {
		s.log().WarnContext(ctx, "The provider is not told that somebody signed out.", "connection", session.ConnectionID, "error", err)
		return ""
	}
	return address
}

func (s *Service) logoutURL(ctx context.Context, connectionID, idToken, path string) (string, error) {
	_, door, err := s.Apps.Door(ctx, connectionID)
	if err != nil || door.Logout == nil {
		return "", err
	}
	return door.Logout.LogoutURL(ctx, idToken, s.URL+path)
}
