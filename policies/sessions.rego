# What one session of an agent may use. Sessions of two keys are two sessions, even if they
# have the same name.
package penstock.settings

import data.penstock_tables as tables

session_entry := input.key.team if {
	input.request.session
	tables.names.sessions[input.key.team]
}

session_entry := "" if {
	input.request.session
	not session_of_team
}

session_of_team if tables.names.sessions[input.key.team]

session_scope := concat("", ["session:", input.key.id, "/", input.request.session])

session_scope := concat("", ["session:", input.request.session]) if not input.key.id

deny contains {
	"code": "session_required",
	"message": "Name the session of this request: the header x-penstock-session.",
	"status": 400,
} if {
	tables.session_required[""]
	not input.request.session
}
