package main

import (
	"bytes"

	"github.com/valyala/fastjson"
)

// writeSampling writes temperature, top_p and top_k as far as the model takes them
// together with what else was asked.
func (r *request) writeSampling() error {
	thinking := r.thinks()
	temperature, hot, err := r.number("temperature")
	if err != nil {
		return err
	}
	topP, share, err := r.number("top_p")
	if err != nil {
		return err
	}
	topK, _, err := r.number("top_k")
	if err != nil {
		return err
	}
	if (thinking || !r.family.samples()) && hot == 1 {
		temperature = nil // the default, and all that is accepted
	}
	r.sampling("temperature", clamp(temperature, hot), thinking)
	both := r.family.samplesOneWay() && temperature != nil && !thinking
	r.sampling("top_p", topP, both || thinking && share < 0.95)
	r.sampling("top_k", topK, thinking)
	return nil
}

// number is a member's JSON text and value; the text is nil when it is absent.
func (r *request) number(name string) ([]byte, float64, error) {
	v := r.body.Get(name)
	if missing(v) {
		return nil, 0, nil
	}
	text := v.MarshalTo(nil)
	if c := text[0]; c != '-' && (c < '0' || c > '9') {
		return nil, 0, reject(name, "must be a number")
	}
	return text, v.GetFloat64(), nil
}

// clamp keeps a temperature in Anthropic's range: OpenAI's goes up to 2.
func clamp(text []byte, x float64) []byte {
	switch {
	case text == nil:
		return nil
	case x > 1:
		return []byte("1")
	case x < 0:
		return []byte("0")
	}
	return text
}

func (r *request) sampling(name string, text []byte, refused bool) {
	switch {
	case text == nil:
	case refused || !r.family.samples():
		r.drop(name)
	default:
		r.memberLiteral(name, string(text))
	}
}

// writeStop writes the stop sequences, without those of white space alone, which
// Anthropic refuses.
func (r *request) writeStop() error {
	stop := r.body.Get("stop")
	sequences := stop.GetArray()
	if raw, ok := rawString(r.raw[:0], stop); ok {
		r.raw = raw
		sequences = []*fastjson.Value{stop}
	}
	mark := len(r.b)
	r.name("stop_sequences")
	r.open('[')
	written := 0
	for _, s := range sequences {
		raw, ok := rawString(r.raw[:0], s)
		r.raw = raw
		if ok && len(trimRaw(raw)) > 0 {
			r.value(s)
			written++
		}
	}
	r.close(']')
	if written == 0 {
		r.b = r.b[:mark]
	}
	return nil
}

// writeIdentity writes metadata.user_id and service_tier.
func (r *request) writeIdentity() error {
	if id := r.userID(); id != nil {
		r.name("metadata")
		r.open('{')
		r.memberText("user_id", id)
		r.close('}')
	}
	tier := r.body.GetStringBytes("service_tier")
	switch string(tier) {
	case "auto", "priority", "fast":
		r.memberLiteral("service_tier", `"auto"`)
	case "default", "standard_only":
		r.memberLiteral("service_tier", `"standard_only"`)
	case "":
	default:
		r.drop("service_tier")
	}
	return nil
}

// maxUserID is Anthropic's bound on metadata.user_id, in bytes.
const maxUserID = 256

// userID is the caller's own name for its user. Anthropic wants an opaque one, so
// a mail address is left out.
func (r *request) userID() []byte {
	for _, key := range [...][]string{{"safety_identifier"}, {"user"}, {"metadata", "user_id"}} {
		id := r.body.GetStringBytes(key...)
		if len(id) == 0 {
			continue
		}
		if len(id) > maxUserID || bytes.IndexByte(id, '@') >= 0 {
			r.drop(key[0])
			continue
		}
		return id
	}
	return nil
}

// writeRest carries the members that neither side's format knows, and reports
// those that only OpenAI's, or another service's, does.
func (r *request) writeRest() error {
	r.body.GetObject().Visit(func(key []byte, v *fastjson.Value) {
		switch fateOf(string(key)) {
		case carried:
			if !missing(v) {
				r.text(key)
				r.b = append(r.b, ':')
				r.value(v)
			}
		case lost:
			if !r.harmless(key, v) {
				r.drop(string(key))
			}
		}
	})
	return nil
}

// harmless reports whether leaving the member out changes nothing.
func (r *request) harmless(key []byte, v *fastjson.Value) bool {
	switch string(key) {
	case "n":
		return v.GetInt64() <= 1
	case "modalities":
		for _, m := range v.GetArray() {
			if string(m.GetStringBytes()) != "text" {
				return false
			}
		}
		return true
	}
	return empty(v, r.raw)
}

// fate is what becomes of a top-level member.
type fate int

const (
	carried fate = iota // unknown here: goes out as it came
	handled             // translated elsewhere, or the gateway's own
	lost                // has no counterpart
)

func fateOf(key string) fate {
	switch key {
	case "model", "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options",
		"tools", "functions", "tool_choice", "function_call", "parallel_tool_calls",
		"temperature", "top_p", "top_k", "stop", "user", "safety_identifier", "metadata",
		"response_format", "reasoning_effort", "reasoning", "thinking", "output_config",
		"service_tier", "web_search_options", "anthropic_beta", "betas", "cache":
		return handled
	case "audio", "frequency_penalty", "logit_bias", "logprobs", "modalities", "moderation", "n",
		"prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options",
		"prompt_cache_retention", "seed", "store", "top_logprobs", "verbosity":
		return lost
	case "best_of", "chat_template_kwargs", "enable_thinking", "format", "guided_choice",
		"guided_grammar", "guided_json", "guided_regex", "ignore_eos", "include_reasoning",
		"keep_alive", "length_penalty", "min_p", "min_tokens", "models", "options", "plugins",
		"preset", "provider", "random_seed", "reasoning_format", "repetition_penalty", "route",
		"safe_prompt", "search_parameters", "stop_sequences", "stop_token_ids",
		"structured_outputs", "system", "think", "top_a", "transforms", "usage":
		return lost
	}
	return carried
}
