package penstock_test

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

names(key) := {limit.name | some limit in of_key(key).limits}

test_a_team_has_all_its_limits if {
	names({"team": "research"}) == {
		"team research per day",
		"team research per month",
		"team research per day, notice",
		"team research at once",
	}
}

test_a_team_with_one_window_has_one_limit if {
	of_key({"team": "support"}).limits == {{
		"name": "team support per day",
		"scope": "team:support",
		"unit": "usd",
		"window": "day",
		"max": 12.5,
	}}
}

test_an_unlisted_team_gets_the_amounts_of_other if {
	names({"team": "sales"}) == {"team sales per day"}
}

test_a_notice_only_warns if {
	some limit in of_key({"team": "research"}).limits
	limit.on_exceed == "warn"
	limit.max == 40
}

test_a_key_without_a_team_is_refused if {
	decision := of_key({})
	not decision.allow
	{reason.code | some reason in decision.reasons} == {"team_required"}
}

test_the_keys_own_budget_still_counts if {
	names({"team": "support", "budget": {"max": 1, "window": "day"}}) == {"key budget", "team support per day"}
}
