-- Completeness certificates of pulls, and the key that signs them.

-- +goose Up

create table certificates (
	connector_id text   not null references connectors (id) on delete cascade,
	number       bigint not null,
	pull_id      text   not null,
	digest       text   not null,
	body         text   not null,
	created_at   bigint not null,
	primary key (connector_id, number)
);
create unique index certificates_pull on certificates (pull_id);

create table certificate_keys (
	id          text  primary key,
	seed_sealed bytea not null
);
