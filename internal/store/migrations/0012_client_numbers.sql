-- The number by which a client knows a user: written when it first gets a
-- token for them, and given on to the kept one when users are merged.

-- +goose Up

drop table client_numbers;
create table client_numbers (
	client_id text   not null,
	user_id   text   not null references users (id) on delete cascade,
	number    bigint not null,
	merge_id  text   not null,
	primary key (client_id, user_id)
);
create index client_numbers_user on client_numbers (user_id);
create index client_numbers_merge on client_numbers (merge_id) where merge_id <> '';

insert into client_numbers (client_id, user_id, number, merge_id)
	select c.client_id, u.id, u.number, '' from (
		select client_id, user_id from consents
		union select client_id, user_id from tokens where user_id is not null
	) c join users u on u.id = c.user_id;
