package penstock_soft_downgrade_test

import data.penstock

settings := {
	"from_percent": 80,
	"usd_per_day": {"research": 50},
	"instead": {"smart": "fast"},
}

used(usage, model) := decision if {
	decision := penstock.decision with input as {
		"key": {"team": "research", "models": []},
		"request": {"model": model, "tags": {}},
		"usage": usage,
	}
		with data.soft_downgrade as settings
}

spent(percent) := {"team:research": {"day": {"usd": percent}}}

downgraded(decision) if decision.obligations.model

test_below_the_mark_nothing_changes if {
	decision := used(spent(79), "smart")
	not downgraded(decision)
	not "Team research has used 79 % of its budget for today: \"smart\" is served by \"fast\"." in decision.warnings
}

test_the_teams_budget_is_a_limit if {
	some limit in used(spent(79), "smart").limits
	limit == {"name": "team research per day", "scope": "team:research", "unit": "usd", "window": "day", "max": 50}
}

test_from_the_mark_on_the_cheaper_model_serves if {
	decision := used(spent(80), "smart")
	decision.obligations.model == "fast"
	"Team research has used 80 % of its budget for today: \"smart\" is served by \"fast\"." in decision.warnings
}

test_a_model_without_a_substitute_stays if not downgraded(used(spent(95), "fast"))

test_unknown_usage_is_no_reason_to_downgrade if not downgraded(used({}, "smart"))
