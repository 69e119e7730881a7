# Who may use which models: `models` of teams, keys, users, tags and everyone, and `teams` in
# models.yaml.
package penstock.settings

import data.penstock_tables as tables

deny contains {
	"code": "model_restricted",
	"message": sprintf("%s may not use the model %q; it may use %s.", [who, input.request.model, allowed.text]),
	"status": 403,
} if {
	some who, allowed in allowed_models
	not lists(allowed)
}

allowed_models["This gateway"] := tables.models.everyone[""]

allowed_models[concat(" ", ["The team", input.key.team])] := tables.models.teams[team_entry]

allowed_models["This key"] := tables.models.keys[key_entry]

allowed_models[concat(" ", ["The user", input.key.user])] := tables.models.users[user_entry]

allowed_models[sprintf("The %s %s", [tag, input.request.tags[tag]])] := tables.models.tags[tag][value] if {
	some tag, value in tag_entries
}

# Whether a list of models has the request's.
lists(allowed) if allowed.any

lists(allowed) if allowed.names[input.request.model]

lists(allowed) if {
	some pattern in allowed.patterns
	regex.match(pattern, input.request.model)
}

deny contains {
	"code": "model_of_other_teams",
	"message": sprintf("The model %q is for other teams: %s.", [input.request.model, tables.model_teams[model_entry].text]),
	"status": 403,
} if {
	tables.model_teams[model_entry]
	not team_of_model
}

team_of_model if tables.model_teams[model_entry].names[input.key.team]
