package penstock_small_model_at_80_test

import data.penstock

decided(team, percent) := decision if {
	decision := penstock.decision with input as {
		"key": {"team": team, "models": []},
		"request": {"model": "smart", "tags": {}},
		"route": {"name": "smart"},
		"usage": {sprintf("team:%s", [team]): {"month": {"usd": percent}}},
	}
}

test_below_80_percent_nothing_changes if not decided("sales", 79).obligations.model

test_from_80_percent_the_small_model_serves if {
	every team in ["sales", "research"] {
		decided(team, 80).obligations.model == "small"
	}
}

maxima(team) := {limit.max | some limit in decided(team, 0).limits; startswith(limit.scope, "team:")}

test_research_has_more if {
	maxima("sales") == {400, 500}
	maxima("research") == {1600, 2000}
}
