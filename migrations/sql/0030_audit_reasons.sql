-- Why somebody changed an order, in words that may name people: beside the chain, so that it can be sealed anew and erased.
create table audit_reason (
    audit_id       bigint primary key references audit,
    reason_cipher  bytea not null
);
