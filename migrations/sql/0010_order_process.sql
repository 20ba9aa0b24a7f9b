-- The company's process around an order: rules as data, intake, states, clocks, escalations, priorities.

-- Files of rules as loaded; the newest is in force. body is {"toml": text}.
create table rule_set (
    rule_set_id  bigint generated always as identity primary key,
    body         jsonb not null,
    loaded_by    text not null,
    loaded_at    timestamptz not null
);

-- missing: fields its channel requires and it lacks. promise_given: false where we promised by rule.
-- state, closed_at: derived with the milestones.
alter table orders
    add column ordered_at            timestamptz,
    add column promise_given         boolean not null default true,
    add column tagged_urgent         boolean not null default false,
    add column custom                boolean not null default false,
    add column production_at         timestamptz,
    add column customer_level        text,
    add column return_without_fault  boolean not null default false,
    add column surge                 boolean not null default false,
    add column amount_class          text,
    add column profit_class          text,
    add column hold_reason           text check (hold_reason in ('credit', 'amount', 'stock', 'date')),
    add column missing               text[] not null default '{}',
    add column state                 text not null default 'open',
    add column closed_at             timestamptz;
create index orders_channel_received on orders (depot_id, channel, received_at);

create table order_item (
    order_id       bigint not null references orders,
    line           integer not null check (line > 0),
    sku            text,
    name           text,
    specification  text,
    quantity       double precision check (quantity > 0),
    primary key (order_id, line)
);

create table priority_change (
    priority_change_id  bigint generated always as identity primary key,
    order_id            bigint not null references orders,
    at                  timestamptz not null,
    before              text,
    after               text not null,
    reason              text not null,
    by                  text not null
);
create index priority_change_order on priority_change (order_id);

alter table milestone add column in_trouble boolean not null default false;

alter table evidence drop constraint evidence_source_check;
alter table evidence add check (source in ('scan', 'crossing', 'api', 'manual', 'watch'));

-- Derived with the milestones. warn_at and deadline_at are null while the clock stands still. The reason is what
-- people give for having passed the limit.
create table order_clock (
    order_id       bigint not null references orders,
    clock          text not null,
    ends_with      text not null,
    owner_role     text not null,
    superior_role  text not null,
    started_at     timestamptz not null,
    warn_at        timestamptz,
    deadline_at    timestamptz,
    stopped_at     timestamptz,
    paused_s       double precision not null,
    paused_since   timestamptz,
    reason         text,
    reason_by      text,
    reason_at      timestamptz,
    primary key (order_id, clock)
);
create index order_clock_warn on order_clock (warn_at) where stopped_at is null;

-- told: whether anybody was; not when it was found too late to be news.
create table escalation (
    escalation_id  bigint generated always as identity primary key,
    order_id       bigint not null references orders,
    clock          text not null,
    started_at     timestamptz not null,
    level          text not null check (level in ('owner', 'superior')),
    roles          text[] not null,
    due_at         timestamptz not null,
    found_at       timestamptz not null,
    told           boolean not null,
    unique (order_id, clock, started_at, level)
);

-- Where notices go: a partner's webhook, or the adapter of a carrier of short messages. role: whose escalations
-- it gets. events: empty means all.
create table endpoint (
    endpoint_id      bigint generated always as identity primary key,
    public_id        uuid not null unique,
    depot_id         bigint not null references depot,
    kind             text not null check (kind in ('webhook', 'sms', 'wechat')),
    role             text,
    url              text not null,
    secret_cipher    bytea not null,
    events           text[] not null default '{}',
    created_at       timestamptz not null,
    failing_since    timestamptz,
    disabled_at      timestamptz,
    disabled_reason  text
);

drop table outbox;
-- The outbox: written in the transaction that found the reason, sent after it. suppressed: why it never is.
create table notice (
    notice_id     bigint generated always as identity primary key,
    public_id     uuid not null unique,
    order_id      bigint not null references orders,
    event         text not null,
    event_key     text not null,
    event_at      timestamptz not null,
    detail        jsonb not null default '{}',
    recipient     text not null,
    channel       text not null check (channel in ('webhook', 'sms', 'wechat', 'email')),
    endpoint_id   bigint references endpoint,
    created_at    timestamptz not null,
    due_at        timestamptz not null,
    leased_until  timestamptz,
    attempts      integer not null default 0,
    body_cipher   bytea,
    sent_at       timestamptz,
    dead_at       timestamptz,
    suppressed    text,
    last_error    text,
    unique nulls not distinct (order_id, event, event_key, recipient, channel, endpoint_id)
);
create index notice_due on notice (due_at) where sent_at is null and dead_at is null and suppressed is null;

create table delivery (
    delivery_id  bigint generated always as identity primary key,
    notice_id    bigint not null references notice,
    at           timestamptz not null,
    status       integer,
    error        text
);
create index delivery_notice on delivery (notice_id);

alter table contact add column email_cipher bytea;
alter table contact add column language text not null default 'zh-CN' check (language in ('zh-CN', 'en'));
