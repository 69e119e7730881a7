# What serves requests past a soft limit: `past_soft`. If several have one, that of the
# session goes first, then those of the key, user, tags, team, model and everyone.
package penstock.settings

import data.penstock_tables as tables

past_soft contains [1, session_scope, soft] if {
	soft := tables.soft.sessions[session_entry]
	exceeds(soft, session_scope)
}

past_soft contains [2, key_scope, soft] if {
	soft := tables.soft.keys[key_entry]
	exceeds(soft, key_scope)
}

past_soft contains [3, user_scope, soft] if {
	soft := tables.soft.users[user_entry]
	exceeds(soft, user_scope)
}

past_soft contains [4, tag_scope(tag), soft] if {
	some tag, value in tag_entries
	soft := tables.soft.tags[tag][value]
	exceeds(soft, tag_scope(tag))
}

past_soft contains [5, team_scope, soft] if {
	soft := tables.soft.teams[team_entry]
	exceeds(soft, team_scope)
}

past_soft contains [6, model_scope, soft] if {
	soft := tables.soft.models[model_entry]
	exceeds(soft, model_scope)
}

past_soft contains [7, "everyone", soft] if {
	soft := tables.soft.everyone[""]
	exceeds(soft, "everyone")
}

# input.usage has the usage of the limits that this policy names, in whole percent.
exceeds(soft, scope) if {
	some mark in soft.marks
	input.usage[scope][mark.window][mark.unit] >= mark.percent
}

# Only the first one counts, so that a request that has been sent on is not sent on again.
first := min(past_soft) if {
	count(past_soft) > 0
	not data.penstock.obligations.model
	not data.penstock.obligations.route
}

cheaper := first[2].model if first[2].model != input.request.model

cheaper := first[2].models[input.request.model]

obligations["model"] := cheaper

cheaper_route := first[2].route if first[2].route != input.route.name

obligations["route"] := cheaper_route

warnings contains sprintf("%s is past a soft limit: the model %q serves this request.", [first[1], cheaper])

warnings contains sprintf("%s is past a soft limit: the route %q serves this request.", [first[1], cheaper_route])
