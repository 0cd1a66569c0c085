-- I20 Documents say their sums
-- Net, tax and gross of a document are those of its content, and its lines and tax rates sum to them;
-- number, kind, currency and order are the content's own.
SELECT written.id AS document_id, written.number, written.gross_minor,
       (written.content ->> 'gross_minor')::bigint AS content_gross_minor,
       listed.gross_minor AS lines_gross_minor
  FROM orders_document written
  JOIN orders_order placed ON placed.id = written.order_id
  JOIN orders_documentseries series ON series.id = written.series_id
 CROSS JOIN LATERAL (
       SELECT sum(net_minor) AS net_minor, sum(tax_minor) AS tax_minor,
              sum(gross_minor) AS gross_minor
         FROM jsonb_to_recordset(written.content -> 'lines')
              AS line (net_minor bigint, tax_minor bigint, gross_minor bigint)) listed
 CROSS JOIN LATERAL (
       SELECT sum(net_minor) AS net_minor, sum(tax_minor) AS tax_minor
         FROM jsonb_to_recordset(written.content -> 'taxes')
              AS rate (net_minor bigint, tax_minor bigint)) taxed
 WHERE (written.net_minor, written.tax_minor, written.gross_minor)
       IS DISTINCT FROM (listed.net_minor, listed.tax_minor, listed.gross_minor)
    OR (written.net_minor, written.tax_minor) IS DISTINCT FROM (taxed.net_minor, taxed.tax_minor)
    OR written.gross_minor IS DISTINCT FROM (written.content ->> 'gross_minor')::bigint
    OR written.content ->> 'number' <> written.number
    OR written.content ->> 'kind' <> written.kind
    OR written.content ->> 'currency' <> written.currency
    OR written.content -> 'order' ->> 'number' <> placed.number
    OR (written.currency, written.kind) IS DISTINCT FROM (placed.currency, series.kind)
