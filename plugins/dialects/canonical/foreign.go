package canonical

import "strings"

// IsForeign reports whether a member belongs to another service than OpenAI, whose clients
// may send it. Names with a dot are those that the client side of a dialect gives to what only
// its own provider has, or to what it has left out.
func IsForeign(name string) bool {
	if strings.Contains(name, ".") {
		return true
	}
	switch name {
	case "add_generation_prompt", "allowed_token_ids", "bad_words", "best_of", "cache_prompt", "cache_salt", "cachedContent", "cached_content",
		"chat_template", "chat_template_kwargs", "citation_options", "clear_thinking", "compound_custom",
		"context_length_exceeded_behavior", "continue_final_message", "data_sources", "debug", "deferred",
		"disable_reasoning", "disable_search", "do_sample", "documents", "echo", "enable_search",
		"enable_search_classifier", "enable_thinking", "exclude_domains", "format", "grammar", "guided_choice",
		"guided_decoding_backend", "guided_grammar", "guided_json", "guided_regex", "id_slot", "ignore_eos",
		"image_config", "include_domains", "include_reasoning", "include_stop_str_in_output", "keep_alive",
		"language_preference", "length_penalty", "min_p", "min_tokens", "mirostat", "mm_processor_kwargs", "models",
		"num_ctx", "num_predict", "options", "plugins", "preset", "priority", "prompt_logprobs", "prompt_mode",
		"prompt_truncate_len", "provider", "random_seed", "reasoning_format", "reasoning_split", "repeat_penalty",
		"repetition_penalty", "return_images", "return_related_questions", "return_token_ids",
		"return_tokens_as_token_ids", "route", "safetySettings", "safe_prompt", "safety_model", "safety_settings", "search_after_date_filter",
		"search_before_date_filter", "search_domain_filter", "search_mode", "search_parameters",
		"search_recency_filter", "search_settings", "session_id", "skip_special_tokens",
		"spaces_between_special_tokens", "stop_sequences", "stop_token_ids", "structured_outputs", "suffix", "system", "think",
		"thinking_budget", "tool_stream", "top_a", "trace", "transforms", "truncate_prompt_tokens", "typical_p",
		"usage", "use_beam_search":
		return true
	}
	return false
}

// Harmless reports whether leaving a member out changes nothing, because its value is what
// holds without it.
func (m Member) Harmless() bool {
	switch string(m.Key) {
	case "n":
		return Whole(m.Value) <= 1
	case "seed": // 0 is a seed like any other
		return false
	case "modalities":
		for mode := range m.Value.Items {
			if string(Text(mode)) != "text" {
				return false
			}
		}
		return true
	}
	return Empty(m.Value)
}
