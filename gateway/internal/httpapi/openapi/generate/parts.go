package main

func info() object {
	return object{"title": "Penstock", "version": "1", "license": object{"name": "See LICENSE", "identifier": "Apache-2.0"},
		"description": "Penstock has two listeners. The data listener serves applications in the formats of OpenAI, Anthropic and Gemini; the admin listener serves operators, and the dashboard. " +
			"This document describes both, and both serve it at /openapi.yaml and /openapi.json. x-data and x-admin say which listener has an operation, x-aliases at which further paths, x-roles which roles of a key may use it.\n\n" +
			"Members are added to replies without notice; clients must ignore those that they do not know."}
}

func servers() []object {
	return []object{{"url": "http://127.0.0.1:8080", "description": "the data listener, by default"}, {"url": "http://127.0.0.1:8081", "description": "the admin listener, by default"}}
}

// security lists the ways to send a key. A gateway with keys off, and the admin listener for its
// own machine, need none.
func security() []object {
	return []object{{"bearer": []string{}}, {"anthropic": []string{}}, {"gemini": []string{}}, {"azure": []string{}}, {}}
}

func securitySchemes() object {
	header := func(name, of string) object {
		return object{"type": "apiKey", "in": "header", "name": name, "description": "the same key, where clients of " + of + " send it"}
	}
	return object{"bearer": object{"type": "http", "scheme": "bearer", "description": "a virtual key, or a token of an OpenID Connect issuer of the configuration"},
		"anthropic": header("x-api-key", "Anthropic"), "gemini": header("x-goog-api-key", "Gemini"), "azure": header("api-key", "Azure OpenAI")}
}

func headers() object {
	header := func(description, kind string) object {
		return object{"description": description, "schema": object{"type": kind}}
	}
	return object{"RequestID": header("names the request in the ledger, the log and GET /admin/v1/requests/{id}", "string"),
		"RetryAfter": header("seconds after which it is worth to try again", "integer"), "RetryAfterMs": header("the same in milliseconds", "integer"),
		"ShouldRetry": header("false where trying again cannot help", "string"), "Authenticate": header("Bearer, with an error where a key was sent", "string")}
}

func errorSchemas() object {
	text, number := object{"type": "string"}, object{"type": "integer"}
	of := func(inner object, required ...string) object {
		return object{"type": "object", "required": required, "properties": inner}
	}
	return object{
		"Error": of(object{"error": of(object{"message": text, "type": text, "code": object{"type": []string{"string", "null"}},
			"param": object{"type": []string{"string", "null"}}}, "message", "type")}, "error"),
		"AnthropicError": of(object{"type": object{"const": "error"}, "error": of(object{"type": text, "message": text}, "type", "message")}, "type", "error"),
		"GeminiError":    of(object{"error": of(object{"code": number, "message": text, "status": text}, "code", "message", "status")}, "error"),
	}
}

func tags() []object {
	var all []object
	for _, t := range [][2]string{
		{"Models", "What can be asked of the gateway."},
		{"OpenAI", "OpenAI's formats. Members that are not listed pass through; https://platform.openai.com/docs/api-reference describes them all."},
		{"Anthropic", "Anthropic's Messages API, as https://docs.anthropic.com/en/api/messages describes it."},
		{"Gemini", "Gemini's API, as https://ai.google.dev/api describes it."},
		{"Feedback", "What callers think of replies."},
		{"Requests", "What became of requests, and why."},
		{"Spend and limits", "What was spent, and what may be."},
		{"Targets", "Targets with their circuits, and the cache."},
		{"Policies and plugins", "What decides, and reloading it."},
		{"Keys", "Virtual keys."},
		{"Teams and users", "Who the keys belong to."},
		{"Operation", "Health, metrics and this document."},
	} {
		all = append(all, object{"name": t[0], "description": t[1]})
	}
	return all
}

// query declares a parameter of the query, path one of the path, and header one of the headers.
func query(name, description string, example any) object {
	return parameter("query", name, description, example)
}

func path(name, description string, example any) object {
	p := parameter("path", name, description, example)
	p["required"] = true
	return p
}

func header(name, description string, example any) object {
	return parameter("header", name, description, example)
}

func parameter(in, name, description string, example any) object {
	kind := "string"
	switch example.(type) {
	case int:
		kind = "integer"
	case float64:
		kind = "number"
	case bool:
		kind = "boolean"
	}
	p := object{"in": in, "name": name, "description": description, "schema": object{"type": kind}}
	if example != nil {
		p["example"] = example
	}
	return p
}
