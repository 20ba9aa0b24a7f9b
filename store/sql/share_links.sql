-- name: add!
insert into share_link (order_id, token_hash, expires_at) values (:order_id, :token_hash, :expires_at);

-- name: revoke_all!
update share_link set revoked_at = :now where order_id = :order_id and revoked_at is null;
