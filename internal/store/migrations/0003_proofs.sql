-- What a provider vouched for in one browser, and nothing here could be done
-- with yet: the person connects it to an account, asks for one, or waits.

-- +goose Up

create table proofs (
	id             text   primary key,
	browser_hash   bytea  not null unique,
	connection_id  text   not null,
	user_id        text   not null,
	decision       text   not null,
	secrets_sealed bytea,
	return_to      text   not null,
	created_at     bigint not null,
	expires_at     bigint not null
);
create index proofs_end on proofs (expires_at);
create index proofs_user on proofs (user_id) where user_id <> '';
