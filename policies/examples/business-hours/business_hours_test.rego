package penstock_test

import data.penstock

hours := {
	"text": "Monday to Friday, 08:00 to 18:00",
	"weekdays": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
	"from_minute": 480,
	"to_minute": 1080,
	"holidays": ["2026-12-25"],
	"models": ["smart"],
	"instead": "fast",
}

at(weekday, minute, date, roles, model) := decision if {
	decision := penstock.decision with input as {
		"time": {"weekday": weekday, "minute_of_day": minute, "date": date},
		"key": {"roles": roles, "models": []},
		"request": {"model": model},
	}
		with data.business_hours as hours
}

test_open_from_the_first_minute if at("Monday", 480, "2026-11-23", [], "smart").allow

test_open_to_the_last_minute if at("Friday", 1079, "2026-11-27", [], "smart").allow

test_closed_in_the_evening if {
	decision := at("Friday", 1080, "2026-11-27", [], "smart")
	not decision.allow
	some reason in decision.reasons
	reason.code == "outside_hours"
	contains(reason.message, "ask for \"fast\"")
}

test_closed_before_the_morning if not at("Monday", 479, "2026-11-23", [], "smart").allow

test_closed_at_the_weekend if not at("Sunday", 600, "2026-11-22", [], "smart").allow

test_closed_on_holidays if not at("Friday", 600, "2026-12-25", [], "smart").allow

test_open_for_who_is_on_call if at("Sunday", 60, "2026-11-22", ["oncall"], "smart").allow

test_other_models_are_always_open if at("Sunday", 60, "2026-11-22", [], "fast").allow
