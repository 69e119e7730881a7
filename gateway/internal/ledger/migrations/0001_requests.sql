-- One row per request. seq is the time of booking in microseconds since the Unix
-- epoch, made strictly increasing: rows are only ever appended, and a range of time
-- is a range of seq without an index of its own. cost is NULL when the price is
-- unknown. The columns before record exist for spend queries; record is the whole
-- truth. Empty text is stored as NULL.
CREATE TABLE requests (
	seq           INTEGER PRIMARY KEY,
	id            TEXT NOT NULL UNIQUE,
	arrived       INTEGER NOT NULL,
	model         TEXT,
	route         TEXT,
	target        TEXT,
	provider      TEXT,
	key_id        TEXT,
	team          TEXT,
	user_name     TEXT,
	status        INTEGER NOT NULL,
	code          TEXT,
	cache         TEXT,
	input_tokens  INTEGER NOT NULL,
	output_tokens INTEGER NOT NULL,
	cost          INTEGER,
	saved         INTEGER NOT NULL,
	tags          TEXT,
	record        TEXT NOT NULL
);

-- What every meter has been charged, one row per window. A row may go once its
-- window is over, at the latest by expires (Unix seconds).
CREATE TABLE charges (
	scope   TEXT NOT NULL,
	unit    TEXT NOT NULL,
	span    TEXT NOT NULL,
	span_id TEXT NOT NULL,
	amount  INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	PRIMARY KEY (scope, span_id, span, unit)
) WITHOUT ROWID;

-- The journal of open reservations. run tells the processes apart that wrote here:
-- a lease of another run belongs to a process that is no more.
CREATE TABLE leases (
	id      TEXT PRIMARY KEY,
	run     TEXT NOT NULL,
	expires INTEGER NOT NULL,
	charges TEXT NOT NULL
) WITHOUT ROWID;
