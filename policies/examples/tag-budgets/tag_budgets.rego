# Budgets by use case. Every request has a tag "usecase" (in the body's metadata, in the
# x-penstock-tags header or on the key), and each use case has a daily budget of its own
# across all keys and teams, in US dollars: tag_budgets.data.json lists them.
#
# Drop this folder's files into your policy folder: they extend the built-in policy.
package penstock

usecase := input.request.tags.usecase

limits contains {
	"name": sprintf("use case %s", [usecase]),
	"scope": sprintf("tag:usecase=%s", [usecase]),
	"unit": "usd",
	"window": "day",
	"max": data.usecases[usecase],
}

# Without the tag, or with an unknown one, there is no budget.
deny contains {
	"code": "usecase_required",
	"message": sprintf("Tag this request with its use case, one of %s: metadata.usecase or the header x-penstock-tags.", [concat(", ", known_usecases)]),
	"status": 400,
} if {
	not usecase_planned
}

# This is a rule of its own because `not data.usecases[usecase]` is undefined, not true,
# for a request without the tag: nothing would be refused.
usecase_planned if data.usecases[usecase]

known_usecases := object.keys(data.usecases)
