package penstock_default_test

import data.penstock

free := {"id": "ab12cd34", "models": []}

# Other policies in the same folder may refuse, or name limits, for reasons of their own.
refusals(key, model) := {reason |
	decision := penstock.decision with input as {"key": key, "request": {"model": model, "tags": {}}}
	some reason in decision.reasons
	reason.code == "model_not_allowed"
}

may_use(models, model) if refusals({"models": models}, model) == set()

budgets(key) := {limit |
	decision := penstock.decision with input.key as key
	some limit in decision.limits
	limit.name == "key budget"
}

test_a_key_without_restrictions_passes if refusals(free, "gpt-5") == set()

test_a_request_without_a_key_passes if may_use([], "gpt-5")

test_a_listed_model_passes if may_use(["gpt-5", "gpt-5-mini"], "gpt-5-mini")

test_a_model_that_matches_a_pattern_passes if {
	every model in ["openai/gpt-5", "openai/a.b/c", "openai/"] {
		may_use(["smart", "openai/*"], model)
	}
}

test_every_model_matches_a_lone_star if may_use(["*"], "a/b.c-d:e")

test_another_model_is_refused_by_name if {
	refusals({"models": ["smart", "openai/*"]}, "anthropic/claude") == {{
		"code": "model_not_allowed",
		"message": "This key may not use the model \"anthropic/claude\"; it may use smart, openai/*.",
		"status": 403,
	}}
}

test_a_refused_request_is_not_allowed if {
	not penstock.decision.allow with input.key.models as ["smart"] with input.request.model as "other"
}

test_a_pattern_is_not_a_prefix if not may_use(["openai/*"], "my-openai/x")

test_only_the_star_is_special if {
	not may_use(["gpt-[45]*", "gpt-?", "{gpt-4,gpt-5}*"], "gpt-5")
	may_use(["gpt-[45]*"], "gpt-[45]-mini")
}

test_a_budget_becomes_a_limit if {
	budgets(object.union(free, {"budget": {"max": 5.25, "window": "day"}})) == {{
		"name": "key budget",
		"scope": "key:ab12cd34",
		"unit": "usd",
		"window": "day",
		"max": 5.25,
	}}
}

test_no_budget_is_no_limit if budgets(free) == set()

test_a_refused_request_still_names_its_budget if {
	count(budgets({"id": "ab12cd34", "models": ["smart"], "budget": {"max": 5, "window": "month"}})) == 1
}
