-- session is what the consecutive requests of an agent share. estimated says that the usage is
-- an estimate, since the request was cut off; 0 for what older versions have recorded.
ALTER TABLE requests ADD COLUMN session TEXT;
ALTER TABLE requests ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;

-- Sums of the requests by the hour in which they arrived, in hours since the Unix epoch, and by
-- what spend is grouped by. They change in the transaction that inserts the requests, and stay
-- when those are deleted. A text is empty where a request has none.
CREATE TABLE hourly (
	hour               INTEGER NOT NULL,
	model              TEXT NOT NULL,
	route              TEXT NOT NULL,
	target             TEXT NOT NULL,
	provider           TEXT NOT NULL,
	key_id             TEXT NOT NULL,
	team               TEXT NOT NULL,
	user_name          TEXT NOT NULL,
	status             INTEGER NOT NULL,
	cache              TEXT NOT NULL,
	tags               TEXT NOT NULL,
	requests           INTEGER NOT NULL,
	errors             INTEGER NOT NULL,
	input_tokens       INTEGER NOT NULL,
	output_tokens      INTEGER NOT NULL,
	cost               INTEGER NOT NULL,
	unpriced_requests  INTEGER NOT NULL,
	estimated_requests INTEGER NOT NULL,
	estimated_cost     INTEGER NOT NULL,
	saved              INTEGER NOT NULL,
	prompt_saved       INTEGER NOT NULL,
	PRIMARY KEY (hour, model, route, target, provider, key_id, team, user_name, status, cache, tags)
) WITHOUT ROWID;

-- total() does not fail where sum() overflows, and is exact below 9 million US dollars.
INSERT INTO hourly
SELECT arrived / 3600000000, ifnull(model, ''), ifnull(route, ''), ifnull(target, ''), ifnull(provider, ''), ifnull(key_id, ''), ifnull(team, ''), ifnull(user_name, ''),
	status, ifnull(cache, ''), ifnull(tags, ''),
	count(*), total(status >= 400 OR code IS NOT NULL), min(total(input_tokens), 9.2e18), min(total(output_tokens), 9.2e18), min(total(cost), 9.2e18), count(*) - count(cost),
	0, 0, min(total(saved), 9.2e18), min(total(prompt_saved), 9.2e18)
FROM requests
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11;

-- The same sums by the hour and one dimension alone: few rows for what is asked most. The dimension
-- without a name is all requests; hits are those that no target was asked for.
CREATE TABLE hourly_by (
	dimension          TEXT NOT NULL,
	hour               INTEGER NOT NULL,
	value              TEXT NOT NULL,
	requests           INTEGER NOT NULL,
	errors             INTEGER NOT NULL,
	input_tokens       INTEGER NOT NULL,
	output_tokens      INTEGER NOT NULL,
	cost               INTEGER NOT NULL,
	unpriced_requests  INTEGER NOT NULL,
	estimated_requests INTEGER NOT NULL,
	estimated_cost     INTEGER NOT NULL,
	saved              INTEGER NOT NULL,
	prompt_saved       INTEGER NOT NULL,
	hits               INTEGER NOT NULL,
	PRIMARY KEY (dimension, hour, value)
) WITHOUT ROWID;

INSERT INTO hourly_by
SELECT dimension, hour, value, min(total(requests), 9.2e18), min(total(errors), 9.2e18), min(total(input_tokens), 9.2e18), min(total(output_tokens), 9.2e18), min(total(cost), 9.2e18), min(total(unpriced_requests), 9.2e18), min(total(estimated_requests), 9.2e18), min(total(estimated_cost), 9.2e18), min(total(saved), 9.2e18), min(total(prompt_saved), 9.2e18), total(CASE WHEN cache IN ('hit', 'coalesced', 'similar') THEN requests END)
FROM (
	SELECT '' AS dimension, '' AS value, hourly.* FROM hourly
	UNION ALL SELECT 'model' AS dimension, model AS value, hourly.* FROM hourly
	UNION ALL SELECT 'route' AS dimension, route AS value, hourly.* FROM hourly
	UNION ALL SELECT 'target' AS dimension, target AS value, hourly.* FROM hourly
	UNION ALL SELECT 'provider' AS dimension, provider AS value, hourly.* FROM hourly
	UNION ALL SELECT 'key' AS dimension, key_id AS value, hourly.* FROM hourly
	UNION ALL SELECT 'team' AS dimension, team AS value, hourly.* FROM hourly
	UNION ALL SELECT 'user' AS dimension, user_name AS value, hourly.* FROM hourly
	UNION ALL SELECT 'status' AS dimension, cast(status AS TEXT) AS value, hourly.* FROM hourly
	UNION ALL SELECT 'cache' AS dimension, cache AS value, hourly.* FROM hourly
	UNION ALL SELECT 'tag:' || tag.key, tag.value, hourly.* FROM hourly, json_each(nullif(tags, '')) AS tag
)
GROUP BY dimension, hour, value;
