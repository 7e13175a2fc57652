-- What a directory tells of people besides what any app does.

-- +goose Up

alter table accounts add column title text not null default '';
alter table accounts add column job_number text not null default '';
alter table accounts add column phone text not null default '';
alter table accounts add column manager_id text not null default '';
alter table accounts add column hired_at bigint not null default 0;

alter table staged_accounts add column title text not null default '';
alter table staged_accounts add column job_number text not null default '';
alter table staged_accounts add column phone text not null default '';
alter table staged_accounts add column manager_id text not null default '';
alter table staged_accounts add column hired_at bigint not null default 0;
