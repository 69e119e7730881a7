# Expensive models are for working hours, and for users who are on call.
# business_hours.data.json has the models and the hours; they are in the time zone that
# `time_zone` in the gateway's configuration sets.
#
# Drop this folder's files into your policy folder: they extend the built-in policy.
package penstock

deny contains {
	"code": "outside_hours",
	"message": sprintf("The model %s is open %s; outside of that, ask for %q.", [
		json.marshal(input.request.model),
		data.business_hours.text,
		data.business_hours.instead,
	]),
	"status": 403,
} if {
	# Equality and membership come first: they exclude most requests at low cost.
	input.request.model in data.business_hours.models
	not "oncall" in input.key.roles
	not within_hours
}

within_hours if {
	input.time.weekday in data.business_hours.weekdays
	input.time.minute_of_day >= data.business_hours.from_minute
	input.time.minute_of_day < data.business_hours.to_minute
	not on_holiday
}

on_holiday if input.time.date in data.business_hours.holidays
