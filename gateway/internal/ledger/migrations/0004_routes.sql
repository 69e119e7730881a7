-- What routers know of the routes that records were ranked for, as JSON, by its digest.
-- seen is when a record named it last, to within a day, in microseconds since the Unix
-- epoch.
CREATE TABLE routes (
	digest TEXT PRIMARY KEY,
	seen   INTEGER NOT NULL,
	facts  TEXT NOT NULL
) WITHOUT ROWID;

-- What callers say of replies: one row for each request and key. given is in microseconds
-- since the Unix epoch; key_id is empty for an anonymous caller.
CREATE TABLE feedback (
	request_id TEXT NOT NULL,
	key_id     TEXT NOT NULL,
	given      INTEGER NOT NULL,
	score      REAL NOT NULL,
	label      TEXT NOT NULL,
	comment    TEXT NOT NULL,
	PRIMARY KEY (request_id, key_id)
) WITHOUT ROWID;

CREATE INDEX feedback_given ON feedback (given);
