-- name: add$
insert into audit (at, actor, action, subject, detail) values (:now, :actor, :action, :subject, :detail)
returning audit_id;

-- name: add_reason!
insert into audit_reason (audit_id, reason_cipher) values (:audit_id, :reason_cipher);

-- name: of_subject
select a.at, a.actor, a.action, a.detail, r.reason_cipher
from audit a
left join audit_reason r using (audit_id)
where a.subject = :subject
order by a.audit_id;

-- name: broken
-- Entries that are not what was written, or do not follow the one before; the first ones first.
select audit_id, chain_no
from (
    select *,
           lag(hash, 1, sha256('zaitu audit')) over (order by chain_no) as before,
           row_number() over (order by chain_no) as place
    from audit
) as linked
where hash is null or prev_hash is distinct from before or chain_no <> place
   or hash <> audit_digest(before, chain_no, at, actor, action, subject, detail)
order by chain_no nulls last
limit :limit_rows;

-- name: head^
select h.chain_no, h.hash, newest.chain_no is not distinct from nullif(h.chain_no, 0)
       and coalesce(newest.hash, sha256('zaitu audit')) = h.hash as matches
from audit_head h
left join (select chain_no, hash from audit order by chain_no desc nulls last limit 1) as newest on true;

-- name: has_hash$
select exists (select from audit where hash = :hash);
