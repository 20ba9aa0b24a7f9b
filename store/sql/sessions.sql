-- name: add_refresh_token!
insert into refresh_token (token_hash, family, user_id, issued_at, expires_at)
values (:token_hash, :family, :user_id, :now, :expires_at);

-- name: refresh_token^
select t.family, t.used_at, t.revoked_at, t.expires_at, t.issued_at, u.public_id as user_public_id
from refresh_token t
join app_user u using (user_id)
where t.token_hash = :token_hash
for update of t;

-- name: use_refresh_token!
update refresh_token set used_at = coalesce(used_at, :now) where token_hash = :token_hash;

-- name: revoke_family!
update refresh_token set revoked_at = :now where family = :family and revoked_at is null;

-- name: forget_old!
delete from refresh_token where expires_at < :before;

-- name: count_attempt^
-- Counted before the guess is looked at: guesses made at once do not slip by together.
insert into failed_attempt as known (subject, failures, began_at)
values (:subject, 1, :now)
on conflict (subject) do update
set failures = case when known.began_at < :window_start::timestamptz then 1 else known.failures + 1 end,
    began_at = case when known.began_at < :window_start::timestamptz then excluded.began_at else known.began_at end,
    locked_until = case
        when known.locked_until > :now::timestamptz then known.locked_until
        when known.began_at >= :window_start::timestamptz and known.failures + 1 > :most::integer
            then :lock_until::timestamptz
    end
returning failures, locked_until;

-- name: forgive!
delete from failed_attempt where subject = :subject;

-- name: take_back!
update failed_attempt set failures = greatest(failures - 1, 0) where subject = :subject;

-- name: forget_attempts!
delete from failed_attempt where began_at < :before and coalesce(locked_until, began_at) < :before;
