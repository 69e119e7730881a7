package penstock_requiredtags_test

import data.penstock

tables := {"tags_required": {
	"usecase": {"any_value": false, "values": {"support": true}, "text": "support"},
	"project": {"any_value": true, "values": {}, "text": ""},
}}

refusals(tags) := {reason.message |
	some reason in penstock.deny with input as {"key": {"models": []}, "request": {"model": "m", "tags": tags}}
		with data.penstock_tables as tables
	reason.code == "tag_required"
}

test_a_request_with_its_tags_passes if refusals({"usecase": "support", "project": "x"}) == set()

test_a_missing_tag_is_named if {
	refusals({"usecase": "support"}) == {"Tag this request with its project: metadata.project or the header x-penstock-tags."}
}

test_an_unknown_value_is_refused if {
	refusals({"usecase": "mining", "project": "x"}) == {"Tag this request with its usecase, one of support: metadata.usecase or the header x-penstock-tags."}
}
