package penstock_night_hours_test

import data.penstock

refused(team, model, minute) if {
	some reason in penstock.decision.reasons with input as {
		"time": {"weekday": "Monday", "minute_of_day": minute},
		"key": {"team": team, "models": []},
		"request": {"model": model, "tags": {}},
	}
	reason.code == "outside_hours"
}

test_refused_at_night if {
	refused("research", "smart", 22 * 60)
	refused("research", "smart", 0)
	refused("research", "smart", (6 * 60) - 1)
}

test_allowed_by_day if {
	not refused("research", "smart", 6 * 60)
	not refused("research", "smart", (22 * 60) - 1)
}

test_other_teams_and_models_are_allowed if {
	not refused("sales", "smart", 0)
	not refused("research", "fast", 0)
}
