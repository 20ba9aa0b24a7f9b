-- Devices that spoke and are not registered, where ZAITU_ENROLL=open: they wait for somebody's word. What they sent
-- is in `rejected`, whole, and is tried again when they are approved. kinds: what they sent.
create table enrolment (
    name            text primary key check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
    kinds           text[] not null,
    first_heard_at  timestamptz not null,
    last_heard_at   timestamptz not null
);
