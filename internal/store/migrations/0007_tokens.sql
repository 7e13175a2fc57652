-- Tokens of providers, kept for apps that may act for people there, and tokens
-- that people make for programs of their own.

-- +goose Up

create table provider_tokens (
	identity_id   text   primary key references identities (id) on delete cascade,
	tokens_sealed bytea,
	scopes        text   not null,
	expires_at    bigint not null,
	kept_at       bigint not null,
	refreshed_at  bigint not null,
	failed        text   not null,
	failed_at     bigint not null,
	retry_at      bigint not null,
	version       bigint not null,
	leased_by     text   not null,
	lease_ends_at bigint not null
);

create table personal_tokens (
	id                text   primary key,
	user_id           text   not null references users (id) on delete cascade,
	name              text   not null,
	token_hash        bytea  not null unique,
	hint              text   not null,
	scopes            text   not null,
	created_at        bigint not null,
	expires_at        bigint not null,
	last_used_at      bigint not null,
	last_used_address text   not null,
	revoked_at        bigint not null
);
create index personal_tokens_user on personal_tokens (user_id);
create index personal_tokens_end on personal_tokens (expires_at);
