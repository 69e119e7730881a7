package policy

// inputDocument declares the input of a policy. A test compares it with what the encoder
// writes, member by member and both ways.
func inputDocument() document {
	return document{"https://penstock.dev/schema/policy-input-1.json", "Penstock policy input, version 1", objectShape(
		"The input of a policy. Collections are always present, possibly empty; a scalar without a value is absent, and so undefined in Rego. It has no prompt text.",
		required("v", integerShape("The version of this schema.").is(1)),
		required("time", timeShape()),
		required("key", keyShape()),
		required("request", requestShape()),
		required("route", routeShape()),
		required("usage", tableShape("The usage of the limits that this policy has named for requests with the same key, model and tags: scope, then window (\"now\" for concurrent), then unit, in whole percent; more than 100 is possible.",
			tableShape("", tableShape("", integerShape("").from(0))))),
	)}
}

func timeShape() shape {
	return objectShape("The time of the request, to the minute, in the policy's time zone.",
		required("unix_minute", integerShape("Minutes since 1970-01-01 00:00 UTC.")),
		required("weekday", oneOfShape("", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")),
		required("minute_of_day", integerShape("Minutes since midnight by the wall clock.").from(0).upTo(1439)),
		required("date", textShape("Such as 2026-11-22.")),
	)
}

func keyShape() shape {
	return objectShape("The caller's virtual key. Without one there is no id.",
		optional("id", textShape("The key's public id.")),
		optional("name", textShape("")),
		optional("team", textShape("")),
		optional("user", textShape("")),
		required("roles", listShape("", textShape(""))),
		required("tags", tableShape("The key's own tags.", textShape(""))),
		required("models", listShape("The models that this key may use, with \"*\" for any characters; empty means all.", textShape(""))),
		optional("budget", objectShape("The key's own budget.",
			required("max", numberShape("US dollars, exact to nine decimals.").from(0)),
			required("window", textShape("Such as day, month or 5h.")),
		)),
		optional("expires", integerShape("When the key expires, in minutes since 1970-01-01 00:00 UTC.")),
	)
}

func requestShape() shape {
	return objectShape("The request, without its text.",
		required("endpoint", textShape("Such as chat.completions.")),
		required("dialect", textShape("The client's wire format, such as openai.")),
		required("model", textShape("The model's name in the request.")),
		required("stream", booleanShape("")),
		optional("max_tokens", integerShape("The client's bound on output tokens.")),
		required("est_input_tokens", integerShape("A safe over-count of the prompt.")),
		optional("est_cost_usd_micro", integerShape("An upper bound of the cost in millionths of a US dollar, rounded up; absent when a price is unknown.")),
		required("features", listShape("What the request needs: tools, vision, audio_in, audio_out, file_in, json_object, json_schema, reasoning, logprobs, prefill, web_search.", textShape(""))),
		required("tags", tableShape("The body's metadata, overridden by x-penstock-tags, overridden by the key's own tags.", textShape(""))),
		required("metadata", tableShape("The body's metadata members that are strings.", textShape(""))),
		optional("session", textShape("What the requests of one agent's session share, by x-penstock-session or the like; absent without one. One that is too long for a scope or has control characters is replaced by a hash.")),
		optional("ip", textShape("The client's address without port.")),
		required("data_classes", listShape("Classes of data in the request, such as personal, by the tag data_class of its key and its caller; lower case.", textShape(""))),
	)
}

func routeShape() shape {
	return objectShape("How the model is served.",
		optional("name", textShape("The alias, or the pattern that matched it.")),
		required("targets", listShape("", objectShape("",
			required("id", textShape("provider/model.")),
			required("provider", textShape("")),
			optional("region", textShape("")),
			optional("price_in", integerShape("Millionths of a US dollar per million input tokens, rounded up; absent when unknown.")),
			optional("price_out", integerShape("Millionths of a US dollar per million output tokens, rounded up; absent when unknown.")),
			optional("context", integerShape("Tokens; absent when unknown.")),
		))),
	)
}
