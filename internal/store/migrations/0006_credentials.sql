-- What people prove themselves by to Gatehouse itself: passwords, authenticator
-- apps, recovery codes and passkeys; ceremonies under way with them; and the
-- guesses that were made.

-- +goose Up

create table passwords (
	user_id    text    primary key references users (id) on delete cascade,
	hash       text    not null, -- argon2id, as a PHC string
	by_hand    boolean not null, -- an operator gave it with the account, which may use it without a role
	changed_at bigint  not null
);

-- One of a user that counts, and one that is being set up.
create table authenticators (
	user_id       text    not null references users (id) on delete cascade,
	confirmed     boolean not null,
	secret_sealed bytea   not null,
	step          bigint  not null, -- the last one whose code was used (RFC 6238 section 5.2)
	created_at    bigint  not null,
	primary key (user_id, confirmed)
);

create table recovery_codes (
	user_id   text   not null references users (id) on delete cascade,
	code_hash bytea  not null,
	used_at   bigint not null, -- 0: not yet
	primary key (user_id, code_hash)
);

create table passkeys (
	id            text   primary key,
	user_id       text   not null references users (id) on delete cascade,
	credential_id bytea  not null unique,
	name          text   not null,
	record        text   not null, -- public key, counter and flags, as JSON
	created_at    bigint not null,
	last_used_at  bigint not null
);
create index passkeys_user on passkeys (user_id);

-- What was begun in a browser and waits for its second part.
create table ceremonies (
	token_hash   bytea  primary key,
	purpose      text   not null,
	user_id      text   not null,
	browser_hash bytea  not null,
	data_sealed  bytea,
	created_at   bigint not null,
	expires_at   bigint not null
);
create index ceremonies_expires on ceremonies (expires_at);

create table guesses (
	subject    text   primary key,
	count      bigint not null,
	blocked_at bigint not null, -- 0: not blocked
	until      bigint not null, -- of the block
	last_at    bigint not null,
	expires_at bigint not null
);
create index guesses_expires on guesses (expires_at);
