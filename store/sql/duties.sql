-- name: people
-- Whoever works in a depot, with the duties of their own, null where the role's count.
select ud.depot_id, u.login, u.role, u.duties
from app_user u
join user_depot ud using (user_id)
where u.disabled_at is null and u.role in ('warehouse', 'customer_service', 'dispatcher', 'manager')
  and (:depots::bigint[] is null or ud.depot_id = any(:depots))
order by u.login;

-- name: own
select duties from app_user where user_id = :user_id;

-- name: set_duties!
update app_user set duties = :duties where user_id = :user_id;
