-- The key of a passkey is kept as COSE (RFC 9052), under "public_key". What no
-- release has kept otherwise cannot be checked any more.

-- +goose Up
delete from passkeys where record not like '%"public_key"%';
