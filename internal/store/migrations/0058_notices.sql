-- News from connected apps: what was heard and not looked into yet, what was seen
-- before, and what was read afresh while a pull was under way.

-- +goose Up

create table notices (
	id           text   primary key,
	connector_id text   not null references connectors (id) on delete cascade,
	kind         text   not null,
	subject      text   not null,
	event        text   not null,
	source       text   not null,
	times        bigint not null,
	tries        bigint not null,
	first_at     bigint not null,
	last_at      bigint not null,
	not_before   bigint not null
);
create unique index notices_subject on notices (connector_id, kind, subject);
create index notices_due on notices (connector_id, not_before);

create table notices_seen (
	hash       bytea  primary key,
	expires_at bigint not null
);
create index notices_seen_end on notices_seen (expires_at);

create table reread (
	connector_id text   not null references connectors (id) on delete cascade,
	kind         text   not null,
	subject      text   not null,
	began_at     bigint not null,
	primary key (connector_id, kind, subject)
);
create index reread_time on reread (began_at);

create table news (
	connector_id text   primary key references connectors (id) on delete cascade,
	last_at      bigint not null,
	last_event   text   not null,
	last_source  text   not null,
	received     bigint not null,
	refused      bigint not null,
	refused_at   bigint not null,
	refused_why  text   not null,
	mark         text   not null,
	glanced_at   bigint not null,
	glance_error text   not null,
	feed         text   not null,
	feed_at      bigint not null,
	feed_error   text   not null,
	feed_holder  text   not null,
	feed_until   bigint not null
);
