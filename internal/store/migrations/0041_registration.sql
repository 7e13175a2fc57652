-- Subjects that only one client knows, and clients that register themselves.

-- +goose Up

create table pairwise (
	id          text  primary key,
	salt_sealed bytea
);

create table registration_tokens (
	id         text   primary key,
	name       text   not null,
	hash       bytea  not null,
	left_over  bigint not null,
	created_by text   not null,
	created_at bigint not null,
	expires_at bigint not null
);
create unique index registration_tokens_hash on registration_tokens (hash);
create index registration_tokens_end on registration_tokens (expires_at);

create table registrations (
	client_id  text   primary key references clients (id) on delete cascade,
	hash       bytea  not null,
	token_id   text   not null,
	created_at bigint not null
);
create index registrations_token on registrations (token_id);
