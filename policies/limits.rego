# The limits of teams.yaml, limits.yaml and models.yaml. Those of a name are in the tables as
# they are in the decision; those of the defaults lack the scope.
package penstock

import data.penstock.settings
import data.penstock_tables as tables

limits contains limit if some limit in tables.limits.everyone[""]

limits contains limit if some limit in tables.limits.teams[input.key.team]

limits contains object.union(limit, {"scope": settings.team_scope}) if {
	settings.team_entry == ""
	some limit in tables.limits.teams[""]
}

limits contains object.union(limit, {"scope": settings.key_scope}) if {
	some limit in tables.limits.keys[settings.key_entry]
}

limits contains limit if some limit in tables.limits.users[input.key.user]

limits contains object.union(limit, {"scope": settings.user_scope}) if {
	settings.user_entry == ""
	some limit in tables.limits.users[""]
}

limits contains object.union(limit, {"scope": settings.model_scope}) if {
	some limit in tables.limits.models[settings.model_entry]
}

limits contains object.union(limit, {"scope": settings.tag_scope(tag)}) if {
	some tag, value in settings.tag_entries
	some limit in tables.limits.tags[tag][value]
}

limits contains object.union(limit, {"scope": settings.session_scope}) if {
	some limit in tables.limits.sessions[settings.session_entry]
}
