package penstock_limits_test

import data.penstock

budget := {"name": "budget", "unit": "usd", "window": "day", "max": 5}

named(scope) := object.union(budget, {"scope": scope})

tables := {
	"tag_names": ["usecase"],
	"names": {
		"teams": {"research": true},
		"keys": {"ci": true},
		"users": {"ada": true},
		"models": {"smart": true, "openai/*": true},
		"tags": {"usecase": {"support": true}},
		"sessions": {"research": true},
	},
	"model_patterns": [{"name": "openai/*", "regex": "^openai/.*$"}],
	"limits": {
		"everyone": {"": [named("everyone")]},
		"teams": {"research": [named("team:research")], "": [budget]},
		"keys": {"ci": [budget], "": [budget]},
		"users": {"ada": [named("user:ada")], "": [budget]},
		"models": {"smart": [budget], "openai/*": [budget], "": [budget]},
		"tags": {"usecase": {"support": [budget], "": [budget]}},
		"sessions": {"research": [budget], "": [budget]},
	},
}

scopes(request) := {limit.scope |
	some limit in penstock.limits with input as object.union({"key": {"models": []}, "request": {"model": "smart", "tags": {}}}, request)
		with data.penstock_tables as tables
	limit.name == "budget"
}

test_everyone_has_limits_together if "everyone" in scopes({})

test_a_team_has_its_own if "team:research" in scopes({"key": {"team": "research"}})

test_other_teams_have_the_defaults if "team:sales" in scopes({"key": {"team": "sales"}})

test_without_a_team_there_is_no_team_limit if {
	every scope in scopes({}) {
		not startswith(scope, "team:")
	}
}

test_keys_are_apart_even_with_one_name if {
	"key:k1" in scopes({"key": {"id": "k1", "name": "ci"}})
	"key:k2" in scopes({"key": {"id": "k2", "name": "ci"}})
}

test_other_keys_have_the_defaults if {
	"key:k3" in scopes({"key": {"id": "k3", "name": "laptop"}})
	"key:k4" in scopes({"key": {"id": "k4"}})
}

test_users_have_limits if {
	"user:ada" in scopes({"key": {"user": "ada"}})
	"user:bob" in scopes({"key": {"user": "bob"}})
}

test_models_have_limits if {
	"model:smart" in scopes({})
	"model:openai/*" in scopes({"request": {"model": "openai/gpt-5"}})
	"model:fast" in scopes({"request": {"model": "fast"}})
}

test_tags_have_limits if {
	"tag:usecase=support" in scopes({"request": {"tags": {"usecase": "support"}}})
	"tag:usecase=other" in scopes({"request": {"tags": {"usecase": "other"}}})
}

test_what_is_no_scope_is_hashed if {
	count(scopes({"request": {"tags": {"usecase": "a\nb"}}}) & {"tag:usecase=a\nb"}) == 0
	concat("", ["tag:usecase=", crypto.sha256("a\nb")]) in scopes({"request": {"tags": {"usecase": "a\nb"}}})
}

test_sessions_have_limits if {
	"session:k1/run" in scopes({"key": {"id": "k1"}, "request": {"session": "run"}})
	"session:k1/run" in scopes({"key": {"id": "k1", "team": "research"}, "request": {"session": "run"}})
	"session:run" in scopes({"request": {"session": "run"}})
}
