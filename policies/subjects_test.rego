package penstock_subjects_test

import data.penstock.settings

tables := {
	"tag_names": ["usecase"],
	"names": {
		"teams": {"research": true},
		"models": {"openai/gpt-5": true, "openai/*": true},
		"tags": {"usecase": {"support": true}},
	},
	"model_patterns": [
		{"name": "openai/gpt*", "regex": "^openai/gpt.*$"},
		{"name": "openai/*", "regex": "^openai/.*$"},
	],
}

model_of(name) := entry if {
	entry := settings.model_entry with input.request.model as name with data.penstock_tables as tables
}

test_an_exact_name_goes_first if model_of("openai/gpt-5") == "openai/gpt-5"

test_then_the_longest_pattern if {
	model_of("openai/gpt-4") == "openai/gpt*"
	model_of("openai/o3") == "openai/*"
}

test_others_have_the_defaults if model_of("smart") == ""

test_a_team_without_settings_has_the_defaults if {
	settings.team_entry == "" with input.key.team as "sales" with data.penstock_tables as tables
	settings.team_entry == "research" with input.key.team as "research" with data.penstock_tables as tables
}

test_only_tags_with_settings_count if {
	settings.tag_entries == {"usecase": "support"} with input.request.tags as {"usecase": "support", "trace": "1"}
		with data.penstock_tables as tables
}
