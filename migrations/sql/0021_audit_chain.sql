-- The audit is append-only, and each entry's hash covers the one before: changing or removing one shows.
alter table audit
    add column chain_no   bigint unique,
    add column prev_hash  bytea,
    add column hash       bytea;

-- Where the chain ends: an entry removed there would leave no gap.
create table audit_head (
    only_row  boolean primary key default true check (only_row),
    chain_no  bigint not null,
    hash      bytea not null
);
insert into audit_head (chain_no, hash) values (0, sha256('zaitu audit'));

create function audit_digest(
    prev bytea, chain_no bigint, at timestamptz, actor text, action text, subject text, detail jsonb
) returns bytea stable language sql as $$
    select sha256(prev || convert_to(
        jsonb_build_array(chain_no, extract(epoch from at), actor, action, subject, detail)::text, 'UTF8'))
$$;

-- At commit, when a transaction waits for no other lock any more: two can never wait for each other here.
create function audit_link() returns trigger language plpgsql as $$
declare
    head audit_head;
    entry audit;
begin
    select * into strict head from audit_head for update;
    select * into strict entry from audit where audit_id = new.audit_id;
    if entry.hash is null then
        update audit
        set chain_no = head.chain_no + 1, prev_hash = head.hash,
            hash = audit_digest(head.hash, head.chain_no + 1, at, actor, action, subject, detail)
        where audit_id = new.audit_id
        returning * into entry;
        update audit_head set chain_no = entry.chain_no, hash = entry.hash;
    end if;
    return null;
end $$;

create function audit_refuse() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.hash is null
       and (old.audit_id, old.at, old.actor, old.action, old.subject, old.detail)
         = (new.audit_id, new.at, new.actor, new.action, new.subject, new.detail) then
        return new;
    end if;
    raise exception 'the audit is append-only';
end $$;

do $$
declare
    entry audit;
    head audit_head;
begin
    for entry in select * from audit order by audit_id loop
        select * into strict head from audit_head;
        update audit
        set chain_no = head.chain_no + 1, prev_hash = head.hash,
            hash = audit_digest(head.hash, head.chain_no + 1, at, actor, action, subject, detail)
        where audit_id = entry.audit_id
        returning * into entry;
        update audit_head set chain_no = entry.chain_no, hash = entry.hash;
    end loop;
end $$;

create constraint trigger audit_linked after insert on audit deferrable initially deferred
    for each row execute function audit_link();
create trigger audit_kept before update or delete on audit for each row execute function audit_refuse();
create trigger audit_not_emptied before truncate on audit for each statement execute function audit_refuse();
