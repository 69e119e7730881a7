package httpapi

import (
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// capabilityObject is what one model can do, hold and cost: all that any of its targets can do,
// the largest window and reply, and the price of the first target.
type capabilityObject struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	OwnedBy string `json:"owned_by"`
	targetObject
	// Targets are what may serve it, in configured order.
	Targets []targetObject `json:"targets"`
}

// targetObject is what one target can do, hold and cost. What is not known is null.
type targetObject struct {
	Target string `json:"target,omitempty"`
	// Context and MaxOutput are in tokens.
	Context    *int64     `json:"context"`
	MaxOutput  *int64     `json:"max_output"`
	Modalities modalities `json:"modalities"`
	// Capabilities are named as in the configuration.
	Capabilities []string `json:"capabilities"`
	// Price is in US dollars per million tokens.
	Price *llm.PriceList `json:"price"`
	// Quality is from 0 to 1, and QualitySource says what it measures.
	Quality       *float64 `json:"quality"`
	QualitySource string   `json:"quality_source,omitempty"`
	Deprecated    bool     `json:"deprecated"`
}

// modalities are what goes in and what comes out: text, image, audio, file, embedding.
type modalities struct {
	Input  []string `json:"input"`
	Output []string `json:"output"`
}

// capabilities serves GET /v1/capabilities.
func (a *API) capabilities(x *exchange) error {
	list, err := a.service.Models(x.r.Context(), x.who)
	if err != nil {
		return err
	}
	data := make([]capabilityObject, 0, len(list))
	for _, m := range list {
		data = append(data, capabilitiesOf(m, a.service.Targets(x.r.Context(), m.ID)))
	}
	return x.json(http.StatusOK, struct {
		Object string             `json:"object"`
		Data   []capabilityObject `json:"data"`
	}{"list", data})
}

func capabilitiesOf(m Model, targets []*llm.Target) capabilityObject {
	c := capabilityObject{ID: m.ID, Object: "model.capabilities", OwnedBy: m.OwnedBy, Targets: []targetObject{}}
	all := llm.Target{Quality: -1, EmbedsOnly: len(targets) > 0, Deprecated: len(targets) > 0}
	for i, t := range targets {
		c.Targets = append(c.Targets, targetOf(t))
		if i == 0 {
			all.Price = t.Price
		}
		all.Context, all.MaxOutput = max(all.Context, t.Context), max(all.MaxOutput, t.MaxOutput)
		if t.Quality > all.Quality {
			all.Quality, all.QualitySource = t.Quality, t.QualitySource
		}
		all.Features, all.FeaturesKnown = all.Features|t.Features, all.FeaturesKnown || t.FeaturesKnown
		all.EmbedsOnly, all.Deprecated = all.EmbedsOnly && t.EmbedsOnly, all.Deprecated && t.Deprecated
	}
	c.targetObject = targetOf(&all)
	return c
}

func targetOf(t *llm.Target) targetObject {
	o := targetObject{Target: t.ID, Modalities: modalitiesOf(t), Price: t.Price.List(), Deprecated: t.Deprecated}
	if t.Context > 0 {
		o.Context = &t.Context
	}
	if t.MaxOutput > 0 {
		o.MaxOutput = &t.MaxOutput
	}
	if t.FeaturesKnown {
		o.Capabilities = append([]string{}, t.Features.Names()...) // an empty list is not null
	}
	if t.Quality >= 0 {
		o.Quality, o.QualitySource = &t.Quality, t.QualitySource
	}
	return o
}

func modalitiesOf(t *llm.Target) modalities {
	out := modalities{Input: []string{"text"}, Output: []string{"text"}}
	if t.EmbedsOnly {
		out.Output[0] = "embedding"
	}
	for _, one := range []struct {
		feature llm.Features
		to      *[]string
		name    string
	}{{llm.Vision, &out.Input, "image"}, {llm.AudioIn, &out.Input, "audio"}, {llm.FileIn, &out.Input, "file"}, {llm.AudioOut, &out.Output, "audio"}} {
		if t.Features.Has(one.feature) {
			*one.to = append(*one.to, one.name)
		}
	}
	return out
}
