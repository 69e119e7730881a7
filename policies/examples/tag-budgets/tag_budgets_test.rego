package penstock_tag_budgets_test

import data.penstock

usecases := {"support": 20, "search": 7.5}

tagged(tags) := decision if {
	decision := penstock.decision with input as {"key": {"models": []}, "request": {"model": "smart", "tags": tags}}
		with data.usecases as usecases
}

# Other policies in the same folder may refuse for reasons of their own.
refusals(tags) := {reason.message |
	some reason in tagged(tags).reasons
	reason.code == "usecase_required"
}

test_a_use_case_has_its_budget if {
	tags := {"usecase": "search", "env": "prod"}
	refusals(tags) == set()
	{limit | some limit in tagged(tags).limits; startswith(limit.scope, "tag:usecase=")} == {{
		"name": "use case search",
		"scope": "tag:usecase=search",
		"unit": "usd",
		"window": "day",
		"max": 7.5,
	}}
}

test_a_request_without_the_tag_is_refused if {
	some message in refusals({"env": "prod"})
	contains(message, "one of search, support")
}

test_an_unknown_use_case_is_refused if {
	not tagged({"usecase": "mining"}).allow
	count(refusals({"usecase": "mining"})) == 1
}
