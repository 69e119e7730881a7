package penstock_test

import data.penstock

usecases := {"support": 20, "search": 7.5}

tagged(tags) := decision if {
	decision := penstock.decision with input as {"key": {"models": []}, "request": {"model": "smart", "tags": tags}}
		with data.usecases as usecases
}

test_a_use_case_has_its_budget if {
	decision := tagged({"usecase": "search", "env": "prod"})
	decision.allow
	decision.limits == {{
		"name": "use case search",
		"scope": "tag:usecase=search",
		"unit": "usd",
		"window": "day",
		"max": 7.5,
	}}
}

test_a_request_without_the_tag_is_refused if {
	decision := tagged({"env": "prod"})
	not decision.allow
	some reason in decision.reasons
	reason.code == "usecase_required"
	contains(reason.message, "one of search, support")
}

test_an_unknown_use_case_is_refused if {
	not tagged({"usecase": "mining"}).allow
}
