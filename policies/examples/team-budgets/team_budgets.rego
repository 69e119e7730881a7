# Budgets for teams. team_budgets.data.json has what each team may spend; a team that is
# not listed there gets the amounts under "other". Amounts are US dollars.
#
# Drop this folder's files into your policy folder: they extend the built-in policy.
package penstock

# A request belongs to the team of its key.
team_budget := data.team_budgets[input.key.team]

team_budget := data.team_budgets.other if {
	input.key.team
	not data.team_budgets[input.key.team]
}

# One limit for every window that the data names for the team. At the hard limit
# requests are refused until the window ends.
limits contains {
	"name": sprintf("team %s per %s", [input.key.team, window]),
	"scope": sprintf("team:%s", [input.key.team]),
	"unit": "usd",
	"window": window,
	"max": amount,
} if {
	some window, amount in team_budget.hard
}

# The same meter may have a soft limit as well: it refuses nothing, but the reply has a
# warning when it is exceeded.
limits contains {
	"name": sprintf("team %s per %s, notice", [input.key.team, window]),
	"scope": sprintf("team:%s", [input.key.team]),
	"unit": "usd",
	"window": window,
	"max": amount,
	"on_exceed": "warn",
} if {
	some window, amount in team_budget.soft
}

# Some teams may only run so many requests at once.
limits contains {
	"name": sprintf("team %s at once", [input.key.team]),
	"scope": sprintf("team:%s", [input.key.team]),
	"unit": "concurrent",
	"max": team_budget.at_once,
}

# A key without a team has no budget to draw on.
deny contains {
	"code": "team_required",
	"message": "This gateway budgets by team: use a key that belongs to one.",
	"status": 403,
} if {
	not input.key.team
}
