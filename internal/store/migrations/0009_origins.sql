-- Which session of a provider a session came out of, and which logout tokens of
-- providers were used.

-- +goose Up

create table session_origins (
	session_id      text  primary key references sessions (id) on delete cascade,
	connection_id   text  not null,
	subject         text  not null,
	sid             text  not null,
	id_token_sealed bytea
);
create index session_origins_subject on session_origins (connection_id, subject);
create index session_origins_sid on session_origins (connection_id, sid) where sid <> '';

create table logout_tokens (
	hash       bytea  primary key,
	expires_at bigint not null
);
create index logout_tokens_end on logout_tokens (expires_at);
