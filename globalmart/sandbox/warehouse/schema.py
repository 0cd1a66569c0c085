"""The warehouse's book: what came in, what changed when, what left, what is on the shelf."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (book_id TEXT NOT NULL);
INSERT INTO identity SELECT lower(hex(randomblob(4)))
    WHERE NOT EXISTS (SELECT 1 FROM identity);

CREATE TABLE IF NOT EXISTS orders (
    position INTEGER PRIMARY KEY, reference TEXT NOT NULL UNIQUE, wms_number TEXT NOT NULL UNIQUE,
    order_number TEXT NOT NULL, sequence INTEGER NOT NULL, service TEXT NOT NULL,
    ship_to TEXT NOT NULL, lines TEXT NOT NULL, accepted_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS submissions (
    id INTEGER PRIMARY KEY, reference TEXT NOT NULL, result TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS submissions_of ON submissions (reference);

CREATE TABLE IF NOT EXISTS changes (
    position INTEGER PRIMARY KEY, reference TEXT NOT NULL, status TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS changes_of ON changes (reference, position);
CREATE INDEX IF NOT EXISTS changes_at ON changes (at);

CREATE TABLE IF NOT EXISTS shipments (
    shipment_id TEXT PRIMARY KEY, reference TEXT NOT NULL, carrier TEXT NOT NULL,
    tracking_number TEXT NOT NULL, tracking_url TEXT NOT NULL, shipped_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shipments_of ON shipments (reference);
CREATE TABLE IF NOT EXISTS shipment_items (
    id INTEGER PRIMARY KEY, shipment_id TEXT NOT NULL, sku TEXT NOT NULL, quantity INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS shipment_items_of ON shipment_items (shipment_id);

CREATE TABLE IF NOT EXISTS clock (
    id INTEGER PRIMARY KEY, ship_after REAL NOT NULL, flag REAL NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS stock (
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL, on_hand INTEGER NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS stock_of ON stock (sku, id);
CREATE TABLE IF NOT EXISTS unknown_skus (
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL, is_unknown INTEGER NOT NULL
);

CREATE VIEW IF NOT EXISTS book_warehouse_orders AS
    SELECT reference, wms_number,
        (SELECT status FROM changes WHERE changes.reference = orders.reference
         ORDER BY position DESC LIMIT 1) AS status,
        (SELECT count(*) FROM submissions WHERE submissions.reference = orders.reference)
            AS submissions
    FROM orders;
CREATE VIEW IF NOT EXISTS book_warehouse_shipments AS
    SELECT shipment_id, reference, sku, quantity FROM shipments JOIN shipment_items
    USING (shipment_id);
"""
