-- name: has_ledger$
select to_regclass('schema_migration') is not null;

-- name: newest_applied$
select coalesce(max(number), 0) from schema_migration;
