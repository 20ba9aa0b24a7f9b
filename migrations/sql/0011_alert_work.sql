-- What people do with alerts. snoozed_until: hidden from the list until then. cause: why it was resolved; whether it
-- was worth raising is what precision is measured from.
alter table alert
    add column assigned_to      text,
    add column snoozed_until    timestamptz,
    add column resolved_at      timestamptz,
    add column resolved_by      text,
    add column cause            text check (cause in ('handled', 'false_alarm', 'duplicate', 'accepted'));

create table alert_note (
    alert_note_id  bigint generated always as identity primary key,
    alert_id       bigint not null references alert,
    at             timestamptz not null,
    by             text not null,
    text           text not null
);
create index alert_note_alert on alert_note (alert_id);
