-- The dashboard shows what is wrong with a connection by its last decisions.

-- +goose Up

create index decisions_connection on decisions (connection_id, id);
