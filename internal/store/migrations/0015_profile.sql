-- What people do, and where: as GitLab has it, and as providers may keep it up
-- to date (sync_profile_attributes).

-- +goose Up

alter table users add column job_title text not null default '';
alter table users add column organization text not null default '';
alter table users add column location text not null default '';
