package penstock_test

import data.penstock

free := {"id": "ab12cd34", "models": []}

test_a_key_without_restrictions_passes if {
	penstock.decision == {"allow": true, "reasons": set(), "warnings": set(), "limits": set(), "obligations": {}} with input.key as free
		with input.request.model as "gpt-5"
}

test_a_request_without_a_key_passes if {
	penstock.decision.allow with input as {"key": {"models": []}, "request": {"model": "gpt-5"}}
}

test_a_listed_model_passes if {
	penstock.decision.allow with input.key.models as ["gpt-5", "gpt-5-mini"] with input.request.model as "gpt-5-mini"
}

test_a_model_that_matches_a_pattern_passes if {
	some model in ["openai/gpt-5", "openai/a.b/c"]
	penstock.decision.allow with input.key.models as ["smart", "openai/*"] with input.request.model as model
}

test_every_model_matches_a_lone_star if {
	penstock.decision.allow with input.key.models as ["*"] with input.request.model as "a/b.c-d:e"
}

test_another_model_is_refused_by_name if {
	decision := penstock.decision with input.key.models as ["smart", "openai/*"]
		with input.request.model as "anthropic/claude"
	not decision.allow
	decision.reasons == {{
		"code": "model_not_allowed",
		"message": "This key may not use the model \"anthropic/claude\"; it may use smart, openai/*.",
		"status": 403,
	}}
}

test_a_pattern_is_not_a_prefix if {
	not penstock.decision.allow with input.key.models as ["openai/*"] with input.request.model as "my-openai/x"
}

test_a_budget_becomes_a_limit if {
	limits := penstock.decision.limits with input.key as object.union(free, {"budget": {"max": 5.25, "window": "day"}})
	limits == {{"name": "key budget", "scope": "key:ab12cd34", "unit": "usd", "window": "day", "max": 5.25}}
}

test_no_budget_is_no_limit if {
	count(penstock.decision.limits) == 0 with input.key as free
}

test_a_refused_request_still_names_its_budget if {
	decision := penstock.decision with input.key as {
		"id": "ab12cd34",
		"models": ["smart"],
		"budget": {"max": 5, "window": "month"},
	}
		with input.request.model as "other"
	not decision.allow
	count(decision.limits) == 1
}
