package penstock_business_hours_test

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

decided(weekday, minute, date, roles, model) := decision if {
	decision := penstock.decision with input as {
		"time": {"weekday": weekday, "minute_of_day": minute, "date": date},
		"key": {"roles": roles, "models": []},
		"request": {"model": model},
	}
		with data.business_hours as hours
}

# Other policies in the same folder may refuse for reasons of their own.
closed(weekday, minute, date, roles, model) if {
	some reason in decided(weekday, minute, date, roles, model).reasons
	reason.code == "outside_hours"
}

test_open_from_the_first_minute if not closed("Monday", 480, "2026-11-23", [], "smart")

test_open_to_the_last_minute if not closed("Friday", 1079, "2026-11-27", [], "smart")

test_closed_in_the_evening if {
	decision := decided("Friday", 1080, "2026-11-27", [], "smart")
	not decision.allow
	some reason in decision.reasons
	reason.code == "outside_hours"
	contains(reason.message, "ask for \"fast\"")
}

test_closed_before_the_morning if closed("Monday", 479, "2026-11-23", [], "smart")

test_closed_at_the_weekend if closed("Sunday", 600, "2026-11-22", [], "smart")

test_closed_on_holidays if closed("Friday", 600, "2026-12-25", [], "smart")

test_open_for_who_is_on_call if not closed("Sunday", 60, "2026-11-22", ["oncall"], "smart")

test_other_models_are_always_open if not closed("Sunday", 60, "2026-11-22", [], "fast")
