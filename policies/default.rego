# The admission policy that Penstock uses when none is configured. A key may be
# restricted to some models and may have a budget of its own; everything else is allowed.
#
# A policy folder extends this file as long as it does not define `decision` itself:
# teams.yaml, limits.yaml and models.yaml say what the rules of package penstock.settings
# enforce, and files of package penstock add rules for deny, warnings, limits and obligations.
package penstock

decision := {
	"allow": count(deny) == 0,
	"reasons": deny,
	"warnings": {warning | some warning in data.penstock.warnings},
	"limits": limits,
	"obligations": object.union(
		{name: value | some name, value in data.penstock.settings.obligations},
		{name: value | some name, value in data.penstock.obligations},
	),
}

# What teams.yaml, limits.yaml and models.yaml say; limits.rego and raises.rego add limits. A
# folder's own rules win over their obligations.
deny contains reason if some reason in data.penstock.settings.deny

warnings contains warning if some warning in data.penstock.settings.warnings

# A key without a list of models may use every model.
deny contains {
	"code": "model_not_allowed",
	"message": sprintf("This key may not use the model %q; it may use %s.", [
		input.request.model,
		concat(", ", input.key.models),
	]),
	"status": 403,
} if {
	count(input.key.models) > 0
	not model_listed
}

model_listed if input.request.model in input.key.models

# In a list of models, "*" matches any characters, and every other character itself, as
# everywhere in the gateway where names are matched.
model_listed if {
	some pattern in input.key.models
	contains(pattern, "*")
	literal := [glob.quote_meta(part) | some part in split(pattern, "*")]
	glob.match(concat("*", literal), null, input.request.model)
}

# The key's own budget, in US dollars per window.
limits contains {
	"name": "key budget",
	"scope": sprintf("key:%s", [input.key.id]),
	"unit": "usd",
	"window": input.key.budget.window,
	"max": input.key.budget.max,
}
