# Where requests with classes of data may go: `data_classes` of models.yaml. The targets that
# all classes of a request permit are allowed; without any, nothing is asked.
package penstock.settings

import data.penstock_tables as tables

data_rules[class] := tables.data_classes[class] if some class in input.request.data_classes

obligations["allow_targets"] := permitted_targets if count(data_rules) > 0

permitted_targets := [target.id |
	some target in input.route.targets
	every rule in data_rules {
		may_get(rule, target)
	}
]

may_get(rule, target) if {
	in_target(rule, target)
	in_region(rule, target)
}

in_target(rule, _) if rule.any_target

in_target(rule, target) if {
	some pattern in rule.targets
	regex.match(pattern, target.id)
}

in_region(rule, _) if rule.any_region

in_region(rule, target) if rule.regions[target.region]

deny contains {
	"code": "no_target_for_data",
	"message": sprintf("No target of the model %q may get data of the class %s.", [
		input.request.model,
		concat(" and ", object.keys(data_rules)),
	]),
	"status": 403,
} if {
	count(data_rules) > 0
	count(permitted_targets) == 0
}
