-- What a sign-in under way is for. link_user_id becomes user_id with a purpose.

-- +goose Up

delete from attempts;
alter table attempts drop column link_user_id;
alter table attempts add column purpose text not null default '';
alter table attempts add column user_id text not null default '';
alter table attempts add column fresh boolean not null default false;
