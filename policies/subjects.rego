# Whom a request counts for: the name under which the tables at data.penstock_tables, which
# are made of teams.yaml, limits.yaml and models.yaml, have its tables. It is "" for a name
# without settings of its own, which the defaults are for.
package penstock.settings

import data.penstock_tables as tables

team_entry := input.key.team if tables.names.teams[input.key.team]

team_entry := "" if {
	input.key.team
	not tables.names.teams[input.key.team]
}

team_scope := concat(":", ["team", input.key.team])

# Each key has limits of its own, even if others have the same name.
key_entry := input.key.name if {
	tables.names.keys[input.key.name]
	input.key.id
}

key_entry := "" if {
	input.key.id
	not named_key
}

named_key if tables.names.keys[input.key.name]

key_scope := concat(":", ["key", input.key.id])

user_entry := input.key.user if tables.names.users[input.key.user]

user_entry := "" if {
	input.key.user
	not tables.names.users[input.key.user]
}

user_scope := concat(":", ["user", input.key.user])

# A model has the settings of its name, else those of the longest pattern that matches.
model_entry := input.request.model if tables.names.models[input.request.model]

model_entry := model_pattern if not tables.names.models[input.request.model]

model_entry := "" if {
	not tables.names.models[input.request.model]
	not model_pattern
}

model_pattern := tables.model_patterns[longest].name if {
	longest := min({i |
		some i, pattern in tables.model_patterns
		regex.match(pattern.regex, input.request.model)
	})
}

# All models of a pattern share its limits.
model_scope := concat(":", ["model", model_entry]) if model_entry != ""

model_scope := concat(":", ["model", scope_name(input.request.model)]) if model_entry == ""

# The tags of a request that have settings, with the value under which these are.
tag_entries[tag] := value if {
	some tag in tables.tag_names
	value := input.request.tags[tag]
	tables.names.tags[tag][value]
}

tag_entries[tag] := "" if {
	some tag in tables.tag_names
	input.request.tags[tag]
	not named_value(tag)
}

named_value(tag) if tables.names.tags[tag][input.request.tags[tag]]

tag_scope(tag) := concat("", ["tag:", tag, "=", scope_name(input.request.tags[tag])])

# What a caller chooses may be too long for a scope, or not one line.
scope_name(name) := name if regex.match(`^[^\pC]{1,128}$`, name)

scope_name(name) := crypto.sha256(name) if not regex.match(`^[^\pC]{1,128}$`, name)

# Whether today is in a period of days, of which both ends are part.
in_force(period) if {
	input.time.date >= period.from
	input.time.date <= period.until
}
