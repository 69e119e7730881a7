package main

import penstock "github.com/penstock/penstock/sdk/go"

// options are Ollama's options that the canonical form also has, with both names.
var options = [...]struct{ theirs, ours string }{
	{"temperature", "temperature"}, {"top_p", "top_p"}, {"seed", "seed"}, {"stop", "stop"}, {"num_predict", "max_tokens"},
	{"frequency_penalty", "frequency_penalty"}, {"presence_penalty", "presence_penalty"},
}

// accept is penstock_accept_request.
func accept(out, in []byte) ([]byte, error) {
	if path, _ := penstock.JSON(in).Member("path").Text(nil); string(path) != "/api/chat" {
		return nil, penstock.Reject(404, "There is only POST /api/chat here.")
	}
	var model, messages, format, chosen penstock.JSON
	stream := true // Ollama's default
	for key, value := range penstock.JSON(in).Member("body").Members {
		switch string(key) {
		case "model":
			model = value
		case "messages":
			messages = value
		case "stream":
			stream = value.Kind() != 'f'
		case "format":
			format = value
		case "options":
			chosen = value
		case "tools":
			return nil, penstock.Reject(400, "tools are not supported here.")
		}
	}
	if model.Kind() != '"' || messages.Kind() != '[' {
		return nil, penstock.Reject(400, "model must be a text and messages a list.")
	}
	for m := range messages.Items {
		if m.Member("images") != nil || m.Member("tool_calls") != nil {
			return nil, penstock.Reject(400, "Only texts are supported here, no images and no tool calls.")
		}
	}
	out = append(append(out, `{"body":{"model":`...), model...)
	out = append(append(out, `,"messages":`...), messages...)
	for _, o := range options {
		if value := chosen.Member(o.theirs); !value.Null() {
			out = append(append(append(append(out, `,"`...), o.ours...), `":`...), value...)
		}
	}
	out = appendFormat(out, format)
	if stream {
		out = append(out, `,"stream":true,"stream_options":{"include_usage":true}`...)
	}
	return append(out, "}}"...), nil
}

// appendFormat appends a response_format that asks for JSON, with or without a schema.
func appendFormat(out []byte, format penstock.JSON) []byte {
	switch format.Kind() {
	case '"':
		return append(out, `,"response_format":{"type":"json_object"}`...)
	case '{':
		out = append(append(out, `,"response_format":{"type":"json_schema","json_schema":{"name":"reply","schema":`...), format...)
		return append(out, "}}"...)
	}
	return out
}
