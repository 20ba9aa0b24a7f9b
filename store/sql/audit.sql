-- name: add!
insert into audit (at, actor, action, subject, detail) values (:now, :actor, :action, :subject, :detail);

-- name: of_subject
select at, actor, action, detail from audit where subject = :subject order by audit_id;
