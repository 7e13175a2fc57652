-- Connectors of the dashboard: further secrets, the zone of a schedule by cron,
-- the app that one was added to, since when it is paused, what its last probe
-- found, and what its owners were told. How long each step of a pull took.

-- +goose Up

alter table connectors add column secrets_sealed bytea;
alter table connectors add column time_zone text not null default '';
alter table connectors add column app text not null default '';
alter table connectors add column paused_at bigint not null default 0;
alter table connectors add column seen text not null default '{}';
alter table connectors add column alarm text not null default '{}';
alter table pulls add column steps text not null default '[]';
