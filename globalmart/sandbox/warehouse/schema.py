"""The warehouse's book: what came in, what changed when, what left, what is on the shelf."""

from globalmart.sandbox.book import Book

SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (book_id TEXT NOT NULL);
INSERT INTO identity SELECT lower(hex(randomblob(4)))
    WHERE NOT EXISTS (SELECT 1 FROM identity);

CREATE TABLE IF NOT EXISTS orders (
    position INTEGER PRIMARY KEY, reference TEXT NOT NULL UNIQUE, wms_number TEXT NOT NULL UNIQUE,
    order_number TEXT NOT NULL, sequence INTEGER NOT NULL, service TEXT NOT NULL,
    ship_to TEXT NOT NULL, lines TEXT NOT NULL, accepted_at REAL NOT NULL,
    location TEXT NOT NULL DEFAULT 'main', promised_on TEXT NOT NULL DEFAULT '',
    parcels INTEGER NOT NULL DEFAULT 1
);
-- Numbers that a bad warehouse gave to a reference that had one.
CREATE TABLE IF NOT EXISTS second_numbers (
    id INTEGER PRIMARY KEY, reference TEXT NOT NULL, wms_number TEXT NOT NULL UNIQUE,
    at REAL NOT NULL
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
-- A parcel's turn has come, whether there was anything to put into it or not.
CREATE TABLE IF NOT EXISTS departures (
    id INTEGER PRIMARY KEY, reference TEXT NOT NULL, parcel INTEGER NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS departures_of ON departures (reference);
CREATE TABLE IF NOT EXISTS shorts (
    id INTEGER PRIMARY KEY, reference TEXT NOT NULL, line_no INTEGER NOT NULL, sku TEXT NOT NULL,
    pieces INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS shorts_of ON shorts (reference);
CREATE TABLE IF NOT EXISTS carrier_events (
    id INTEGER PRIMARY KEY, shipment_id TEXT NOT NULL, state TEXT NOT NULL, at REAL NOT NULL,
    description TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS carrier_events_of ON carrier_events (shipment_id);

CREATE TABLE IF NOT EXISTS clock (
    id INTEGER PRIMARY KEY, ship_after REAL NOT NULL, flag REAL NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS habits (id INTEGER PRIMARY KEY, habits TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS counts (
    id INTEGER PRIMARY KEY, location TEXT NOT NULL, sku TEXT NOT NULL, on_hand INTEGER NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS counts_of ON counts (location, sku, id);
CREATE TABLE IF NOT EXISTS deltas (
    id INTEGER PRIMARY KEY, location TEXT NOT NULL, sku TEXT NOT NULL, change INTEGER NOT NULL,
    reason TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS deltas_of ON deltas (location, id);
CREATE TABLE IF NOT EXISTS snapshots (
    id INTEGER PRIMARY KEY, location TEXT NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS receipts (
    id INTEGER PRIMARY KEY, location TEXT NOT NULL, rma TEXT NOT NULL, reference TEXT NOT NULL,
    sku TEXT NOT NULL, quantity INTEGER NOT NULL, condition TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS receipts_of ON receipts (location, id);
CREATE TABLE IF NOT EXISTS unknown_skus (
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL, is_unknown INTEGER NOT NULL
);

-- For those who judge. Written anew at each start: a view holds nothing.
DROP VIEW IF EXISTS book_warehouse_orders;
CREATE VIEW book_warehouse_orders AS
    SELECT numbers.reference, numbers.wms_number,
        (SELECT status FROM changes WHERE changes.reference = numbers.reference
         ORDER BY position DESC LIMIT 1) AS status,
        (SELECT count(*) FROM submissions WHERE submissions.reference = numbers.reference)
            AS submissions
    FROM (SELECT reference, wms_number FROM orders
          UNION ALL SELECT reference, wms_number FROM second_numbers) numbers;
DROP VIEW IF EXISTS book_warehouse_shipments;
CREATE VIEW book_warehouse_shipments AS
    SELECT shipment_id, reference, sku, quantity FROM shipments JOIN shipment_items
    USING (shipment_id);
DROP VIEW IF EXISTS book_warehouse_effective;
CREATE VIEW book_warehouse_effective AS
    SELECT reference, sum(status <> 'cancelled') AS effective, count(*) AS numbers
    FROM book_warehouse_orders GROUP BY reference;
DROP VIEW IF EXISTS book_warehouse_cancelled;
CREATE VIEW book_warehouse_cancelled AS
    SELECT DISTINCT reference FROM changes WHERE status = 'cancelled';
DROP VIEW IF EXISTS book_warehouse_shorts;
CREATE VIEW book_warehouse_shorts AS
    SELECT reference, sku, sum(pieces) AS pieces FROM shorts GROUP BY reference, sku;
DROP VIEW IF EXISTS book_warehouse_shelf;
CREATE VIEW book_warehouse_shelf AS
    SELECT location, sku, on_hand
        - coalesce((SELECT sum(i.quantity) FROM shipment_items i JOIN shipments s
            USING (shipment_id) JOIN orders o ON o.reference = s.reference
            WHERE o.location = c.location AND i.sku = c.sku AND s.shipped_at > c.at), 0)
        + coalesce((SELECT sum(d.change) FROM deltas d
            WHERE d.location = c.location AND d.sku = c.sku AND d.at > c.at), 0) AS on_hand
    FROM counts c
    WHERE id = (SELECT max(id) FROM counts l WHERE l.location = c.location AND l.sku = c.sku);
"""
# What an older book's orders lack.
ADDED = {
    "location": "TEXT NOT NULL DEFAULT 'main'",
    "promised_on": "TEXT NOT NULL DEFAULT ''",
    "parcels": "INTEGER NOT NULL DEFAULT 1",
}


def upgrade(book: Book) -> None:
    """Bring a book that was begun by an older version up to this one."""
    with book.writing() as writer:
        known = {row["name"] for row in book.query("PRAGMA table_info(orders)")}
        for name, kind in ADDED.items():
            if name not in known:
                writer.execute(f"ALTER TABLE orders ADD COLUMN {name} {kind}")
