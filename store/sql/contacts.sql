-- name: add$
insert into contact (public_id, depot_id, key_id, name_cipher, phone_cipher, address_cipher, point_cipher, phone_index,
                     phone_tail_index, email_cipher, language)
values (:public_id, :depot_id, :key_id, :name_cipher, :phone_cipher, :address_cipher, :point_cipher, :phone_index,
        :phone_tail_index, :email_cipher, :language)
returning contact_id;

-- name: get^
select public_id, name_cipher, phone_cipher, address_cipher, point_cipher, email_cipher, language
from contact
where contact_id = :contact_id and erased_at is null
  and (:depots::bigint[] is null or depot_id = any(:depots));
