package main

import "slices"

// replayExceptions are replies that a client does not get as they were recorded, and why.
var replayExceptions = []struct {
	cause               string
	clients, recordings []string
}{
	{"the client wants events of the Responses API that this provider leaves out or adds, and gets what the provider sends",
		[]string{"node openai responses", "python openai responses"},
		[]string{"bedrock-mantle/reasoning-stream/responses__rs_bedrock_mantle_responses_chat_streams_through_the_responses_surface__2e87c96b.json"}},
	{"the client wants every call to have an id beside its call_id, and gets what the provider sends",
		[]string{"vercel openai responses"},
		[]string{"bedrock-mantle/tools/responses__edrock_mantle_responses_chat_calls_tools_through_the_responses_surface__a8df0634.json"}},
	{"the client joins the messages of a response without a break",
		[]string{"vercel openai responses"},
		[]string{"deepseek/citations-search/responses__ek_deepseek-v4-flash_searches_server-side_and_records_the_search_turns__929069ec.json"}},
	{"recorded for an old client that asked for numbers in place of words",
		[]string{"python genai", "vercel google"},
		[]string{"gemini/chat/generateContent__TestGoogleAICall__82240c82.json", "gemini/chat/generateContent__TestGoogleAIWithOptions__52d65e1c.json",
			"gemini/tools/generateContent__TestGoogleAIToolCallResponse__b07fd449.json"}},
	{"recorded without stream_options: then Groq counts in x_groq alone, where the client does not look",
		[]string{"node openai chat", "python openai chat", "go openai chat", "vercel openai chat"},
		[]string{"groq/chat-stream/chat.completions__test_chat_streaming_legacy__72971073.json",
			"groq/citations-search-stream/chat.completions__test_groq_model_web_search_tool_stream__7c85b401.json"}},
	{"the client does not know calls in the deprecated form, which OpenAI gives only to who asks in it",
		[]string{"vercel openai chat"},
		[]string{"openai/tools/chat.completions__test_open_ai_function_calls__8e437834.json"}},
	{"the client refuses annotations other than OpenAI's",
		[]string{"vercel openai chat"},
		[]string{"openrouter/file-in/chat.completions__test_openrouter_file_annotation__7bdf0575.json"}},
	{"the client adds up the usage of all chunks, in each of which Perplexity gives that of the whole",
		[]string{"go openai chat"},
		[]string{"perplexity/citations-search-stream/chat.completions__chat_streaming_responses_perplexity_sonar_supports_streaming_responses__d7ef3d63.json"}},
	{"the provider gives no finish reasons, and the client's helper wants one",
		[]string{"node openai chat"},
		[]string{"snowflake/chat-stream/chat.completions__test_snowflake_model_streaming__dda6381e.json",
			"snowflake/reasoning-stream/chat.completions__test_snowflake_thinking_streaming__e1261025.json"}},
	{"the provider's finish reason is its own word",
		[]string{"vercel openai chat"},
		[]string{"together/structured/chat.completions__test_together_chat_legacy__67d383fe.json"}},
	{"the client leaves out why a reply was withheld",
		[]string{"vercel google"},
		[]string{"vertex/chat/generateContent__test_google_model_armor_prompt_template_text_gets_blocked__5653738e.json"}},
	{"the client leaves out why a reply was withheld",
		[]string{"node genai", "python genai", "vercel google"},
		[]string{"vertex/reasoning/generateContent__test_google_model_armor_response_template_real_block__8d48a4d7.json"}},
	{"the client's helper raises an error for a reply that met the limit on tokens",
		[]string{"python openai chat"},
		[]string{"vllm/chat-stream/chat.completions__test_trace_propagation_stream-ChatOpenAI__b7d9f776.json",
			"vllm/chat-stream/chat.completions__test_trace_propagation_stream_async-ChatOpenAI__1ec67845.json"}},
}

// excepted returns the cause for which a client is not to get a recording right, or "".
func excepted(client, recording string) string {
	for _, e := range replayExceptions {
		if slices.Contains(e.clients, client) && slices.Contains(e.recordings, recording) {
			return e.cause
		}
	}
	return ""
}

// exceptions counts the exceptions of a client among its recordings.
func (c replayClient) exceptions() (n int) {
	for _, e := range replayExceptions {
		if slices.Contains(e.clients, c.name) {
			n += len(e.recordings)
		}
	}
	return n
}
