-- Requests for approval, and users that were merged.

-- +goose Up

create table approvals (
	id            text   primary key,
	user_id       text   not null references users (id) on delete cascade,
	connection_id text   not null,
	message       text   not null,
	requested_at  bigint not null,
	expires_at    bigint not null,
	decided_at    bigint not null,
	decided_by    text   not null,
	verdict       text   not null,
	reason        text   not null
);
create unique index approvals_open on approvals (user_id) where verdict = '';
create index approvals_user on approvals (user_id, id);
create index approvals_verdict on approvals (verdict, id);
create index approvals_end on approvals (expires_at) where verdict = '' and expires_at > 0;

-- Who waited before there were requests has one without an end.
insert into approvals (id, user_id, connection_id, message, requested_at, expires_at, decided_at, decided_by, verdict, reason)
	select u.id, u.id, coalesce((select d.connection_id from decisions d where d.id = u.provenance), ''), '', u.created_at, 0, 0, '', '', ''
	from users u where u.state = 'pending';

alter table users add column merged_into text not null default '';
create index users_merged on users (merged_into) where merged_into <> '';

create table merges (
	id       text   primary key,
	kept_id  text   not null references users (id) on delete cascade,
	gone_id  text   not null references users (id) on delete cascade,
	moved    text   not null,
	at       bigint not null,
	by_name  text   not null,
	split_at bigint not null,
	split_by text   not null
);
create unique index merges_open on merges (gone_id) where split_at = 0;
create index merges_kept on merges (kept_id, id);

-- The number by which a client knows somebody who was merged.
create table client_numbers (
	client_id text   not null,
	user_id   text   not null references users (id) on delete cascade,
	number    bigint not null,
	merge_id  text   not null references merges (id) on delete cascade,
	primary key (client_id, user_id)
);
create index client_numbers_user on client_numbers (user_id);
create index client_numbers_merge on client_numbers (merge_id);
