-- Clients that know people by the ids of a GitLab (user_id_from): who is known
-- to one by a number.

-- +goose Up

create index client_numbers_number on client_numbers (client_id, number);
