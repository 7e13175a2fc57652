// Package provided keeps the tokens that providers such as GitLab and DingTalk
// give at a sign-in, so that an application may act there in a person's name:
// sealed, renewed when they are due by one node at a time, handed out only to
// whom the person allowed it, and never without a line in the audit log.
package provided

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sync/singleflight"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
)

// Doors opens connections: apps.Apps.
type Doors interface {
	Door(ctx context.Context, connectionID string) (gatehouse.Connection, integration.Door, error)
}

// Provided keeps and hands out providers' tokens. It is used by pointer and is
// safe for concurrent use.
type Provided struct {
	Store   *store.Store
	Doors   Doors
	Clock   gatehouse.Clock
	Log     *slog.Logger      // nil: discard
	Metrics gatehouse.Metrics // nil: none

	limits  limits
	flights singleflight.Group // renewals of this node, by identity and version
	running sync.WaitGroup
}

// Keep keeps the tokens that a provider gave at a sign-in, in place of those of
// the sign-in before. It keeps none when there are none, or when the connection
// has forget_tokens. A provider that gives its refresh token only once is not
// taken at its word when it gives none: the one that is there stays.
func (p *Provided) Keep(tx *store.Tx, identity gatehouse.Identity, tokens *gatehouse.Tokens) error {
	if tokens == nil || tokens.Access == "" {
		return nil
	}
	c, err := tx.Connection(identity.ConnectionID)
	if err != nil {
		return fmt.Errorf("read connection %s: %w", identity.ConnectionID, err)
	}
	if c.Rules.ForgetTokens {
		return p.Forget(tx, identity.ID)
	}
	before, err := tx.ProviderTokens(identity.ID)
	if err != nil && !errors.Is(err, gatehouse.NotFound) {
		return fmt.Errorf("read the tokens of identity %s: %w", identity.ID, err)
	}
	kept := gatehouse.ProviderTokens{IdentityID: identity.ID, Tokens: bounded(*tokens)}
	if kept.Tokens.Refresh == "" && before.Failed.Text == "" {
		kept.Tokens.Refresh = before.Tokens.Refresh
	}
	if err := tx.SaveProviderTokens(&kept); err != nil {
		return fmt.Errorf("keep the tokens of identity %s: %w", identity.ID, err)
	}
	return nil
}

// Forget removes the tokens that are kept for an identity. Nothing happens if
// there are none.
func (p *Provided) Forget(tx *store.Tx, identityID string) error {
	if err := tx.DeleteProviderTokens(identityID); err != nil {
		return fmt.Errorf("forget the tokens of identity %s: %w", identityID, err)
	}
	return nil
}

// Bounds of what a provider gives, in bytes.
const (
	longestToken = 16 << 10 // JWTs with many claims have some thousand
	longestScope = 255
	mostScopes   = 100
)

// bounded leaves out what no provider gives: tokens and scopes of such a length
// that they are none.
func bounded(t gatehouse.Tokens) gatehouse.Tokens {
	kept := gatehouse.Tokens{ExpiresAt: t.ExpiresAt}
	if len(t.Access) <= longestToken {
		kept.Access = t.Access
	}
	if len(t.Refresh) <= longestToken {
		kept.Refresh = t.Refresh
	}
	for _, s := range t.Scopes {
		if s != "" && len(s) <= longestScope && len(kept.Scopes) < mostScopes {
			kept.Scopes = append(kept.Scopes, s)
		}
	}
	return kept
}
