-- What a person proved besides when their session began.

-- +goose Up

alter table sessions add column second text not null default '';
