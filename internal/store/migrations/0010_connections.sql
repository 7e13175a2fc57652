-- Whether a connection has the credentials of the built-in stand-in.

-- +goose Up

alter table connections add column built_in boolean not null default false;
