package llm

import "encoding/json"

// PriceList is a price as people read it, in US dollars per million tokens. Its names are those
// of the configuration.
type PriceList struct {
	Input  json.Number `json:"input"`
	Output json.Number `json:"output"`
	// Cached is for prompt tokens read from the provider's cache, CacheWrite for those written
	// to it for five minutes, CacheWriteLong for an hour.
	Cached         json.Number `json:"cached"`
	CacheWrite     json.Number `json:"cache_write"`
	CacheWriteLong json.Number `json:"cache_write_1h"`
	// AudioInput and AudioOutput are empty where sound costs as much as text.
	AudioInput  json.Number `json:"audio_input,omitempty"`
	AudioOutput json.Number `json:"audio_output,omitempty"`
	// ImageInput and ImageOutput are empty where pictures cost as much as text. Image is the price
	// of one picture in the prompt, beside its tokens; empty for none.
	ImageInput  json.Number `json:"image_input,omitempty"`
	ImageOutput json.Number `json:"image_output,omitempty"`
	Image       json.Number `json:"image,omitempty"`
	// WebSearch is the price of a thousand searches.
	WebSearch json.Number `json:"web_search,omitempty"`
	// LongAbove is the length of prompt, in tokens, beyond which Long applies to the whole request.
	LongAbove int64      `json:"long_above,omitempty"`
	Long      *PriceList `json:"long,omitempty"`
	// Tiers are the prices of other service tiers, by name.
	Tiers map[Tier]*PriceList `json:"tiers,omitempty"`
	// Row says where the price comes from, such as "openai/gpt-5@1a2b3c4d".
	Row string `json:"row,omitempty"`
}

// List returns the price in US dollars per million tokens; nil when it is unknown.
func (p *Price) List() *PriceList {
	if !p.Known {
		return nil
	}
	usd := func(n NanoUSD) json.Number { return json.Number(n.Decimal()) }
	list := &PriceList{Input: usd(p.Input), Output: usd(p.Output), Cached: usd(p.CacheRead), CacheWrite: usd(p.CacheWrite),
		CacheWriteLong: usd(p.CacheWriteLong), Row: p.Row}
	if p.AudioInput != p.Input {
		list.AudioInput = usd(p.AudioInput)
	}
	if p.AudioOutput != p.Output {
		list.AudioOutput = usd(p.AudioOutput)
	}
	if p.ImageInput > 0 && p.ImageInput != p.Input {
		list.ImageInput = usd(p.ImageInput)
	}
	if p.ImageOutput > 0 && p.ImageOutput != p.Output {
		list.ImageOutput = usd(p.ImageOutput)
	}
	if p.Image > 0 {
		list.Image = json.Number((p.Image / 1e6).Decimal())
	}
	if p.WebSearch > 0 {
		list.WebSearch = usd(p.WebSearch / 1000)
	}
	if p.Long != nil && p.LongAbove > 0 {
		list.LongAbove, list.Long = p.LongAbove, p.Long.List()
		list.Long.WebSearch, list.Long.Row = "", ""
	}
	for tier, in := range p.Tiers {
		if list.Tiers == nil {
			list.Tiers = map[Tier]*PriceList{}
		}
		list.Tiers[tier] = in.List()
		list.Tiers[tier].WebSearch, list.Tiers[tier].Row = "", ""
	}
	return list
}
