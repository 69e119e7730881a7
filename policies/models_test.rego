package penstock_models_test

import data.penstock

only(names, patterns) := {"any": false, "names": names, "patterns": patterns, "text": "the list"}

tables := {
	"tag_names": ["usecase"],
	"names": {
		"teams": {"research": true, "free": true},
		"keys": {"ci": true},
		"users": {"ada": true},
		"tags": {"usecase": {"support": true}},
		"models": {"secret": true},
	},
	"models": {
		"everyone": {"": only({}, ["^.*$"])},
		"teams": {"research": only({"smart": true}, ["^openai/.*$"]), "free": {"any": true}},
		"keys": {"ci": only({"fast": true}, [])},
		"users": {"ada": only({"fast": true}, [])},
		"tags": {"usecase": {"support": only({"fast": true}, [])}},
	},
	"model_teams": {"secret": {"names": {"research": true}, "text": "research"}},
}

messages(key, model, tags) := {reason.message |
	some reason in penstock.deny with input as {"key": object.union({"models": []}, key), "request": {"model": model, "tags": tags}}
		with data.penstock_tables as tables
	reason.code in {"model_restricted", "model_of_other_teams"}
}

test_a_listed_model_passes if messages({"team": "research"}, "smart", {}) == set()

test_a_pattern_passes if messages({"team": "research"}, "openai/gpt-5", {}) == set()

test_others_are_refused_by_name if {
	messages({"team": "research"}, "fast", {}) == {"The team research may not use the model \"fast\"; it may use the list."}
}

test_a_team_without_a_list_may_use_all if messages({"team": "free"}, "fast", {}) == set()

test_keys_users_and_tags_have_lists if {
	count(messages({"id": "1", "name": "ci"}, "smart", {})) == 1
	count(messages({"user": "ada"}, "smart", {})) == 1
	messages({}, "smart", {"usecase": "support"}) == {"The usecase support may not use the model \"smart\"; it may use the list."}
}

test_a_model_of_one_team if {
	messages({"team": "free"}, "secret", {}) == {"The model \"secret\" is for other teams: research."}
	messages({}, "secret", {}) == {"The model \"secret\" is for other teams: research."}
}

test_the_model_is_open_to_its_team if {
	every message in messages({"team": "research"}, "secret", {}) {
		not contains(message, "other teams")
	}
}
