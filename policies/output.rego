# The output of one request: `max_output_tokens`. The smallest one holds.
package penstock.settings

import data.penstock_tables as tables

obligations["max_output_tokens"] := min(output_caps) if count(output_caps) > 0

output_caps contains cap if some cap in tables.output.everyone[""]

output_caps contains cap if some cap in tables.output.teams[team_entry]

output_caps contains cap if some cap in tables.output.keys[key_entry]

output_caps contains cap if some cap in tables.output.users[user_entry]

output_caps contains cap if some cap in tables.output.models[model_entry]

output_caps contains cap if {
	some tag, value in tag_entries
	some cap in tables.output.tags[tag][value]
}
