-- Whose a client is: a person's own, or of an app whose owners look after it.

-- +goose Up

alter table clients add column owner_id text references users (id) on delete cascade;
alter table clients add column connector_key text not null default '';
create index clients_owner on clients (owner_id) where owner_id is not null;
