-- name: create$
insert into app_user (public_id, login, role, password_hash, oidc_subject, name_cipher, phone_cipher, phone_index,
                      superior_id, shipper_id, driver_id, sessions_from, created_at)
values (:public_id, :login, :role, :password_hash, :oidc_subject, :name_cipher, :phone_cipher, :phone_index,
        :superior_id, :shipper_id, :driver_id, :now, :now)
returning user_id;

-- name: set_depots!
with gone as (delete from user_depot where user_id = :user_id and depot_id <> all(:depot_ids::bigint[]))
insert into user_depot (user_id, depot_id)
select :user_id, unnest(:depot_ids::bigint[])
on conflict do nothing;

-- name: add_driver$
insert into driver (public_id, depot_id, code) values (:public_id, :depot_id, :code) returning driver_id;

-- name: account
select u.user_id, u.public_id, u.login, u.role, u.password_hash, u.sessions_from, u.shipper_id, u.driver_id,
       u.phone_index, u.disabled_at is not null or coalesce(s.disabled_at is not null, false) as disabled,
       array(select d.depot_id from user_depot d where d.user_id = u.user_id order by 1) as depot_ids
from app_user u
left join shipper s on s.shipper_id = u.shipper_id
where (:login::text is null or u.login = :login)
  and (:oidc_subject::text is null or u.oidc_subject = :oidc_subject)
  and (:public_id::uuid is null or u.public_id = :public_id)
  and num_nonnulls(:login, :oidc_subject, :public_id) = 1;

-- name: list_page
select u.user_id, u.public_id, u.login, u.role, u.name_cipher, s.public_id as shipper_public_id,
       superior.login as superior_login, u.duties, u.created_at, u.disabled_at,
       array(select d.public_id from user_depot ud join depot d using (depot_id)
             where ud.user_id = u.user_id order by 1) as depot_public_ids
from app_user u
left join app_user superior on superior.user_id = u.superior_id
left join shipper s on s.shipper_id = u.shipper_id
where (:only::uuid is null or u.public_id = :only)
  and (:after::uuid is null or u.public_id > :after)
order by u.public_id
limit :limit_rows;

-- name: id_of$
select user_id from app_user where login = :login;

-- name: set_password!
update app_user set password_hash = :password_hash, sessions_from = :now where user_id = :user_id;

-- name: set_name!
update app_user set name_cipher = :name_cipher where user_id = :user_id;

-- name: set_phone!
update app_user set phone_cipher = :phone_cipher, phone_index = :phone_index where user_id = :user_id;

-- name: set_disabled!
update app_user
set disabled_at = case when :disabled::boolean then coalesce(disabled_at, :now::timestamptz) end,
    sessions_from = :now::timestamptz
where user_id = :user_id;

-- name: set_superior!
update app_user set superior_id = :superior_id where user_id = :user_id;

-- name: set_role!
update app_user set role = :role, sessions_from = :now where user_id = :user_id;

-- name: end_sessions!
update app_user set sessions_from = :now where user_id = :user_id;

-- name: revoke_refresh_tokens!
update refresh_token set revoked_at = :now where user_id = :user_id and revoked_at is null;

-- name: add_shipper$
insert into shipper (public_id, depot_id, code, created_at)
values (:public_id, :depot_id, :code, :now)
returning shipper_id;

-- name: shippers
select s.shipper_id, s.public_id, d.public_id as depot_public_id, s.depot_id, s.code, s.created_at, s.disabled_at
from shipper s
join depot d using (depot_id)
where (:depots::bigint[] is null or s.depot_id = any(:depots))
  and (:only::uuid is null or s.public_id = :only)
order by s.public_id
limit 500;

-- name: set_trip_driver$
update trip
set driver_id = (select driver_id from app_user where public_id = :driver and role = 'driver' and disabled_at is null)
where public_id = :trip and (:depots::bigint[] is null or depot_id = any(:depots))
returning trip_id;
