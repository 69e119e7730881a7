# Near the end of a team's daily budget, requests go to a cheaper model instead of being
# refused. soft_downgrade.data.json has what each team may spend, from which percentage
# on the downgrade applies, and which model replaces which.
#
# Drop this folder's files into your policy folder: they extend the built-in policy.
package penstock

downgrade_scope := sprintf("team:%s", [input.key.team])

limits contains {
	"name": sprintf("team %s per day", [input.key.team]),
	"scope": downgrade_scope,
	"unit": "usd",
	"window": "day",
	"max": data.soft_downgrade.usd_per_day[input.key.team],
}

# input.usage has the usage of the limits that this policy names, in whole percent.
near_the_end if input.usage[downgrade_scope].day.usd >= data.soft_downgrade.from_percent

obligations["model"] := cheaper if {
	near_the_end
	cheaper := data.soft_downgrade.instead[input.request.model]
}

warnings contains sprintf("Team %s has used %d %% of its budget for today: %s is served by %q.", [
	input.key.team,
	input.usage[downgrade_scope].day.usd,
	json.marshal(input.request.model),
	obligations.model,
])
