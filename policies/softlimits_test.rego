package penstock_softlimits_test

import data.penstock

soft(what) := object.union({"marks": [{"window": "day", "unit": "usd", "percent": 80}], "models": {}}, what)

tables := {
	"tag_names": ["usecase"],
	"names": {
		"teams": {"t": true},
		"keys": {"k": true},
		"users": {"u": true},
		"models": {"smart": true},
		"tags": {"usecase": {"v": true}},
		"sessions": {},
	},
	"soft": {
		"everyone": {"": soft({"model": "of-everyone"})},
		"teams": {"t": soft({"models": {"smart": "of-team"}})},
		"keys": {"k": soft({"model": "of-key"})},
		"users": {"u": soft({"route": "of-user"})},
		"models": {"smart": soft({"model": "of-model"}), "": {"marks": []}},
		"tags": {"usecase": {"v": soft({"model": "of-tag"})}},
		"sessions": {"": soft({"model": "of-session"})},
	},
}

of(scope, percent) := of_model(scope, percent, "smart")

of_model(scope, percent, model) := decision if {
	decision := penstock.decision with input as {
		"key": {"id": "1", "name": "k", "team": "t", "user": "u", "models": []},
		"request": {"model": model, "tags": {"usecase": "v"}, "session": "run"},
		"route": {"name": "usual"},
		"usage": {scope: {"day": {"usd": percent}}},
	}
		with data.penstock_tables as tables
}

test_below_the_mark_nothing_changes if {
	of("team:t", 79).obligations == {}
	count(of("team:t", 79).warnings) == 0
}

test_past_it_another_model_serves if {
	decision := of("team:t", 80)
	decision.obligations == {"model": "of-team"}
	decision.warnings == {"team:t is past a soft limit: the model \"of-team\" serves this request."}
}

test_each_kind_has_its_own if {
	of("everyone", 80).obligations.model == "of-everyone"
	of("key:1", 80).obligations.model == "of-key"
	of("model:smart", 80).obligations.model == "of-model"
	of("tag:usecase=v", 80).obligations.model == "of-tag"
	of("session:1/run", 80).obligations.model == "of-session"
}

test_a_route_may_serve if {
	decision := of("user:u", 80)
	decision.obligations == {"route": "of-user"}
	decision.warnings == {"user:u is past a soft limit: the route \"of-user\" serves this request."}
}

test_what_serves_instead_is_not_sent_on if {
	of_model("key:1", 99, "of-key").obligations == {}
}

test_a_model_without_a_substitute_stays if of_model("team:t", 99, "other").obligations == {}

test_the_key_goes_before_the_team if {
	decision := penstock.decision with input as {
		"key": {"id": "1", "name": "k", "team": "t", "models": []},
		"request": {"model": "smart", "tags": {}},
		"route": {"name": "usual"},
		"usage": {"key:1": {"day": {"usd": 80}}, "team:t": {"day": {"usd": 80}}},
	}
		with data.penstock_tables as tables
	decision.obligations == {"model": "of-key"}
}

test_a_rule_of_the_folder_wins if {
	decision := penstock.decision with input as {
		"key": {"id": "1", "name": "k", "models": []},
		"request": {"model": "smart", "tags": {}},
		"route": {"name": "usual"},
		"usage": {"key:1": {"day": {"usd": 80}}},
	}
		with data.penstock_tables as tables
		with data.penstock.obligations as {"route": "mine"}
	decision.obligations == {"route": "mine"}
	decision.warnings == set()
}
