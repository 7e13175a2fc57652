-- What must be found by family is what is not revoked: of one that is refreshed
-- for months that is little of it.

-- +goose Up

drop index tokens_family;
create index tokens_family on tokens (family, kind) where revoked_at = 0;
