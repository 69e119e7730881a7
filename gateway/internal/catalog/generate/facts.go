package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"slices"
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
	Tiers       []struct {
		cost
		Tier struct {
			Type string `json:"type"`
			Size int64  `json:"size"`
		} `json:"tier"`
	} `json:"tiers"`
}

func readFacts(path string) (facts, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f facts
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return f, nil
}

// rows converts the facts about routed providers to sorted catalogue rows.
func (f facts) rows() ([]*row, error) {
	var rows []*row
	for theirs, ours := range routed {
		p, ok := f[theirs]
		if !ok {
			return nil, fmt.Errorf("provider %q is no longer in the facts", theirs)
		}
		for id, m := range p.Models {
			r, err := m.row(ours, id)
			if err != nil {
				return nil, fmt.Errorf("%s/%s: %w", theirs, id, err)
			}
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *row) int { return strings.Compare(a.key(), b.key()) })
	return rows, nil
}

func (m model) row(provider, id string) (*row, error) {
	if strings.ContainsAny(id, "\t\n") {
		return nil, fmt.Errorf("the name contains a tab or line break")
	}
	r := &row{provider: provider, model: id, context: m.Limit.Context, maxOutput: m.Limit.Output,
		features: m.features(), released: m.ReleaseDate, flags: m.flags(id), quality: m.quality()}
	if slices.Contains(r.flags, "embedding") {
		r.maxOutput = 0 // the facts give the vector's length there
	}
	return r, r.setPrices(m.Cost)
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
		if score, ok := new(big.Rat).SetString(b.Score.String()); ok {
			return score.Quo(score, big.NewRat(100, 1)).FloatString(3)
		}
	}
	return ""
}
