package penstock_sessions_test

import data.penstock
import data.penstock.settings

codes(request) := {reason.code |
	some reason in penstock.deny with input as {"key": {"models": []}, "request": object.union({"model": "m", "tags": {}}, request)}
		with data.penstock_tables as {"session_required": {"": true}}
	reason.code == "session_required"
}

test_a_request_without_a_session_is_refused if codes({}) == {"session_required"}

test_a_request_with_one_passes if codes({"session": "run"}) == set()

entry(key) := name if {
	name := settings.session_entry with input as {"key": key, "request": {"session": "run"}}
		with data.penstock_tables.names.sessions as {"research": true}
}

test_a_team_has_sessions_of_its_own if {
	entry({"team": "research"}) == "research"
	entry({"team": "sales"}) == ""
	entry({}) == ""
}

test_two_keys_have_two_sessions if {
	settings.session_scope == "session:a/run" with input as {"key": {"id": "a"}, "request": {"session": "run"}}
	settings.session_scope == "session:run" with input as {"key": {}, "request": {"session": "run"}}
}
