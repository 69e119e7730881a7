package penstock_output_test

import data.penstock

tables := {
	"tag_names": ["usecase"],
	"names": {"teams": {"t": true}, "keys": {"k": true}, "users": {"u": true}, "models": {"m": true}, "tags": {"usecase": {"v": true}}},
	"output": {
		"everyone": {"": [6000]},
		"teams": {"t": [5000]},
		"keys": {"k": [4000]},
		"users": {"u": [3000]},
		"models": {"m": [2000], "": []},
		"tags": {"usecase": {"v": [1000]}},
	},
}

cap(key, request) := n if {
	n := penstock.decision.obligations.max_output_tokens with input as {
		"key": object.union({"models": []}, key),
		"request": object.union({"model": "other", "tags": {}}, request),
	}
		with data.penstock_tables as tables
}

test_the_smallest_cap_holds if {
	cap({}, {}) == 6000
	cap({"team": "t"}, {}) == 5000
	cap({"team": "t", "id": "1", "name": "k"}, {}) == 4000
	cap({"team": "t", "user": "u"}, {}) == 3000
	cap({"team": "t"}, {"model": "m"}) == 2000
	cap({"team": "t"}, {"model": "m", "tags": {"usecase": "v"}}) == 1000
}

test_a_rule_of_the_folder_wins if {
	decision := penstock.decision with input as {"key": {"models": []}, "request": {"model": "other", "tags": {}}}
		with data.penstock_tables as tables
		with data.penstock.obligations as {"max_output_tokens": 9000}
	decision.obligations == {"max_output_tokens": 9000}
}
