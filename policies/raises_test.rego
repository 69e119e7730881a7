package penstock_raises_test

import data.penstock

periods := [
	{"from": "0000-00-00", "until": "2026-11-30", "limit": {"name": "budget", "unit": "usd", "window": "month", "max": 5}},
	{"from": "2026-12-01", "until": "2026-12-31", "limit": {"name": "budget", "unit": "usd", "window": "month", "max": 8}},
]

tables := {
	"tag_names": ["usecase"],
	"names": {"teams": {"t": true}, "keys": {"k": true}, "users": {"u": true}, "tags": {"usecase": {"v": true}}},
	"raised": {
		"everyone": {"": periods},
		"teams": {"t": periods},
		"keys": {"k": periods},
		"users": {"u": periods},
		"tags": {"usecase": {"v": periods}},
	},
}

limits(date) := {sprintf("%s %d", [limit.scope, limit.max]) |
	some limit in penstock.limits with input as {
		"time": {"date": date},
		"key": {"id": "1", "name": "k", "team": "t", "user": "u", "models": []},
		"request": {"model": "m", "tags": {"usecase": "v"}},
	}
		with data.penstock_tables as tables
	limit.name == "budget"
}

everywhere(max) := {sprintf("%s %d", [scope, max]) | some scope in ["everyone", "team:t", "key:1", "user:u", "tag:usecase=v"]}

test_before_the_raise if limits("2026-11-30") == everywhere(5)

test_from_its_first_day if limits("2026-12-01") == everywhere(8)

test_to_its_last_day if limits("2026-12-31") == everywhere(8)
