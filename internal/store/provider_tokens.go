package store

import (
	"encoding/json"
	"fmt"
	"time"

	"gatehouse"
)

// providerSecrets are the parts of a person's tokens that are sealed.
type providerSecrets struct{ Access, Refresh string }

func providerTokensCell(identityID string) cell {
	return cell{"provider_tokens", identityID, "tokens"}
}

func (tx *Tx) sealProviderTokens(t gatehouse.ProviderTokens) ([]byte, error) {
	return tx.seal([]byte(asJSON(providerSecrets{t.Tokens.Access, t.Tokens.Refresh})), providerTokensCell(t.IdentityID))
}

const providerTokensColumns = `identity_id, tokens_sealed, scopes, expires_at, kept_at, refreshed_at, failed, failed_at,
	retry_at, version`

func (tx *Tx) scanProviderTokens(r row) (t gatehouse.ProviderTokens, err error) {
	var sealed []byte
	if err := r.Scan(&t.IdentityID, &sealed, fromJSON(&t.Tokens.Scopes), at(&t.Tokens.ExpiresAt), at(&t.KeptAt),
		at(&t.RefreshedAt), fromJSON(&t.Failed), at(&t.FailedAt), at(&t.RetryAt), &t.Version); err != nil {
		return t, err
	}
	plain, err := tx.unseal(sealed, providerTokensCell(t.IdentityID))
	if err != nil {
		return t, err
	}
	var s providerSecrets
	if err := json.Unmarshal(plain, &s); err != nil {
		return t, fmt.Errorf("read the tokens of identity %s: %w", t.IdentityID, err)
	}
	t.Tokens.Access, t.Tokens.Refresh = s.Access, s.Refresh
	return t, nil
}

// ProviderTokens finds the tokens that are kept for an identity, good or not.
func (tx *Tx) ProviderTokens(identityID string) (gatehouse.ProviderTokens, error) {
	return one(tx, tx.scanProviderTokens, `select `+providerTokensColumns+` from provider_tokens where identity_id = $1`, identityID)
}

// SaveProviderTokens keeps tokens that a sign-in brought, in place of those
// before. Whoever renews those at the moment comes too late. KeptAt and Version
// are filled in.
func (tx *Tx) SaveProviderTokens(t *gatehouse.ProviderTokens) error {
	sealed, err := tx.sealProviderTokens(*t)
	if err != nil {
		return err
	}
	version, err := one(tx, scanInt, `insert into provider_tokens (`+providerTokensColumns+`, leased_by, lease_ends_at)
		values ($1, $2, $3, $4, $5, 0, $6, 0, 0, 1, '', 0)
		on conflict (identity_id) do update set tokens_sealed = excluded.tokens_sealed, scopes = excluded.scopes,
		expires_at = excluded.expires_at, kept_at = excluded.kept_at, refreshed_at = 0, failed = excluded.failed,
		failed_at = 0, retry_at = 0, version = provider_tokens.version + 1, leased_by = '', lease_ends_at = 0
		returning version`,
		t.IdentityID, sealed, asJSON(t.Tokens.Scopes), t.Tokens.ExpiresAt, tx.now, asJSON(gatehouse.Note{}))
	if err == nil {
		t.KeptAt, t.Version = tx.now, version
		t.RefreshedAt, t.Failed, t.FailedAt, t.RetryAt = time.Time{}, gatehouse.Note{}, time.Time{}, time.Time{}
	}
	return err
}

// LeaseProviderTokens makes one caller, on whatever node, the one who renews an
// identity's tokens. It reports false when somebody else is, or when they have
// changed since that version.
func (tx *Tx) LeaseProviderTokens(identityID string, version int64, owner string, until time.Time) (bool, error) {
	n, err := tx.exec(`update provider_tokens set leased_by = $3, lease_ends_at = $4
		where identity_id = $1 and version = $2 and lease_ends_at <= $5`, identityID, version, owner, until, tx.now)
	return n == 1, err
}

// SettleProviderTokens writes what came of renewing tokens (the new ones, or
// why there are none) and gives the lease back. It reports false, and changes
// nothing, when the lease is somebody else's by now or the tokens have changed.
func (tx *Tx) SettleProviderTokens(t gatehouse.ProviderTokens, owner string) (bool, error) {
	sealed, err := tx.sealProviderTokens(t)
	if err != nil {
		return false, err
	}
	n, err := tx.exec(`update provider_tokens set tokens_sealed = $4, scopes = $5, expires_at = $6, refreshed_at = $7,
		failed = $8, failed_at = $9, retry_at = $10, version = version + 1, leased_by = '', lease_ends_at = 0
		where identity_id = $1 and version = $2 and leased_by = $3`,
		t.IdentityID, t.Version, owner, sealed, asJSON(t.Tokens.Scopes), t.Tokens.ExpiresAt, t.RefreshedAt,
		asJSON(t.Failed), t.FailedAt, t.RetryAt)
	return n == 1, err
}

// DeleteProviderTokens forgets the tokens of an identity. Nothing happens if
// there are none.
func (tx *Tx) DeleteProviderTokens(identityID string) error {
	_, err := tx.exec(`delete from provider_tokens where identity_id = $1`, identityID)
	return err
}
