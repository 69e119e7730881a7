package source

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// routed maps the providers that the gateway routes to from their names in the facts
// to their names here, which are the ones that the configuration knows.
var routed = map[string]string{
	"openai": "openai", "anthropic": "anthropic", "google": "gemini", "mistral": "mistral",
	"groq": "groq", "deepseek": "deepseek", "openrouter": "openrouter", "xai": "xai",
	"togetherai": "together", "fireworks-ai": "fireworks", "cerebras": "cerebras",
	"perplexity": "perplexity", "cohere": "cohere", "amazon-bedrock": "bedrock",
	"azure": "azure", "google-vertex": "vertex", "deepinfra": "deepinfra",
	"moonshotai": "moonshot", "zai": "zai", "nebius": "nebius", "huggingface": "huggingface",
	"alibaba": "alibaba", "minimax": "minimax", "nvidia": "nvidia", "github-models": "github-models",
}

// facts is the content of models.dev, by provider and model.
type facts map[string]struct {
	Models map[string]model `json:"models"`
}

type model struct {
	Family           string                           `json:"family"`
	Attachment       bool                             `json:"attachment"`
	Reasoning        bool                             `json:"reasoning"`
	ToolCall         bool                             `json:"tool_call"`
	StructuredOutput *bool                            `json:"structured_output"`
	Temperature      *bool                            `json:"temperature"`
	ReleaseDate      string                           `json:"release_date"`
	Status           string                           `json:"status"`
	Modalities       struct{ Input, Output []string } `json:"modalities"`
	Limit            struct{ Context, Output int64 }  `json:"limit"`
	Cost             *cost                            `json:"cost"`
	Experimental     json.RawMessage                  `json:"experimental"`
	Benchmarks       []struct {
		Name  string      `json:"name"`
		Score json.Number `json:"score"`
	} `json:"benchmarks"`
}

type cost struct {
	Input       json.Number `json:"input"`
	Output      json.Number `json:"output"`
	CacheRead   json.Number `json:"cache_read"`
	CacheWrite  json.Number `json:"cache_write"`
	AudioInput  json.Number `json:"input_audio"`
	AudioOutput json.Number `json:"output_audio"`
	Reasoning   json.Number `json:"reasoning"`
	Request     json.Number `json:"request"`
	// CacheWriteLong is for writes that live an hour. The facts have none.
	CacheWriteLong json.Number `json:"-"`
	// tokens is how many tokens the prices are for; 0 is a million.
	tokens int64
	Tiers  []struct {
		cost
		Tier struct {
			Type string `json:"type"`
			Size int64  `json:"size"`
		} `json:"tier"`
	} `json:"tiers"`
}

func readModelsDev(raw []byte) (*Facts, error) {
	f := &Facts{From: "models.dev"}
	var content facts
	if err := decode(raw, &content); err != nil {
		return f, err
	}
	models := map[string]model{}
	for theirs, p := range content {
		ours, ok := routed[theirs]
		if !ok {
			f.Skipped += len(p.Models)
			continue
		}
		for id, m := range p.Models {
			models[ours+"/"+id] = m
		}
	}
	return f, f.collect(slices.Collect(maps.Keys(models)), func(name string) (*Row, error) {
		provider, id, _ := strings.Cut(name, "/")
		return models[name].row(provider, id)
	})
}

func (m model) row(provider, id string) (*Row, error) {
	if !isName(id) {
		return nil, fmt.Errorf("invalid name of a model")
	}
	r := &Row{provider: provider, model: id, context: m.Limit.Context, maxOutput: m.Limit.Output,
		features: m.features(), released: m.ReleaseDate, flags: m.flags(id), quality: m.quality()}
	if slices.Contains(r.flags, "embedding") {
		r.maxOutput = 0 // the facts give the vector's length there
	}
	if err := r.setPrices(m.Cost); err != nil {
		return r, err
	}
	return r, r.setModes(m.Experimental)
}

// setModes sets the prices of the service tiers that the facts call modes, by what asks for them.
func (r *Row) setModes(experimental json.RawMessage) error {
	var of struct {
		Modes map[string]struct {
			Cost     *cost `json:"cost"`
			Provider struct {
				Body struct {
					Tier  string `json:"service_tier"`
					Speed string `json:"speed"`
				} `json:"body"`
			} `json:"provider"`
		} `json:"modes"`
	}
	if len(experimental) == 0 || experimental[0] != '{' || r.price.input == unknown { // some models have true there
		return nil
	}
	if err := decode(experimental, &of); err != nil {
		return err
	}
	for _, mode := range of.Modes {
		tier := llm.Tier(cmp.Or(mode.Provider.Body.Tier, mode.Provider.Body.Speed))
		if mode.Cost == nil || !slices.Contains(llm.PricedTiers(), tier) {
			continue
		}
		p, err := mode.Cost.prices()
		if err != nil {
			return fmt.Errorf("%s: %w", tier, err)
		}
		r.setTier(tierPrices{tier, p, none()})
	}
	return nil
}

// features returns what the model can do: every feature that the facts do not explicitly
// deny. A provider rejects what it lacks.
func (m model) features() llm.Features {
	in, out := m.Modalities.Input, m.Modalities.Output
	f := llm.JSONObject | llm.Logprobs | llm.Prefill | llm.WebSearch
	set := func(bit llm.Features, ok bool) {
		if ok {
			f |= bit
		}
	}
	set(llm.Tools, m.ToolCall)
	set(llm.Reasoning, m.Reasoning)
	set(llm.Vision, slices.Contains(in, "image"))
	set(llm.AudioIn, slices.Contains(in, "audio"))
	set(llm.AudioOut, slices.Contains(out, "audio"))
	set(llm.FileIn, slices.Contains(in, "pdf") || m.Attachment)
	set(llm.JSONSchema, m.StructuredOutput == nil || *m.StructuredOutput)
	return f
}

// flags returns what distinguishes a model from an ordinary chat model.
func (m model) flags(id string) []string {
	var flags []string
	if m.Status != "" {
		flags = append(flags, m.Status)
	}
	if m.Temperature != nil && !*m.Temperature {
		flags = append(flags, "no-temperature")
	}
	switch embeds := strings.Contains(id+m.Family, "embed") || strings.Contains(id, "/bge-"); {
	case embeds:
		flags = append(flags, "embedding")
	case !slices.Contains(m.Modalities.Output, "text") || !slices.Contains(m.Modalities.Input, "text"):
		flags = append(flags, "no-chat")
	}
	return flags
}

// quality returns the share of Aider's polyglot coding tasks that the model solves, the
// one benchmark in the facts with one scale for models of several makers.
func (m model) quality() string {
	for _, b := range m.Benchmarks {
		if b.Name != "Aider Polyglot" {
			continue
		}
		if score, err := b.Score.Float64(); err == nil && 0 <= score && score <= 100 {
			return strconv.FormatFloat(score/100, 'f', 3, 64)
		}
	}
	return ""
}

// setPrices parses the prices. Where reasoning tokens or whole requests have prices of
// their own, costs cannot be computed from the usage that providers report, so the price
// stays unknown.
func (r *Row) setPrices(c *cost) error {
	r.unprice()
	if c == nil {
		return nil
	}
	if c.Request != "" || c.Reasoning != "" && !sameNumber(c.Reasoning, c.Output, million) || len(c.Tiers) > 1 {
		return errUnpriced
	}
	var err error
	if r.price, err = c.prices(); err != nil {
		return err
	}
	if r.audioIn, err = nano(c.AudioInput, million); err != nil {
		return err
	}
	if r.audioOut, err = nano(c.AudioOutput, million); err != nil {
		return err
	}
	if len(c.Tiers) == 1 {
		t := c.Tiers[0]
		if t.Tier.Type != "" && t.Tier.Type != "context" || t.Tier.Size <= 0 {
			return errUnpriced
		}
		r.longAbove = t.Tier.Size
		r.long, err = t.prices()
	}
	return err
}

// million is how many tokens the facts' prices are for.
const million = 1_000_000

func (c cost) prices() (p prices, err error) {
	for _, f := range []struct {
		to   *llm.NanoUSD
		from json.Number
	}{{&p.input, c.Input}, {&p.output, c.Output}, {&p.cacheRead, c.CacheRead}, {&p.cacheWrite, c.CacheWrite},
		{&p.cacheWriteLong, c.CacheWriteLong}} {
		if *f.to, err = nano(f.from, cmp.Or(c.tokens, million)); err != nil {
			return p, err
		}
	}
	// The facts have 0 where a provider has no price for its cache. If others cost
	// something, free cached tokens would make the cost too low.
	if p.input > 0 && p.cacheRead == 0 {
		p.cacheRead = unknown
	}
	if p.input > 0 && p.cacheWrite == 0 {
		p.cacheWrite = unknown
	}
	if p.input > 0 && p.cacheWriteLong == 0 {
		p.cacheWriteLong = unknown
	}
	if p.input == unknown || p.output == unknown {
		return p, fmt.Errorf("the price of input or output is missing")
	}
	return p, nil
}

// sameNumber reports whether two prices for so many tokens are equal.
func sameNumber(a, b json.Number, tokens int64) bool {
	x, err := nano(a, tokens)
	y, err2 := nano(b, tokens)
	return err == nil && err2 == nil && x == y
}
