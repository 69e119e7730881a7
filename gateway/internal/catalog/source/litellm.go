package source

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// litellmProviders maps LiteLLM's names of providers to those of the configuration. What precedes
// a "-" in its names of Vertex's is the same provider.
var litellmProviders = map[string]string{
	"openai": "openai", "text-completion-openai": "openai", "anthropic": "anthropic", "gemini": "gemini",
	"vertex_ai": "vertex", "azure": "azure", "azure_text": "azure", "bedrock": "bedrock", "bedrock_converse": "bedrock",
	"mistral": "mistral", "groq": "groq", "deepseek": "deepseek", "openrouter": "openrouter", "xai": "xai",
	"together_ai": "together", "fireworks_ai": "fireworks", "cerebras": "cerebras", "perplexity": "perplexity",
	"cohere": "cohere", "cohere_chat": "cohere", "deepinfra": "deepinfra", "moonshot": "moonshot", "zai": "zai",
	"nebius": "nebius", "huggingface": "huggingface", "dashscope": "alibaba", "minimax": "minimax",
	"nvidia_nim": "nvidia", "github": "github-models", "voyage": "voyage", "sambanova": "sambanova",
}

// litellmModel is an entry of LiteLLM's model_prices_and_context_window.json. Prices are in US
// dollars a token.
type litellmModel struct {
	Provider       string      `json:"litellm_provider"`
	Mode           string      `json:"mode"`
	Input          json.Number `json:"input_cost_per_token"`
	Output         json.Number `json:"output_cost_per_token"`
	CacheRead      json.Number `json:"cache_read_input_token_cost"`
	CacheWrite     json.Number `json:"cache_creation_input_token_cost"`
	CacheWriteLong json.Number `json:"cache_creation_input_token_cost_above_1hr"`
	AudioInput     json.Number `json:"input_cost_per_audio_token"`
	AudioOutput    json.Number `json:"output_cost_per_audio_token"`
	ImageInput     json.Number `json:"input_cost_per_image_token"`
	ImageOutput    json.Number `json:"output_cost_per_image_token"`
	Image          json.Number `json:"input_cost_per_image"`
	ImageMade      json.Number `json:"output_cost_per_image"`
	Reasoning      json.Number `json:"output_cost_per_reasoning_token"`
	Request        json.Number `json:"input_cost_per_request"`
	MaxTokens      any         `json:"max_tokens"`
	MaxInput       any         `json:"max_input_tokens"`
	MaxOutput      any         `json:"max_output_tokens"`
	Deprecated     string      `json:"deprecation_date"`
	Tools          bool        `json:"supports_function_calling"`
	Vision         bool        `json:"supports_vision"`
	AudioIn        bool        `json:"supports_audio_input"`
	AudioOut       bool        `json:"supports_audio_output"`
	Files          bool        `json:"supports_pdf_input"`
	Schema         *bool       `json:"supports_response_schema"`
	Thinks         bool        `json:"supports_reasoning"`
	Prefill        *bool       `json:"supports_assistant_prefill"`
}

// sample is the entry of LiteLLM's file that explains the others.
const sample = "sample_spec"

func readLiteLLM(raw []byte) (*Facts, error) {
	f := &Facts{From: "LiteLLM"}
	var entries map[string]json.RawMessage
	if err := decode(raw, &entries); err != nil {
		return f, err
	}
	delete(entries, sample)
	return f, f.collect(slices.Collect(maps.Keys(entries)), func(name string) (*Row, error) { return litellmRow(name, entries[name]) })
}

// litellmRow makes the row of one entry; nil for one that the catalogue has no use for.
func litellmRow(name string, raw json.RawMessage) (*Row, error) {
	var m litellmModel
	if err := decode(raw, &m); err != nil {
		return nil, err
	}
	family, _, _ := strings.Cut(m.Provider, "-")
	provider := litellmProviders[m.Provider]
	if provider == "" && family == "vertex_ai" {
		provider = "vertex"
	}
	// Bedrock's entries with a prefix are for one region, or for capacity that was bought ahead.
	regional := provider == "bedrock" && strings.HasPrefix(name, "bedrock/")
	if provider == "" || regional || !slices.Contains([]string{"chat", "completion", "responses", "embedding"}, m.Mode) {
		return nil, nil
	}
	if m.Input == "" && m.Output == "" { // it has no price for tokens, and nothing better than the facts that are there
		return nil, nil
	}
	model := strings.TrimPrefix(strings.TrimPrefix(name, m.Provider+"/"), family+"/")
	if !isName(model) {
		return nil, fmt.Errorf("invalid name of a model")
	}
	r := &Row{provider: provider, model: model, context: tokens(m.MaxInput), maxOutput: tokens(m.MaxOutput), features: m.features(), flags: m.flags()}
	if r.context == 0 {
		r.context = tokens(m.MaxTokens)
	}
	if m.Mode == "embedding" {
		r.maxOutput = 0
		if m.Output == "" && m.Input != "" {
			m.Output = "0" // no reply is generated
		}
	}
	return r, m.setPrices(r, raw)
}

// tokens reads a number of tokens, which some entries write as text; 0 when it is none.
func tokens(v any) int64 {
	n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	if err != nil || n < 0 || n > maxTokens {
		return 0
	}
	return n
}

// maxTokens bounds a context window and a reply.
const maxTokens = 1_000_000_000

func (m *litellmModel) features() llm.Features {
	f := llm.JSONObject | llm.Logprobs | llm.WebSearch
	for _, one := range []struct {
		bit llm.Features
		ok  bool
	}{{llm.Tools, m.Tools}, {llm.Vision, m.Vision}, {llm.AudioIn, m.AudioIn}, {llm.AudioOut, m.AudioOut}, {llm.FileIn, m.Files || m.Vision},
		{llm.JSONSchema, m.Schema == nil || *m.Schema}, {llm.Reasoning, m.Thinks}, {llm.Prefill, m.Prefill == nil || *m.Prefill}} {
		if one.ok {
			f |= one.bit
		}
	}
	return f
}

func (m *litellmModel) flags() []string {
	var flags []string
	if m.Deprecated != "" {
		flags = append(flags, "deprecated")
	}
	if m.Mode == "embedding" {
		flags = append(flags, "embedding")
	}
	return flags
}

func (m *litellmModel) setPrices(r *Row, raw json.RawMessage) error {
	r.unprice()
	var members map[string]any
	if err := decode(raw, &members); err != nil {
		return err
	}
	// Some models take tokens and a price for each second of video, or give vectors for one.
	if (m.Input == "" || m.Output == "") && pricedOtherwise(members) {
		return errUnpriced
	}
	if m.ImageMade != "" && m.ImageOutput == "" { // replies do not say how many pictures they are charged for
		return errUnpriced
	}
	if m.Request != "" || m.Reasoning != "" && !sameNumber(m.Reasoning, m.Output, 1) {
		return errUnpriced
	}
	c := cost{Input: m.Input, Output: m.Output, CacheRead: m.CacheRead, CacheWrite: m.CacheWrite, CacheWriteLong: m.CacheWriteLong, tokens: 1}
	var err error
	if r.price, err = c.prices(); err != nil {
		return err
	}
	for _, one := range []struct {
		to   *llm.NanoUSD
		from json.Number
	}{{&r.audioIn, m.AudioInput}, {&r.audioOut, m.AudioOutput}, {&r.imageIn, m.ImageInput}, {&r.imageOut, m.ImageOutput}, {&r.image, m.Image}} {
		if *one.to, err = nano(one.from, 1); err != nil {
			return err
		}
	}
	if err := m.setLong(r, members); err != nil {
		return err
	}
	return m.setTiers(r, members)
}

// litellmTiers are the endings of the members that have the prices of service tiers.
var litellmTiers = map[llm.Tier]string{llm.TierBatch: "_batches", llm.TierFlex: "_flex", llm.TierPriority: "_priority"}

// setTiers sets the prices of service tiers, whose members end in "_flex" and the like, after the
// length of long prompts if they are for those. A tier without a price of its own for input and
// output has none.
func (m *litellmModel) setTiers(r *Row, members map[string]any) error {
	for _, tier := range llm.PricedTiers() {
		ending, ok := litellmTiers[tier]
		if _, has := members["input_cost_per_token"+ending]; !ok || !has {
			continue
		}
		t := tierPrices{tier, none(), none()}
		var err error
		if t.price, err = tierCost(members, "", ending).prices(); err != nil {
			return fmt.Errorf("%s: %w", tier, err)
		}
		if above := fmt.Sprintf("_above_%dk_tokens", r.longAbove/1000); r.longAbove > 0 && members["input_cost_per_token"+above+ending] != nil {
			if t.long, err = tierCost(members, above, ending).prices(); err != nil {
				return fmt.Errorf("%s above %d tokens: %w", tier, r.longAbove, err)
			}
		}
		r.setTier(t)
	}
	return nil
}

// tierCost reads the members of a service tier.
func tierCost(members map[string]any, above, ending string) cost {
	of := func(name string) json.Number {
		switch v := members[name+above+ending].(type) {
		case nil:
			return ""
		case json.Number:
			return v
		default:
			return json.Number(fmt.Sprint(v)) // which is refused as a price
		}
	}
	return cost{Input: of("input_cost_per_token"), Output: of("output_cost_per_token"), CacheRead: of("cache_read_input_token_cost"),
		CacheWrite: of("cache_creation_input_token_cost"), tokens: 1}
}

// pricedOtherwise reports whether an entry has a price for something else than tokens.
func pricedOtherwise(members map[string]any) bool {
	for name := range members {
		if strings.Contains(name, "_cost_per_") && !strings.Contains(name, "_token") {
			return true
		}
	}
	return false
}

// setLong sets the prices for long prompts, whose members end in "_above_200k_tokens". Where
// there are several lengths, costs can't be computed. A kind of token without a price of its own
// costs as much as before.
func (m *litellmModel) setLong(r *Row, members map[string]any) error {
	above := ""
	for name := range members {
		_, length, ok := strings.Cut(name, "_token_above_")
		if !ok || !strings.HasSuffix(length, "k_tokens") {
			continue
		}
		if above != "" && above != length {
			return errUnpriced
		}
		above = length
	}
	if above == "" {
		return nil
	}
	thousands, err := strconv.ParseInt(strings.TrimSuffix(above, "k_tokens"), 10, 32)
	if err != nil || thousands <= 0 {
		return fmt.Errorf("invalid length of prompts %.40q", above)
	}
	or := func(name string, other json.Number) json.Number {
		if n, ok := members[name+"_above_"+above].(json.Number); ok {
			return n
		}
		return other
	}
	long := cost{Input: or("input_cost_per_token", m.Input), Output: or("output_cost_per_token", m.Output),
		CacheRead: or("cache_read_input_token_cost", m.CacheRead), CacheWrite: or("cache_creation_input_token_cost", m.CacheWrite), tokens: 1}
	r.longAbove = thousands * 1000
	r.long, err = long.prices()
	return err
}
