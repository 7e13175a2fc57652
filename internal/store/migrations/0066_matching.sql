-- What a person or a rule says of a match, and the rules by which the accounts
-- of a connector are matched.

-- +goose Up

alter table account_matches add column note text not null default '';

create table match_rules (
	connector_id text    not null references connectors (id) on delete cascade,
	position     integer not null,
	field        text    not null,
	expression   text    not null,
	primary key (connector_id, position)
);
