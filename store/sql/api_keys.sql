-- name: add!
insert into api_key (public_id, shipper_id, label, key_hash, scopes, created_at, expires_at)
values (:public_id, :shipper_id, :label, :key_hash, :scopes, :now, :expires_at);

-- name: by_hash^
select k.public_id, k.shipper_id, k.scopes, s.depot_id
from api_key k
join shipper s using (shipper_id)
where k.key_hash = :key_hash and k.revoked_at is null and k.expires_at > :now and s.disabled_at is null;

-- name: list_all
select k.public_id, s.public_id as shipper_public_id, k.label, k.scopes, k.created_at, k.expires_at, k.revoked_at
from api_key k
join shipper s using (shipper_id)
where :depots::bigint[] is null or s.depot_id = any(:depots)
order by k.public_id
limit 500;

-- name: lock^
select k.api_key_id, k.shipper_id, k.label, k.scopes, k.expires_at, k.revoked_at
from api_key k
join shipper s using (shipper_id)
where k.public_id = :public_id and (:depots::bigint[] is null or s.depot_id = any(:depots))
for update of k;

-- name: expire!
update api_key set expires_at = least(expires_at, :at::timestamptz) where api_key_id = :api_key_id;

-- name: revoke!
update api_key set revoked_at = coalesce(revoked_at, :now) where api_key_id = :api_key_id;
