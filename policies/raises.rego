# Limits that raises in limits.yaml lift for some days. The table has the limit of every
# period, so that days are compared here and nothing is added.
package penstock

import data.penstock.settings
import data.penstock_tables as tables

limits contains object.union(period.limit, {"scope": "everyone"}) if {
	some period in tables.raised.everyone[""]
	settings.in_force(period)
}

limits contains object.union(period.limit, {"scope": settings.team_scope}) if {
	some period in tables.raised.teams[settings.team_entry]
	settings.in_force(period)
}

limits contains object.union(period.limit, {"scope": settings.key_scope}) if {
	some period in tables.raised.keys[settings.key_entry]
	settings.in_force(period)
}

limits contains object.union(period.limit, {"scope": settings.user_scope}) if {
	some period in tables.raised.users[settings.user_entry]
	settings.in_force(period)
}

limits contains object.union(period.limit, {"scope": settings.tag_scope(tag)}) if {
	some tag, value in settings.tag_entries
	some period in tables.raised.tags[tag][value]
	settings.in_force(period)
}
