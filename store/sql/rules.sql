-- name: newest^
select rule_set_id, body from rule_set order by rule_set_id desc limit 1;

-- name: newest_digest$
-- What tells one file from another without reading it: ids begin anew in another database.
select md5(body ->> 'toml') from rule_set order by rule_set_id desc limit 1;

-- name: add$
insert into rule_set (body, loaded_by, loaded_at) values (:body, :loaded_by, :loaded_at) returning rule_set_id;
