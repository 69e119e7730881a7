package penstock_dataclasses_test

import data.penstock

tables := {"data_classes": {
	"personal": {"any_target": true, "targets": [], "any_region": false, "regions": {"eu": true}},
	"secret": {"any_target": false, "targets": ["^local/.*$"], "any_region": true, "regions": {}},
}}

targets := [
	{"id": "local/llama", "provider": "local"},
	{"id": "mistral/large", "provider": "mistral", "region": "eu"},
	{"id": "local/eu", "provider": "local", "region": "eu"},
]

decided(classes) := decision if {
	decision := penstock.decision with input as {
		"key": {"models": []},
		"request": {"model": "smart", "tags": {}, "data_classes": classes},
		"route": {"targets": targets},
	}
		with data.penstock_tables as tables
}

test_without_a_class_everything_is_open if decided([]).obligations == {}

test_a_class_without_settings_is_open if decided(["public"]).obligations == {}

test_a_class_has_its_regions if decided(["personal"]).obligations.allow_targets == ["mistral/large", "local/eu"]

test_a_class_has_its_targets if decided(["secret"]).obligations.allow_targets == ["local/llama", "local/eu"]

test_all_classes_hold if decided(["personal", "secret"]).obligations.allow_targets == ["local/eu"]

test_without_a_target_the_request_is_refused if {
	decision := penstock.decision with input as {
		"key": {"models": []},
		"request": {"model": "smart", "tags": {}, "data_classes": ["personal"]},
		"route": {"targets": [{"id": "local/llama", "provider": "local"}]},
	}
		with data.penstock_tables as tables
	some reason in decision.reasons
	reason.message == "No target of the model \"smart\" may get data of the class personal."
}
