-- name: depot_of_own_order$
-- Nothing unless the order is one of the asker's own.
select o.depot_id
from orders o
where o.public_id = :order_id
  and num_nonnulls(:shipper_id::bigint, :driver_id::bigint, :phone_index::bytea) = 1
  and (:shipper_id::bigint is null or o.shipper_id = :shipper_id)
  and (:driver_id::bigint is null or exists (
      select from leg l join trip t using (trip_id)
      where l.order_id = o.order_id and l.unbound_at is null and t.cancelled_at is null
        and t.driver_id = :driver_id))
  and (:phone_index::bytea is null or exists (
      select from contact c
      where c.contact_id = o.contact_id and c.phone_index = :phone_index and c.erased_at is null));
