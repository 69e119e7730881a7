package penstock_agent_sessions_test

import data.penstock

decided(request) := decision if {
	decision := penstock.decision with input as {
		"key": {"id": "k1", "models": []},
		"request": object.union({"model": "smart", "tags": {"usecase": "support"}}, request),
	}
}

maxima(unit) := {limit.max |
	some limit in decided({"session": "run-7"}).limits
	limit.scope == "session:k1/run-7"
	limit.unit == unit
}

test_a_session_may_cost_5_dollars if maxima("usd") == {4, 5}

test_a_session_may_take_200_turns if maxima("requests") == {200}

test_a_request_without_a_session_is_refused if {
	some reason in decided({}).reasons
	reason.code == "session_required"
}
