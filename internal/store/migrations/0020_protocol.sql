-- What the provider's protocol needs besides: settings of clients, details of
-- what codes and tokens stand for, the assertions that were used, and what
-- devices without a browser ask for.

-- +goose Up

alter table clients add column secret_sealed bytea;
alter table clients add column settings text not null default '{}';
alter table codes add column details text not null default '';
alter table tokens add column details text not null default '';

create table assertions (
	hash       bytea  primary key,
	expires_at bigint not null
);
create index assertions_end on assertions (expires_at);

create table device_grants (
	hash           bytea  primary key,
	user_code_hash bytea  not null,
	client_id      text   not null,
	user_id        text   references users (id) on delete cascade,
	session_id     text   not null,
	scopes         text   not null,
	auth_at        bigint not null,
	details        text   not null,
	family         text   not null,
	state          text   not null,
	poll_interval  bigint not null,
	polled_at      bigint not null,
	created_at     bigint not null,
	expires_at     bigint not null
);
create unique index device_grants_code on device_grants (user_code_hash);
create index device_grants_user on device_grants (user_id);
create index device_grants_end on device_grants (expires_at);
