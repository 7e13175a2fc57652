-- More addresses of people, the links by which they verify them, and what is
-- mailed. The primary address stays in users and is not among emails.

-- +goose Up

create table emails (
	user_id    text    not null references users (id) on delete cascade,
	address    text    not null,
	verified   boolean not null,
	created_at bigint  not null,
	primary key (user_id, address)
);
create unique index emails_verified on emails (address) where verified;
create index emails_address on emails (address);

create table email_proofs (
	token_hash bytea  primary key,
	user_id    text   not null references users (id) on delete cascade,
	address    text   not null,
	created_at bigint not null,
	expires_at bigint not null
);
create index email_proofs_user on email_proofs (user_id, address);
create index email_proofs_end on email_proofs (expires_at);

create table mails (
	id             text   primary key,
	address        text   not null,
	message_sealed bytea,
	state          text   not null,
	created_at     bigint not null,
	ended_at       bigint not null,
	expires_at     bigint not null
);
create index mails_address on mails (address, ended_at);
create index mails_end on mails (expires_at);
create index mails_state on mails (state, id);
