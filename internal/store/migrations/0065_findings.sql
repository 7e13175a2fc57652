-- What a person should look at in a connected app, since when, until when, and
-- what somebody answered to it.

-- +goose Up

create table findings (
	id           text   primary key,
	connector_id text   not null references connectors (id) on delete cascade,
	kind         text   not null,
	account_id   text   not null,
	resource_id  text   not null,
	subject      text   not null,
	why          text   not null,
	first_seen   bigint not null,
	ended_at     bigint not null,
	answer_by    text   not null,
	answer       text   not null,
	answer_at    bigint not null,
	answer_until bigint not null,
	search       text   not null
);
create unique index findings_current on findings (connector_id, kind, account_id, resource_id) where ended_at = 0;
create index findings_list on findings (connector_id, id);
