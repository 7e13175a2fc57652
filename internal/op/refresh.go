package op

import (
	"errors"
	"time"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
)

// grace is how long after its rotation a refresh token may come again without
// harm, while its successor is unused: a client that runs on several machines,
// or whose connection broke, sends it twice.
const grace = 10 * time.Second

// grantByRefresh is the refresh token grant with rotation: each refresh token is
// good once, and gives the next (RFC 9700 section 4.14.2).
func (p *Provider) grantByRefresh(a *ask) (tokenAnswer, error) {
	if a.form["refresh_token"] == "" {
		return tokenAnswer{}, wire.Missing("refresh_token")
	}
	var (
		made     minted
		user     gatehouse.User
		replayed bool
	)
	by := p.Store.Update
	if rotates(a.client) {
		// The old token is changed, and whatever ends the sign-in (a block, a
		// revocation, a replay) changes it too.
		by = p.Store.UpdateOwnRows
	}
	err := p.updateBy(a.r.Context(), by, a.once, func(tx *store.Tx) error {
		made, replayed = minted{}, false
		old, err := ownRefreshToken(tx, a)
		if err != nil {
			return err
		}
		if !old.UsedAt.IsZero() {
			if replayed, err = isReplay(tx, old); err != nil || !replayed {
				return err
			}
			return p.endFamily(tx, a, "refresh_token.replayed", old.Family, old.Grant.UserID)
		}
		if !a.held.fits(old.Grant.Details) {
			return wire.InvalidGrant()
		}
		if user, err = activeUser(tx, a.client, old.Grant.UserID); err != nil {
			return err
		}
		if err := sameAsBefore(tx, a.client, user); err != nil {
			return err
		}
		made, err = p.rotate(tx, a, old)
		return err
	})
	switch {
	case err != nil:
		return tokenAnswer{}, err
	case replayed:
		p.replayed(a, "refresh_token")
		return tokenAnswer{}, wire.InvalidGrant()
	case made.access == "":
		return tokenAnswer{}, wire.InvalidGrant()
	}
	return p.tell(a, made, user)
}

// ownRefreshToken finds the refresh token of a request: the client's own,
// neither revoked nor past its end. That it may have been used already is the
// caller's business.
func ownRefreshToken(tx *store.Tx, a *ask) (gatehouse.Token, error) {
	t, err := tx.Token(gatehouse.Digest(a.form["refresh_token"]))
	if errors.Is(err, gatehouse.NotFound) {
		return t, wire.InvalidGrant()
	}
	if err != nil {
		return t, err
	}
	now := tx.Now()
	if t.Kind != gatehouse.RefreshToken || t.Grant.ClientID != a.client.ID || !t.RevokedAt.IsZero() ||
		!now.Before(t.ExpiresAt) || !now.Before(t.EndsAt) {
		return t, wire.InvalidGrant()
	}
	return t, nil
}

// isReplay says whether a used refresh token that comes again is in two hands:
// it comes late, or its successor is in use already.
func isReplay(tx *store.Tx, old gatehouse.Token) (bool, error) {
	if tx.Now().Sub(old.UsedAt) > grace {
		return true, nil
	}
	next, err := tx.Token(old.Successor)
	if errors.Is(err, gatehouse.NotFound) {
		return true, nil
	}
	return !next.UsedAt.IsZero(), err
}

// rotates says whether refresh tokens of a client are good once. FAPI 2.0 wants
// them to stay, bound to the client, so that none is lost on the way (section
// 5.3.2.1).
func rotates(c gatehouse.Client) bool { return !c.FAPI() }

// rotate puts a new refresh token in the place of the old one and gives a new
// access token, in place of those before, as GitLab does.
func (p *Provider) rotate(tx *store.Tx, a *ask, old gatehouse.Token) (minted, error) {
	long := request.StillAllowed(a.client, old.Grant.Scopes)
	short := long
	if asked := request.SplitScope(a.form["scope"]); len(asked) > 0 {
		if !request.Covers(long, asked) {
			return minted{}, wire.InvalidScope()
		}
		short = asked
	}
	if len(short) == 0 {
		return minted{}, wire.InvalidScope()
	}
	if err := tx.RevokeAccessTokens(old.Family); err != nil {
		return minted{}, err
	}
	grant := old.Grant
	narrowed, err := p.audience(a, old.Grant.Details.Audience)
	if err != nil {
		return minted{}, err
	}
	grant.Scopes, grant.Details.Audience = short, narrowed
	made, err := p.mint(tx, mint{
		client: a.client, family: old.Family, grant: grant, held: a.held, refresh: rotates(a.client), refreshScopes: long, refreshFor: old.Grant.Details.Audience, endsAt: old.EndsAt,
	})
	if err != nil {
		return minted{}, err
	}
	if !rotates(a.client) {
		return made, nil
	}
	won, err := tx.RotateToken(old.Hash, gatehouse.Digest(made.refresh))
	if err == nil && !won {
		err = wire.InvalidGrant() // somebody else was quicker; undo
	}
	return made, err
}
