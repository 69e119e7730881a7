-- Up to where the journal beside this file has been imported: a segment's number and
-- an offset into its file. It changes in the transaction that imports, so that every
-- entry is imported exactly once.
CREATE TABLE imported (
	only    INTEGER PRIMARY KEY CHECK (only = 1),
	segment INTEGER NOT NULL,
	place   INTEGER NOT NULL
);

-- Open leases are in the journal now. Those that a process of an older version has
-- left are charged at their estimate, as Sweep would do; the totals are kept for the
-- longest window there is.
INSERT INTO charges (scope, unit, span, span_id, amount, expires)
SELECT ifnull(c.value ->> 'scope', ''), ifnull(c.value ->> 'unit', ''), ifnull(c.value ->> 'window', ''), ifnull(c.value ->> 'window_id', ''),
	ifnull(c.value ->> 'amount', 0), unixepoch() + 32 * 86400
FROM leases, json_each(leases.charges) AS c
WHERE true
ON CONFLICT DO UPDATE SET amount = amount + excluded.amount, expires = max(expires, excluded.expires);

DROP TABLE leases;
