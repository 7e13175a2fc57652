-- What a pull could not see, as history like all that it read; who keeps a
-- membership, and whether a group's members come from a directory.

-- +goose Up

create table gaps (
	connector_id text   not null references connectors (id) on delete cascade,
	resource_id  text   not null,
	pull_id      text   not null,
	since        bigint not null,
	until        bigint,
	fingerprint  bytea  not null,
	why          text   not null,
	primary key (connector_id, resource_id, pull_id)
);
create unique index gaps_current on gaps (connector_id, resource_id) where until is null;

create table staged_gaps (
	pull_id     text  not null references pulls (id) on delete cascade,
	resource_id text  not null,
	fingerprint bytea not null,
	why         text  not null,
	primary key (pull_id, resource_id)
);

alter table grants add column source text not null default '';
alter table staged_grants add column source text not null default '';
alter table resources add column synced_by text not null default '';
alter table staged_resources add column synced_by text not null default '';
