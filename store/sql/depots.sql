-- name: create!
insert into depot (public_id, code, name, time_zone) values (:public_id, :code, :name, :time_zone);

-- name: list_all
select depot_id, public_id, code, name, time_zone, created_at
from depot
where :depots::bigint[] is null or depot_id = any(:depots)
order by public_id;

-- name: by_public_id^
select depot_id, public_id, code, name, time_zone, created_at
from depot
where public_id = :public_id and (:depots::bigint[] is null or depot_id = any(:depots));
