-- One text for SQLite and PostgreSQL. Times are Unix milliseconds, 0 for none.
-- Lists and maps are JSON. What ends in _sealed is encrypted, what ends in
-- _hash is a SHA-256. On PostgreSQL all texts are ordered by bytes.

-- +goose Up

create table counters (
	name  text   primary key,
	value bigint not null
);
insert into counters (name, value) values ('user_number', 1000000000);

create table settings (
	key   text primary key,
	value text not null
);

-- People

create table users (
	id              text    primary key,
	number          bigint  not null unique,
	username        text    not null,
	name            text    not null,
	email           text    not null,
	email_verified  boolean not null,
	avatar          text    not null,
	locale          text    not null,
	state           text    not null,
	role            text    not null,
	external        boolean not null,
	provenance      text    not null,
	search          text    not null,
	created_at      bigint  not null,
	updated_at      bigint  not null,
	last_sign_in_at bigint  not null
);
create unique index users_username on users (lower(username));
create unique index users_verified_email on users (lower(email)) where email_verified and email <> '';
create index users_email on users (lower(email));
create index users_state on users (state);
create index users_role on users (role) where role <> '';

create table connections (
	id                text    primary key,
	name              text    not null unique,
	kind              text    not null,
	label             text    not null,
	icon              text    not null,
	enabled           boolean not null,
	app_id            text    not null,
	app_secret_sealed bytea,
	args              text    not null,
	rules             text    not null,
	managed           text    not null,
	created_at        bigint  not null,
	updated_at        bigint  not null
);

create table identities (
	id            text   primary key,
	user_id       text   not null references users (id) on delete cascade,
	connection_id text   not null references connections (id),
	subject       text   not null check (subject <> ''),
	aliases       text   not null,
	profile       text   not null,
	created_at    bigint not null,
	last_used_at  bigint not null,
	unique (connection_id, subject)
);
create index identities_user on identities (user_id);

create table identity_aliases (
	connection_id text not null,
	kind          text not null,
	value         text not null,
	identity_id   text not null references identities (id) on delete cascade,
	primary key (connection_id, kind, value)
);
create index identity_aliases_identity on identity_aliases (identity_id);

-- Signing in

create table sessions (
	id            text   primary key,
	token_hash    bytea  not null unique,
	user_id       text   not null references users (id) on delete cascade,
	connection_id text   not null,
	method        text   not null,
	user_agent    text   not null,
	address       text   not null,
	auth_at       bigint not null,
	created_at    bigint not null,
	seen_at       bigint not null,
	expires_at    bigint not null
);
create index sessions_user on sessions (user_id);
create index sessions_end on sessions (expires_at);

create table attempts (
	id              text   primary key,
	state_hash      bytea  not null unique,
	connection_id   text   not null,
	secrets_sealed  bytea,
	browser_hash    bytea,
	redirect_uri    text   not null,
	return_to       text   not null,
	link_user_id    text   not null,
	login_hint      text   not null,
	locale          text   not null,
	created_at      bigint not null,
	expires_at      bigint not null
);
create index attempts_end on attempts (expires_at);

create table decisions (
	id            text   primary key,
	reference     text   not null,
	at            bigint not null,
	connection_id text   not null,
	subject       text   not null,
	user_id       text   not null,
	outcome       text   not null,
	rule          text   not null,
	reason        text   not null,
	args          text   not null,
	facts         text   not null,
	address       text   not null
);
create index decisions_reference on decisions (lower(reference));
create index decisions_user on decisions (user_id, id);

create table links (
	token_hash bytea  primary key,
	purpose    text   not null,
	user_id    text   not null,
	expires_at bigint not null
);
create index links_end on links (expires_at);

-- The provider

create table clients (
	id                        text    primary key,
	name                      text    not null,
	secret_hash               bytea,
	redirect_uris             text    not null,
	post_logout_redirect_uris text    not null,
	backchannel_logout_uri    text    not null,
	scopes                    text    not null,
	grant_types               text    not null,
	auth_method               text    not null,
	require_pkce              boolean not null,
	trusted                   boolean not null,
	enabled                   boolean not null,
	managed                   text    not null,
	created_at                bigint  not null,
	updated_at                bigint  not null
);

create table requests (
	handle_hash  bytea  primary key,
	client_id    text   not null,
	browser_hash bytea,
	params       text   not null,
	demand       text   not null,
	created_at   bigint not null,
	expires_at   bigint not null
);
create index requests_end on requests (expires_at);

create table codes (
	hash            bytea   primary key,
	family          text    not null,
	client_id       text    not null,
	user_id         text    references users (id) on delete cascade,
	session_id      text    not null,
	scopes          text    not null,
	nonce           text    not null,
	auth_at         bigint  not null,
	redirect_uri    text    not null,
	challenge       text    not null,
	has_no_redirect boolean not null,
	expires_at      bigint  not null,
	used_at         bigint
);
create index codes_user on codes (user_id);
create index codes_end on codes (expires_at);

create table tokens (
	hash       bytea  primary key,
	kind       text   not null,
	family     text   not null,
	client_id  text   not null,
	user_id    text   references users (id) on delete cascade,
	session_id text   not null,
	scopes     text   not null,
	nonce      text   not null,
	auth_at    bigint not null,
	created_at bigint not null,
	expires_at bigint not null,
	ends_at    bigint not null,
	used_at    bigint not null,
	successor  bytea,
	revoked_at bigint not null
);
create index tokens_family on tokens (family);
create index tokens_user on tokens (user_id, client_id);
create index tokens_end on tokens (expires_at);

create table consents (
	user_id   text   not null references users (id) on delete cascade,
	client_id text   not null,
	scopes    text   not null,
	at        bigint not null,
	primary key (user_id, client_id)
);

create table signing_keys (
	id             text   primary key,
	algorithm      text   not null,
	private_sealed bytea,
	created_at     bigint not null,
	active_at      bigint not null,
	retire_at      bigint not null
);

-- What was done

create table events (
	id            text   primary key,
	at            bigint not null,
	actor_kind    text   not null,
	actor_id      text   not null,
	actor_name    text   not null,
	actor_address text   not null,
	action        text   not null,
	target        text   not null,
	details       text   not null
);
create index events_target on events (target, id);
create index events_actor on events (actor_id, id);
create index events_action on events (action, id);

create table jobs (
	id            text    primary key,
	kind          text    not null,
	key           text    not null,
	args          text    not null,
	state         text    not null,
	attempt       bigint  not null,
	max_attempts  bigint  not null,
	run_at        bigint  not null,
	leased_by     text    not null,
	lease_ends_at bigint  not null,
	cancel        boolean not null,
	progress      text    not null,
	last_error    text    not null,
	created_at    bigint  not null,
	ended_at      bigint  not null
);
create unique index jobs_one_open on jobs (kind, key) where key <> '' and state in ('waiting', 'running');
create index jobs_open on jobs (run_at, id) where state in ('waiting', 'running');
create index jobs_ended on jobs (ended_at) where state in ('done', 'failed', 'canceled');
create index jobs_kind on jobs (kind, id);

-- What is kept in order. Rows of accounts, resources, grants and shares are
-- history: current while until is null. pull_id is the pull that learned it.

create table connectors (
	id                 text    primary key,
	key                text    not null unique,
	name               text    not null,
	kind               text    not null,
	url                text    not null,
	token_sealed       bytea,
	hook_secret_sealed bytea,
	settings           text    not null,
	owners             text    not null,
	schedule           text    not null,
	status             text    not null,
	status_text        text    not null,
	pulled_at          bigint  not null,
	enabled            boolean not null,
	managed            text    not null,
	created_at         bigint  not null,
	updated_at         bigint  not null
);

create table pulls (
	id           text   primary key,
	connector_id text   not null references connectors (id) on delete cascade,
	state        text   not null,
	checkpoint   text   not null,
	progress     text   not null,
	error        text   not null,
	notes        text   not null,
	written      bigint not null,
	started_at   bigint not null,
	ended_at     bigint not null
);
create index pulls_connector on pulls (connector_id, id);

create table accounts (
	connector_id    text    not null references connectors (id) on delete cascade,
	id              text    not null,
	pull_id         text    not null,
	since           bigint  not null,
	until           bigint,
	fingerprint     bytea   not null,
	username        text    not null,
	name            text    not null,
	email           text    not null,
	email_verified  boolean not null,
	type            text    not null,
	state           text    not null,
	admin           boolean not null,
	external        boolean not null,
	two_factor      boolean not null,
	web_url         text    not null,
	avatar          text    not null,
	identities      text    not null,
	created_at      bigint  not null,
	last_sign_in_at bigint  not null,
	last_active_at  bigint  not null,
	search          text    not null,
	primary key (connector_id, id, pull_id)
);
create unique index accounts_current on accounts (connector_id, id) where until is null;
create index accounts_by_email on accounts (connector_id, lower(email)) where until is null;
create index accounts_by_name on accounts (connector_id, search, id) where until is null;

create table account_matches (
	connector_id text   not null references connectors (id) on delete cascade,
	account_id   text   not null,
	user_id      text   not null references users (id) on delete cascade,
	why          text   not null,
	at           bigint not null,
	primary key (connector_id, account_id)
);
create index account_matches_user on account_matches (user_id);

create table resources (
	connector_id text   not null references connectors (id) on delete cascade,
	id           text   not null,
	pull_id      text   not null,
	since        bigint not null,
	until        bigint,
	fingerprint  bytea  not null,
	kind         text   not null,
	parent       text   not null,
	owner_id     text   not null,
	name         text   not null,
	path         text   not null,
	visibility   text   not null,
	state        text   not null,
	web_url      text   not null,
	search       text   not null,
	primary key (connector_id, id, pull_id)
);
create unique index resources_current on resources (connector_id, id) where until is null;
create index resources_by_path on resources (connector_id, search, id) where until is null;
create index resources_owner on resources (connector_id, owner_id) where until is null and owner_id <> '';
create index resources_parent on resources (connector_id, parent) where until is null;

create table grants (
	connector_id text   not null references connectors (id) on delete cascade,
	account_id   text   not null,
	resource_id  text   not null,
	pull_id      text   not null,
	since        bigint not null,
	until        bigint,
	fingerprint  bytea  not null,
	level        bigint not null,
	role_name    text   not null,
	role_custom  text   not null,
	expires_at   bigint not null,
	state        text   not null,
	granted_at   bigint not null,
	primary key (connector_id, account_id, resource_id, pull_id)
);
create unique index grants_current on grants (connector_id, account_id, resource_id) where until is null;
create index grants_resource on grants (connector_id, resource_id) where until is null;

create table shares (
	connector_id text   not null references connectors (id) on delete cascade,
	group_id     text   not null,
	resource_id  text   not null,
	pull_id      text   not null,
	since        bigint not null,
	until        bigint,
	fingerprint  bytea  not null,
	level        bigint not null,
	role_name    text   not null,
	role_custom  text   not null,
	expires_at   bigint not null,
	primary key (connector_id, group_id, resource_id, pull_id)
);
create unique index shares_current on shares (connector_id, group_id, resource_id) where until is null;
create index shares_resource on shares (connector_id, resource_id) where until is null;

-- The staging area of pulls under way: the same columns without a time.

create table staged_accounts (
	pull_id         text    not null references pulls (id) on delete cascade,
	id              text    not null,
	fingerprint     bytea   not null,
	username        text    not null,
	name            text    not null,
	email           text    not null,
	email_verified  boolean not null,
	type            text    not null,
	state           text    not null,
	admin           boolean not null,
	external        boolean not null,
	two_factor      boolean not null,
	web_url         text    not null,
	avatar          text    not null,
	identities      text    not null,
	created_at      bigint  not null,
	last_sign_in_at bigint  not null,
	last_active_at  bigint  not null,
	search          text    not null,
	primary key (pull_id, id)
);

create table staged_resources (
	pull_id     text  not null references pulls (id) on delete cascade,
	id          text  not null,
	fingerprint bytea not null,
	kind        text  not null,
	parent      text  not null,
	owner_id    text  not null,
	name        text  not null,
	path        text  not null,
	visibility  text  not null,
	state       text  not null,
	web_url     text  not null,
	search      text  not null,
	primary key (pull_id, id)
);

create table staged_grants (
	pull_id     text   not null references pulls (id) on delete cascade,
	account_id  text   not null,
	resource_id text   not null,
	fingerprint bytea  not null,
	level       bigint not null,
	role_name   text   not null,
	role_custom text   not null,
	expires_at  bigint not null,
	state       text   not null,
	granted_at  bigint not null,
	primary key (pull_id, account_id, resource_id)
);

create table staged_shares (
	pull_id     text   not null references pulls (id) on delete cascade,
	group_id    text   not null,
	resource_id text   not null,
	fingerprint bytea  not null,
	level       bigint not null,
	role_name   text   not null,
	role_custom text   not null,
	expires_at  bigint not null,
	primary key (pull_id, group_id, resource_id)
);
