"""What a key may be allowed to do."""

ORDERS_READ = "orders:read"
ORDERS_WRITE = "orders:write"
PRODUCTS_READ = "products:read"
ALL = (ORDERS_READ, ORDERS_WRITE, PRODUCTS_READ)
