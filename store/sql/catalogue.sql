-- name: clear!
delete from product;

-- name: add!
insert into product (sku, name, specification)
select sku, name, specification
from jsonb_to_recordset(:products::jsonb) as given (sku text, name text, specification text);

-- name: is_loaded$
select exists (select from product);

-- name: known
select sku, name, specification from product where sku = any(:skus::text[]);

-- name: page
select sku, name, specification from product
where :after::text is null or sku > :after
order by sku
limit :limit_rows;
