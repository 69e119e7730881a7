-- What makes it quick to find the latest requests of some kind among very many.

-- The shortest and the longest time from a request's arrival to its seq, in microseconds: the
-- requests of an hour are between that hour's seq and this much later. It changes in the transaction
-- that inserts the requests, and only widens.
CREATE TABLE delays (
	only     INTEGER PRIMARY KEY CHECK (only = 1),
	shortest INTEGER NOT NULL,
	longest  INTEGER NOT NULL
);
INSERT INTO delays SELECT 1, min(seq - arrived), max(seq - arrived) FROM requests HAVING count(*) > 0;

-- Of the requests that failed, and of those from the cache. The others are in neither.
CREATE INDEX requests_failed ON requests (seq) WHERE (status >= 400 OR code IS NOT NULL);
CREATE INDEX requests_cached ON requests (seq) WHERE ifnull(cache, '') IN ('hit', 'coalesced', 'similar');
