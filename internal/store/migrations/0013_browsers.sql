-- Browsers in which people have signed in before, so that they can be told of a
-- sign-in with a new one. noticed: that was looked at for the session. Sessions
-- that are there already are no news.

-- +goose Up

create table browsers (
	user_id  text   not null references users (id) on delete cascade,
	hash     bytea  not null,
	first_at bigint not null,
	last_at  bigint not null,
	primary key (user_id, hash)
);

alter table sessions add column noticed boolean not null default true;
