# When models may be used: `hours` of teams, keys, users, tags, models and everyone.
package penstock.settings

import data.penstock_tables as tables

deny contains {
	"code": "outside_hours",
	"message": sprintf("%s may not use the model %q now: it is %s.", [who, input.request.model, rule.text]),
	"status": 403,
} if {
	some who, rules in hours_rules
	some rule in rules
	closed(rule)
	lists(rule.models)
}

hours_rules["Callers"] := tables.hours.everyone[""]

hours_rules[concat(" ", ["The team", input.key.team])] := tables.hours.teams[team_entry]

hours_rules["This key"] := tables.hours.keys[key_entry]

hours_rules[concat(" ", ["The user", input.key.user])] := tables.hours.users[user_entry]

hours_rules["Anybody"] := tables.hours.models[model_entry]

hours_rules[sprintf("The %s %s", [tag, input.request.tags[tag]])] := tables.hours.tags[tag][value] if {
	some tag, value in tag_entries
}

closed(rule) if {
	some interval in rule.closed[input.time.weekday]
	input.time.minute_of_day >= interval.from
	input.time.minute_of_day < interval.to
}
