package main

import "net/http"

// fields is the schema of an object with these members, of which the first are required.
func fields(required []string, members object) object {
	return object{"type": "object", "properties": members, "required": required}
}

func listOf(item object) object { return object{"type": "array", "items": item} }

func described(kind, description string) object {
	return object{"type": kind, "description": description}
}

// callerHeaders are what callers may say about a request beside its body.
func callerHeaders() []object {
	return []object{
		header("x-penstock-tags", "tags for policies and spend: NAME=VALUE, separated by commas", nil),
		header("x-penstock-session", "what the requests of one conversation share, so that they go to the same target", nil),
		header("x-penstock-cache", "off, refresh or how old a cached reply may be", nil),
	}
}

// refusals are the statuses of requests to models.
func refusals() []int {
	return []int{http.StatusBadRequest, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusBadGateway, http.StatusGatewayTimeout}
}

// clientOperations are those of the data listener.
func clientOperations() []operation {
	return append(append(openAIOperations(), otherFormats()...), modelOperations()...)
}

func openAIOperations() []operation {
	text := object{"type": "string"}
	model := described("string", "a model, route or target, as GET /v1/models lists them")
	stream := described("boolean", "send the reply as server-sent events")
	usage := object{"type": "object"}
	messages := listOf(fields([]string{"role"}, object{"role": text, "content": object{}}))
	said := []object{{"role": "user", "content": "Say hello."}}
	at := func(path string) (string, []string) { return "/v1" + path, []string{path} }
	var all []operation
	for _, op := range []operation{
		{path: "/chat/completions", summary: "Chat completion", streams: "text/event-stream",
			body:       object{"model": "demo", "messages": said},
			bodySchema: fields([]string{"messages"}, object{"model": model, "messages": messages, "stream": stream}),
			reply:      fields([]string{"id", "object", "choices"}, object{"id": text, "object": text, "model": text, "choices": listOf(usage), "usage": usage})},
		{path: "/responses", summary: "Response", streams: "text/event-stream", body: object{"model": "demo", "input": "Say hello."},
			bodySchema: fields([]string{"input"}, object{"model": model, "input": object{}, "stream": stream}),
			reply:      fields([]string{"id", "object", "output"}, object{"id": text, "object": text, "output": listOf(usage), "usage": usage})},
		{path: "/responses/input_tokens", summary: "Count the tokens of a response's input", body: object{"model": "demo", "input": "Say hello."},
			bodySchema: fields([]string{"input"}, object{"model": model, "input": object{}}),
			reply:      fields([]string{"object", "input_tokens"}, object{"object": text, "input_tokens": object{"type": "integer"}})},
		{path: "/responses/compact", summary: "Shorten a conversation", body: object{"model": "demo", "input": "Say hello."},
			bodySchema: fields([]string{"input"}, object{"model": model, "input": object{}}), reply: object{"type": "object"}},
		{path: "/completions", summary: "Completion of a text", streams: "text/event-stream", body: object{"model": "demo", "prompt": "Say hello."},
			bodySchema: fields([]string{"prompt"}, object{"model": model, "prompt": object{}, "stream": stream}),
			reply:      fields([]string{"id", "object", "choices"}, object{"id": text, "object": text, "choices": listOf(usage), "usage": usage})},
		{path: "/embeddings", summary: "Embeddings", body: object{"model": "demo", "input": "hello"},
			bodySchema: fields([]string{"input"}, object{"model": model, "input": object{}}),
			reply:      fields([]string{"object", "data"}, object{"object": text, "data": listOf(usage), "usage": usage})},
	} {
		op.method, op.tag, op.on, op.errors, op.params = http.MethodPost, "OpenAI", data, refusals(), callerHeaders()
		op.path, op.aliases = at(op.path)
		all = append(all, op)
	}
	return all
}

func otherFormats() []operation {
	text := object{"type": "string"}
	part := object{"type": "object"}
	messages := object{"model": "demo", "max_tokens": 100, "messages": []object{{"role": "user", "content": "Say hello."}}}
	messageSchema := fields([]string{"model", "messages"}, object{"model": text, "max_tokens": object{"type": "integer"}, "messages": listOf(part), "stream": object{"type": "boolean"}})
	contents := object{"contents": []object{{"role": "user", "parts": []object{{"text": "Say hello."}}}}}
	contentSchema := fields([]string{"contents"}, object{"contents": listOf(part), "generationConfig": part, "systemInstruction": part})
	content := object{"content": object{"parts": []object{{"text": "hello"}}}}
	all := []operation{
		{path: "/v1/messages", aliases: []string{"/messages"}, summary: "Message", streams: "text/event-stream", body: messages, bodySchema: messageSchema,
			reply: fields([]string{"id", "type", "content"}, object{"id": text, "type": text, "content": listOf(part), "usage": part})},
		{path: "/v1/messages/count_tokens", aliases: []string{"/messages/count_tokens"}, summary: "Count the tokens of a message", body: messages, bodySchema: messageSchema,
			reply: fields([]string{"input_tokens"}, object{"input_tokens": object{"type": "integer"}})},
	}
	for i := range all {
		all[i].tag, all[i].shape, all[i].params = "Anthropic", "AnthropicError", callerHeaders()
	}
	for _, op := range []operation{
		{path: "generateContent", summary: "Content", body: contents, bodySchema: contentSchema, reply: fields([]string{"candidates"}, object{"candidates": listOf(part), "usageMetadata": part})},
		{path: "streamGenerateContent", summary: "Content, streamed", description: "With alt=sse as server-sent events, otherwise as one JSON array.", body: contents, bodySchema: contentSchema,
			streams: "text/event-stream", reply: listOf(part), params: []object{query("alt", "sse for server-sent events", nil)}},
		{path: "countTokens", summary: "Count the tokens of content", body: contents, bodySchema: contentSchema, reply: fields([]string{"totalTokens"}, object{"totalTokens": object{"type": "integer"}})},
		{path: "embedContent", summary: "Embedding of content", body: content, bodySchema: fields([]string{"content"}, object{"content": part}), reply: fields([]string{"embedding"}, object{"embedding": part})},
		{path: "batchEmbedContents", summary: "Embeddings of several contents", body: object{"requests": []object{{"model": "models/demo", "content": content["content"]}}},
			bodySchema: fields([]string{"requests"}, object{"requests": listOf(part)}), reply: fields([]string{"embeddings"}, object{"embeddings": listOf(part)})},
	} {
		op.path = "/v1beta/models/{model}:" + op.path
		op.tag, op.shape = "Gemini", "GeminiError"
		op.params = append(append([]object{path("model", "a model, route or target", "demo")}, op.params...), callerHeaders()...)
		all = append(all, op)
	}
	for i := range all {
		all[i].method, all[i].on, all[i].errors = http.MethodPost, data, refusals()
	}
	return all
}

func modelOperations() []operation {
	text := object{"type": "string"}
	model := fields([]string{"id", "object"}, object{"id": text, "object": object{"const": "model"}, "created": object{"type": "integer"}, "owned_by": text})
	gemini := fields([]string{"name"}, object{"name": text, "displayName": text, "inputTokenLimit": object{"type": "integer"}, "outputTokenLimit": object{"type": "integer"}, "supportedGenerationMethods": listOf(text)})
	plain := func(path, summary, reply string) operation {
		return operation{method: http.MethodGet, path: path, tag: "Operation", on: data, summary: summary, kind: "text/plain", reply: object{"type": "string", "examples": []string{reply}}, open: true}
	}
	health := plain("/healthz", "Whether the process is up", "ok")
	health.on |= operators
	return []operation{
		{method: http.MethodGet, path: "/v1/models", aliases: []string{"/models"}, tag: "Models", on: data, summary: "The models that the key may use",
			description: "With the header anthropic-version the list has the form of Anthropic's API, with limit, after_id and before_id.",
			reply:       fields([]string{"object", "data"}, object{"object": object{"const": "list"}, "data": listOf(model)})},
		{method: http.MethodGet, path: "/v1/models/{id}", aliases: []string{"/models/{id}"}, tag: "Models", on: data, summary: "One model",
			params: []object{path("id", "the model; it may have slashes", "demo")}, reply: model, errors: []int{http.StatusNotFound}},
		{method: http.MethodGet, path: "/v1/capabilities", aliases: []string{"/capabilities"}, tag: "Models", on: data, summary: "What the models can do, hold and cost",
			reply: fields([]string{"object", "data"}, object{"object": object{"const": "list"}, "data": listOf(fields([]string{"id", "targets"}, object{"id": text, "context": object{"type": []string{"integer", "null"}},
				"max_output": object{"type": []string{"integer", "null"}}, "capabilities": object{"anyOf": []object{listOf(text), {"type": "null"}}}, "price": object{"type": []string{"object", "null"}}, "targets": listOf(object{"type": "object"})}))})},
		{method: http.MethodGet, path: "/v1beta/models", tag: "Gemini", on: data, summary: "The models, as Gemini lists them", shape: "GeminiError",
			params: []object{query("pageSize", "at most how many, up to 1000", 50), query("pageToken", "nextPageToken of the page before", nil)},
			reply:  fields([]string{"models"}, object{"models": listOf(gemini), "nextPageToken": text}), errors: []int{http.StatusBadRequest}},
		{method: http.MethodGet, path: "/v1beta/models/{id}", tag: "Gemini", on: data, summary: "One model, as Gemini describes it", shape: "GeminiError",
			params: []object{path("id", "the model", "demo")}, reply: gemini, errors: []int{http.StatusNotFound}},
		{method: http.MethodPost, path: "/v1/feedback", aliases: []string{"/feedback"}, tag: "Feedback", on: data, summary: "Say how good the reply to a request was",
			body:       object{"request_id": "req_01k9zq6m3c8v7e2x5d4r1t0wbn", "score": 0.8, "label": "helpful"},
			bodySchema: fields([]string{"request_id", "score"}, object{"request_id": text, "score": object{"type": "number", "minimum": 0, "maximum": 1}, "label": text, "comment": text}),
			reply:      fields([]string{"object", "request_id", "score"}, object{"object": object{"const": "feedback"}, "request_id": text, "score": object{"type": "number"}}),
			errors:     []int{http.StatusBadRequest, http.StatusNotFound}},
		plain("/", "Whether there is a gateway", "Penstock is here."), health,
	}
}
