# Tags that a request must have, because nobody shall get around their limits by leaving them
# out: `required` in limits.yaml.
package penstock.settings

import data.penstock_tables as tables

deny contains {
	"code": "tag_required",
	"message": sprintf("Tag this request with its %s%s: metadata.%s or the header x-penstock-tags.", [tag, one_of(rule.text), tag]),
	"status": 400,
} if {
	some tag, rule in tables.tags_required
	not tagged(tag, rule)
}

tagged(tag, rule) if {
	rule.any_value
	input.request.tags[tag]
}

tagged(tag, rule) if rule.values[input.request.tags[tag]]

one_of(text) := concat("", [", one of ", text]) if text != ""

one_of(text) := "" if text == ""
