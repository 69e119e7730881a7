package source

import (
	"strings"
	"testing"
)

// rowsOf returns the rows of a file without the heading.
func rowsOf(f *Facts) string {
	var rows []string
	for line := range strings.Lines(string(Table(f.Rows, "a test"))) {
		if !strings.HasPrefix(line, "#") {
			rows = append(rows, strings.ReplaceAll(line, "\t", " "))
		}
	}
	return strings.Join(rows, "")
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"models.dev": {`{"openai":{"id":"openai","models":{"m":{"tool_call":true,"modalities":{"input":["text","image"],"output":["text"]},"limit":{"context":1000,"output":100},
			"cost":{"input":1.25,"output":10,"cache_read":0.125,"tiers":[{"input":2.5,"output":15,"tier":{"type":"context","size":272000}}]}}}},"unknown-provider":{"models":{"x":{}}}}`,
			"openai m 1250000000 10000000000 125000000 - - - - 272000:2500000000:15000000000:-:-:- 1000 100 tools,vision,json_object,json_schema,logprobs,prefill,web_search - - - - -\n"},
		"a price for each request": {`{"openai":{"models":{"m":{"cost":{"input":1,"output":1,"request":0.1}}}}}`,
			"openai m - - - - - - - - - - json_object,json_schema,logprobs,prefill,web_search no-chat - - - -\n"},
		"the overlay": {`{"anthropic":{"models":{"claude-opus-4-6":{"modalities":{"input":["text"],"output":["text"]},"cost":{"input":5,"output":25}}}}}`,
			"anthropic claude-opus-4-6 5000000000 25000000000 - - 10000000000 - - - - - json_object,json_schema,logprobs,web_search - - - - batch:2500000000:12500000000:-:-:5000000000\n"},
		"LiteLLM": {`{"sample_spec":{"litellm_provider":"one of","mode":"chat"},
			"gpt-x":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":1.25e-06,"output_cost_per_token":1e-05,"cache_read_input_token_cost":1.25e-07,
			"input_cost_per_token_above_272k_tokens":2.5e-06,"output_cost_per_token_above_272k_tokens":1.5e-05,
			"max_input_tokens":"400000","max_output_tokens":128000,"supports_function_calling":true,"supports_vision":true,"supports_response_schema":false,"deprecation_date":"2027-01-01","input_cost_per_audio_token":4e-05},
			"voyage/e":{"litellm_provider":"voyage","mode":"embedding","input_cost_per_token":6e-08,"max_tokens":32000},
			"vertex_ai/claude-x":{"litellm_provider":"vertex_ai-anthropic_models","mode":"chat","input_cost_per_token":3e-06,"output_cost_per_token":1.5e-05,"cache_creation_input_token_cost":3.75e-06,"cache_creation_input_token_cost_above_1hr":6e-06,"supports_assistant_prefill":false},
			"bedrock/eu-west-1/x":{"litellm_provider":"bedrock","mode":"chat","input_cost_per_token":1},"dall-e":{"litellm_provider":"openai","mode":"image_generation","input_cost_per_pixel":1},
			"free":{"litellm_provider":"ollama","mode":"chat","input_cost_per_token":0,"output_cost_per_token":0},"unpriced":{"litellm_provider":"openai","mode":"chat"}}`,
			"openai gpt-x 1250000000 10000000000 125000000 - - 40000000000 - 272000:2500000000:15000000000:125000000:-:- 400000 128000 tools,vision,file_in,json_object,logprobs,prefill,web_search deprecated - - - -\n" +
				"vertex claude-x 3000000000 15000000000 - 3750000000 6000000000 - - - - - json_object,json_schema,logprobs,web_search - - - - -\n" +
				"voyage e 60000000 0 - - - - - - 32000 - json_object,json_schema,logprobs,prefill,web_search embedding - - - -\n"},
		"LiteLLM's tiers and pictures": {`{"gpt-y":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":2e-06,"output_cost_per_token":4e-06,"cache_read_input_token_cost":1e-06,
			"input_cost_per_token_above_272k_tokens":4e-06,"output_cost_per_token_above_272k_tokens":6e-06,
			"input_cost_per_token_flex":1e-06,"output_cost_per_token_flex":2e-06,"cache_read_input_token_cost_flex":5e-07,"input_cost_per_token_above_272k_tokens_flex":2e-06,"output_cost_per_token_above_272k_tokens_flex":3e-06,
			"input_cost_per_token_priority":5e-06,"output_cost_per_token_priority":1e-05,"cache_creation_input_token_cost_priority":6e-06,"input_cost_per_token_batches":1e-06,"output_cost_per_token_batches":2e-06,
			"input_cost_per_image_token":8e-06,"output_cost_per_image_token":3e-05,"input_cost_per_image":0.002,"output_cost_per_image":0.04},
			"makes-pictures":{"litellm_provider":"gemini","mode":"chat","input_cost_per_token":2e-06,"output_cost_per_token":4e-06,"output_cost_per_image":0.04}}`,
			"gemini makes-pictures - - - - - - - - - - json_object,json_schema,logprobs,prefill,web_search - - - - -\n" +
				"openai gpt-y 2000000000 4000000000 1000000000 - - - - 272000:4000000000:6000000000:1000000000:-:- - - json_object,json_schema,logprobs,prefill,web_search - - - 8000000000:30000000000:2000000000000 " +
				"batch:1000000000:2000000000:-:-:-,flex:1000000000:2000000000:500000000:-:-:2000000000:3000000000:-:-:-,priority:5000000000:10000000000:-:6000000000:-\n"},
		"models.dev's modes": {`{"anthropic":{"models":{"m":{"cost":{"input":5,"output":25},"experimental":{"modes":{"fast":{"cost":{"input":30,"output":150},"provider":{"body":{"speed":"fast"}}},"slow":{}}}},"n":{"experimental":true,"cost":{"input":1,"output":1}}}}}`,
			"anthropic m 5000000000 25000000000 - - 10000000000 - - - - - json_object,json_schema,logprobs,prefill,web_search no-chat - - - batch:2500000000:12500000000:-:-:5000000000,fast:30000000000:150000000000:-:-:60000000000\n" +
				"anthropic n 1000000000 1000000000 - - 2000000000 - - - - - json_object,json_schema,logprobs,prefill,web_search no-chat - - - batch:500000000:500000000:-:-:1000000000\n"},
		"video by the second": {`{"v":{"litellm_provider":"bedrock","mode":"chat","output_cost_per_token":7.5e-06,"input_cost_per_video_per_second":0.0005}}`,
			"bedrock v - - - - - - - - - - json_object,json_schema,logprobs,prefill,web_search - - - - -\n"},
		"two lengths": {`{"m":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":1e-6,"output_cost_per_token":1e-6,"input_cost_per_token_above_128k_tokens":2e-6,"input_cost_per_token_above_200k_tokens":3e-6}}`,
			"openai m - - - - - - - - - - json_object,json_schema,logprobs,prefill,web_search - - - - -\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Read([]byte(c.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := rowsOf(f); got != c.want {
				t.Errorf("Read gives\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	cost := func(cost string) string { return `{"openai":{"models":{"m":{"cost":{` + cost + `}}}}}` }
	entry := func(members string) string {
		return `{"m":{"litellm_provider":"openai","mode":"chat",` + members + `}}`
	}
	for _, c := range []struct{ file, want string }{
		{``, "as JSON"}, {`[]`, "as JSON"}, {`{}`, "neither"}, {`{"a":{"b":1}}`, "neither"}, {`null`, "neither"},
		{`{"nobody":{"models":{"x":{}}}}`, "no model of a provider"},
		{`{"openai":{"models":{"m":{"cost":3}}}}`, "models.dev"},
		{cost(`"input":-1,"output":2`), `"openai/m": invalid price "-1"`},
		{cost(`"input":1`), "the price of input or output is missing"},
		{cost(`"output":1`), "the price of input or output is missing"},
		{cost(`"input":1,"output":1,"cache_read":-0.1`), `invalid price "-0.1"`},
		{cost(`"input":1,"output":1e999999999`), "invalid price"},
		{cost(`"input":1,"output":1e15`), "too high"},
		{cost(`"input":1,"output":1,"tiers":[{"input":-2,"output":1,"tier":{"size":9}}]`), "invalid price"},
		{entry(`"input_cost_per_token":-1e-6,"output_cost_per_token":1e-6`), `"m": invalid price`},
		{entry(`"input_cost_per_token":1e-6`), "the price of input or output is missing"},
		{entry(`"output_cost_per_token":1e-6`), "the price of input or output is missing"},
		{entry(`"input_cost_per_token":"NaN","output_cost_per_token":1e-6`), "invalid"},
		{entry(`"input_cost_per_token":1e-6,"output_cost_per_token":1e-6,"input_cost_per_token_above_0k_tokens":1`), "invalid length"},
		{entry(`"input_cost_per_token":1e-6,"output_cost_per_token":1e-6,"input_cost_per_token_flex":-1,"output_cost_per_token_flex":1e-6`), `"m": flex: invalid price "-1"`},
		{entry(`"input_cost_per_token":1e-6,"output_cost_per_token":1e-6,"input_cost_per_token_priority":1e-6`), `"m": priority: the price of input or output is missing`},
		{entry(`"input_cost_per_token":1e-6,"output_cost_per_token":1e-6,"input_cost_per_token_batches":"NaN","output_cost_per_token_batches":1e-6`), `"m": batch: invalid price`},
		{entry(`"input_cost_per_token":1e-6,"output_cost_per_token":1e-6,"output_cost_per_image_token":-3`), `"m": invalid price "-3"`},
		{`{"openai":{"models":{"m":{"cost":{"input":1,"output":1},"experimental":{"modes":{"fast":{"cost":{"input":2,"output":-2},"provider":{"body":{"service_tier":"priority"}}}}}}}}}`, `"openai/m": priority: invalid price "-2"`},
		{`{"openai/a\tb":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":0,"output_cost_per_token":0}}`, "invalid name"},
	} {
		if f, err := Read([]byte(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Read(%s) = %+v, %v, want an error that says %s", c.file, f, err, c.want)
		}
	}
}

// TestOverlay wants every line of the overlay to be understood.
func TestOverlay(t *testing.T) {
	list, err := rules()
	if err != nil || len(list) == 0 {
		t.Fatalf("rules() = %d, %v", len(list), err)
	}
	f := &Facts{}
	if err := f.Complete(); err == nil {
		t.Error("a line that corrects no row is not an error")
	}
	for _, u := range list {
		r := &Row{provider: u.provider, model: strings.ReplaceAll(u.model, "*", "x")}
		if hits, err := u.apply([]*Row{r}); hits != 1 || err != nil {
			t.Errorf("%+v: %d rows, %v", u, hits, err)
		}
	}
}

// FuzzRead wants any file to be refused, or to give rows whose prices are not below 0.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"openai":{"models":{"m":{"cost":{"input":1,"output":2,"tiers":[{"input":1,"output":2,"tier":{"size":9}}]},"limit":{"context":5}}}}}`))
	f.Add([]byte(`{"m":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":1e-6,"output_cost_per_token":1e-6,"output_cost_per_token_above_200k_tokens":2e-6}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		facts, err := Read(raw)
		if err != nil {
			return
		}
		for _, r := range facts.Rows {
			for _, p := range []prices{r.price, r.long} {
				if (p.input < 0) != (p.output < 0) || p.input < unknown || p.cacheRead < unknown || p.cacheWrite < unknown {
					t.Errorf("%s/%s has the price %+v", r.provider, r.model, p)
				}
			}
		}
		if n := strings.Count(string(Table(facts.Rows, "x")), "\n"); n != len(facts.Rows)+strings.Count(heading, "\n") {
			t.Errorf("%d rows make %d lines", len(facts.Rows), n)
		}
	})
}
