package penstock_hours_test

import data.penstock

all_models := {"any": true, "names": {}, "patterns": []}

night(models) := [{"text": "closed 22:00-06:00", "models": models, "closed": {"Monday": [{"from": 0, "to": 360}, {"from": 1320, "to": 1440}]}}]

tables := {
	"tag_names": ["usecase"],
	"names": {
		"teams": {"research": true},
		"keys": {"ci": true},
		"users": {"ada": true},
		"models": {"slow": true},
		"tags": {"usecase": {"batch": true}},
	},
	"hours": {
		"everyone": {"": night({"any": false, "names": {"night-only": true}, "patterns": []})},
		"teams": {"research": night({"any": false, "names": {"smart": true}, "patterns": []})},
		"keys": {"ci": night(all_models)},
		"users": {"ada": night(all_models)},
		"models": {"slow": night(all_models), "": []},
		"tags": {"usecase": {"batch": night(all_models)}},
	},
}

refused(minute, key, model, tags) if {
	some reason in penstock.deny with input as {
		"time": {"weekday": "Monday", "minute_of_day": minute},
		"key": object.union({"models": []}, key),
		"request": {"model": model, "tags": tags},
	}
		with data.penstock_tables as tables
	reason.code == "outside_hours"
}

test_closed_from_the_first_minute if refused(1320, {"team": "research"}, "smart", {})

test_closed_to_the_last_minute if refused(359, {"team": "research"}, "smart", {})

test_open_between if {
	not refused(360, {"team": "research"}, "smart", {})
	not refused(1319, {"team": "research"}, "smart", {})
}

test_other_models_and_teams_are_open if {
	not refused(0, {"team": "research"}, "fast", {})
	not refused(0, {"team": "sales"}, "smart", {})
}

test_hours_are_of_any_kind if {
	refused(0, {"id": "1", "name": "ci"}, "fast", {})
	refused(0, {"user": "ada"}, "fast", {})
	refused(0, {}, "slow", {})
	refused(0, {}, "night-only", {})
	refused(0, {}, "fast", {"usecase": "batch"})
}
