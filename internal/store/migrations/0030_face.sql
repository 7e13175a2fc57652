-- What a person reaches is asked at every sign-in to an app that is told groups:
-- the groups below a group are found without looking at its projects.

-- +goose Up

create index resources_groups on resources (connector_id, parent) where until is null and kind = 'group';
