-- Which clients got tokens in a session, by the id that they were told of it,
-- so that they hear of its end; and what is left to do in a browser after a
-- sign-out: frames of clients, and where the person wants to go.

-- +goose Up

create table session_clients (
	session_id text not null references sessions (id) on delete cascade,
	client_id  text not null,
	sid        text not null,
	primary key (session_id, client_id, sid)
);

create table farewells (
	hash       bytea  primary key,
	frames     text   not null,
	next       text   not null,
	expires_at bigint not null
);
create index farewells_end on farewells (expires_at);
