package penstock_team_budgets_test

import data.penstock

budgets := {
	"research": {"hard": {"day": 50, "month": 800}, "soft": {"day": 40}, "at_once": 32},
	"support": {"hard": {"day": 12.5}},
	"other": {"hard": {"day": 2}},
}

of_key(key) := decision if {
	decision := penstock.decision with input.key as object.union({"id": "k", "models": []}, key)
		with data.team_budgets as budgets
}

# Other policies in the same folder may name limits of their own, on the same team too.
names(key) := {limit.name | some limit in of_key(key).limits}

notice := {
	"name": "team research per day, notice",
	"scope": "team:research",
	"unit": "usd",
	"window": "day",
	"max": 40,
	"on_exceed": "warn",
}

test_a_team_has_all_its_limits if {
	named := names({"team": "research"})
	"team research per day" in named
	"team research per month" in named
	"team research per day, notice" in named
	"team research at once" in named
}

test_a_team_with_one_window_has_one_limit if {
	{"name": "team support per day", "scope": "team:support", "unit": "usd", "window": "day", "max": 12.5} in of_key({"team": "support"}).limits
	not "team support per month" in names({"team": "support"})
}

test_an_unlisted_team_gets_the_amounts_of_other if {
	{"name": "team sales per day", "scope": "team:sales", "unit": "usd", "window": "day", "max": 2} in of_key({"team": "sales"}).limits
}

test_a_notice_only_warns if notice in of_key({"team": "research"}).limits

test_a_key_without_a_team_is_refused if {
	decision := of_key({})
	not decision.allow
	some reason in decision.reasons
	reason.code == "team_required"
}

test_the_keys_own_budget_still_counts if {
	"key budget" in names({"team": "support", "budget": {"max": 1, "window": "day"}})
}
