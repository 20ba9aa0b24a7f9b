-- name: newest^
select rule_set_id, body from rule_set order by rule_set_id desc limit 1;

-- name: newest_id$
select max(rule_set_id) from rule_set;

-- name: add$
insert into rule_set (body, loaded_by, loaded_at) values (:body, :loaded_by, :loaded_at) returning rule_set_id;
