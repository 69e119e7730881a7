package penstock_test

import data.penstock

settings := {
	"from_percent": 80,
	"usd_per_day": {"research": 50},
	"instead": {"smart": "fast"},
}

used(usage, model) := decision if {
	decision := penstock.decision with input as {
		"key": {"team": "research", "models": []},
		"request": {"model": model},
		"usage": usage,
	}
		with data.soft_downgrade as settings
}

test_below_the_mark_nothing_changes if {
	decision := used({"team:research": {"day": {"usd": 79}}}, "smart")
	decision.obligations == {}
	decision.warnings == set()
	count(decision.limits) == 1
}

test_from_the_mark_on_the_cheaper_model_serves if {
	decision := used({"team:research": {"day": {"usd": 80}}}, "smart")
	decision.allow
	decision.obligations.model == "fast"
	decision.warnings == {"Team research has used 80 % of its budget for today: \"smart\" is served by \"fast\"."}
}

test_a_model_without_a_substitute_stays if {
	decision := used({"team:research": {"day": {"usd": 95}}}, "fast")
	decision.obligations == {}
}

test_unknown_usage_is_no_reason_to_downgrade if {
	used({}, "smart").obligations == {}
}
