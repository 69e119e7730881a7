package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Changes says how one catalogue differs from an earlier one. Models are "provider/model",
// sorted.
type Changes struct {
	New, Removed []string
	// Prices has a line for each model with another price: "openai/gpt-5: input 1.25 → 1.5".
	Prices []string
	// Other are the models of which only other facts have changed.
	Other []string
	// Same is how many models are as they were.
	Same int
}

// Compare returns how c differs from an earlier catalogue.
func (c *Catalog) Compare(earlier *Catalog) Changes {
	var out Changes
	for k, now := range c.rows {
		name := k.provider + "/" + k.model
		was, had := earlier.rows[k]
		switch {
		case !had:
			out.New = append(out.New, name)
		case was.columns == now.columns:
			out.Same++
		default:
			before, after := entry(k.provider, k.model, was).Price, entry(k.provider, k.model, now).Price
			if delta := priceDelta(before.List(), after.List()); delta != "" {
				out.Prices = append(out.Prices, name+": "+delta)
			} else {
				out.Other = append(out.Other, name)
			}
		}
	}
	for k := range earlier.rows {
		if _, has := c.rows[k]; !has {
			out.Removed = append(out.Removed, k.provider+"/"+k.model)
		}
	}
	for _, list := range [][]string{out.New, out.Removed, out.Prices, out.Other} {
		slices.Sort(list)
	}
	return out
}

// priceDelta says how one price differs from another, in US dollars per million tokens; empty if
// they are the same.
func priceDelta(was, is *llm.PriceList) string {
	switch {
	case was == nil && is == nil:
		return ""
	case was == nil:
		return fmt.Sprintf("unknown → input %s, output %s", is.Input, is.Output)
	case is == nil:
		return fmt.Sprintf("input %s, output %s → unknown", was.Input, was.Output)
	}
	var parts []string
	add := func(name string, a, b any) {
		if a != b {
			parts = append(parts, fmt.Sprintf("%s %v → %v", name, a, b))
		}
	}
	add("input", was.Input, is.Input)
	add("output", was.Output, is.Output)
	add("cached", was.Cached, is.Cached)
	add("cache_write", was.CacheWrite, is.CacheWrite)
	add("cache_write_1h", was.CacheWriteLong, is.CacheWriteLong)
	add("audio_input", cmp.Or(was.AudioInput.String(), was.Input.String()), cmp.Or(is.AudioInput.String(), is.Input.String()))
	add("audio_output", cmp.Or(was.AudioOutput.String(), was.Output.String()), cmp.Or(is.AudioOutput.String(), is.Output.String()))
	add("image_input", cmp.Or(was.ImageInput, "as text"), cmp.Or(is.ImageInput, "as text"))
	add("image_output", cmp.Or(was.ImageOutput, "as text"), cmp.Or(is.ImageOutput, "as text"))
	add("image", cmp.Or(was.Image, "0"), cmp.Or(is.Image, "0"))
	add("above", stepOf(was), stepOf(is))
	for _, t := range llm.PricedTiers() {
		add("tier "+string(t), tierOf(was, t), tierOf(is, t))
	}
	return strings.Join(parts, ", ")
}

// tierOf describes the prices of a service tier.
func tierOf(p *llm.PriceList, t llm.Tier) string {
	in := p.Tiers[t]
	if in == nil {
		return "as standard"
	}
	text := fmt.Sprintf("input %s, output %s, cached %s", in.Input, in.Output, in.Cached)
	if in.Long != nil {
		text += ", above " + stepOf(in)
	}
	return text
}

// stepOf describes the prices for long prompts.
func stepOf(p *llm.PriceList) string {
	if p.Long == nil {
		return "nothing"
	}
	return fmt.Sprintf("%d tokens input %s, output %s, cached %s", p.LongAbove, p.Long.Input, p.Long.Output, p.Long.Cached)
}
