package catalog

import (
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// QualitySource says what an Entry's Quality measures, and where it comes from.
const QualitySource = "share of Aider's polyglot coding tasks solved (https://aider.chat/docs/leaderboards)"

// Entry is the catalogue's facts about one model of one provider.
type Entry struct {
	Provider string
	// Model is the name in the catalogue, which may differ from the one looked up.
	Model string
	// Price is complete: cached or audio tokens without a price of their own cost as much
	// as plain text, so that a cost is never too low. A free model has a known price of 0;
	// a model without a published price has an unknown one.
	Price llm.Price
	// Context and MaxOutput are in tokens; 0 is unknown.
	Context   int64
	MaxOutput int64
	// Features has every feature that the facts do not explicitly deny.
	Features llm.Features
	// Quality is 0 to 1, measured as QualitySource says; negative when it was not measured.
	Quality float64
	// Chat is false for models that make embeddings, images, speech or video only.
	Chat bool
	// Embeds is true for models that make embeddings.
	Embeds bool
	// Deprecated marks models that their provider will turn off.
	Deprecated bool
	// Released is a date as YYYY-MM-DD, or its beginning; empty when unknown.
	Released string
}

// Fill writes the facts into a target. Its name, dialect, weight and order stay.
func (e Entry) Fill(t *llm.Target) {
	t.Price, t.Context, t.MaxOutput = e.Price, e.Context, e.MaxOutput
	t.Features, t.FeaturesKnown, t.Quality = e.Features, true, e.Quality
	t.QualitySource = QualitySource
	t.Deprecated, t.ChatOnly, t.EmbedsOnly = e.Deprecated, e.Chat && !e.Embeds, e.Embeds && !e.Chat
}

// The columns of a row, after provider and model.
const (
	colPrices    = 0 // input, output, cache read, cache write, cache write for an hour
	colAudioIn   = 5
	colAudioOut  = 6
	colLong      = 7
	colContext   = 8
	colMaxOutput = 9
	colFeatures  = 10
	colFlags     = 11
	colQuality   = 12
	colReleased  = 13
	colImages    = 14
	colTiers     = 15
	columns      = 16
)

// entry parses a row. A test checks all rows, so here an invalid number is an unknown one.
func entry(provider, model string, r row) Entry {
	f := strings.Split(r.columns, "\t")
	if len(f) != columns {
		return Entry{Provider: provider, Model: model, Quality: -1}
	}
	e := Entry{Provider: provider, Model: model, Released: strings.TrimPrefix(f[colReleased], "-"),
		Context: max(number(f[colContext]), 0), MaxOutput: max(number(f[colMaxOutput]), 0),
		Features: features(f[colFeatures]), Quality: quality(f[colQuality]), Chat: true}
	if e.Price = price(f[colPrices:colAudioIn], f[colAudioIn], f[colAudioOut]); e.Price.Known {
		e.Price.Row = provider + "/" + model + "@" + r.hash
		setImages(&e.Price, f[colImages])
		if above, rest, ok := strings.Cut(f[colLong], ":"); ok {
			e.Price.SetLong(number(above), price(strings.Split(rest, ":"), "-", "-"))
		}
		setTiers(&e.Price, f[colTiers])
	}
	for flag := range strings.SplitSeq(f[colFlags], ",") {
		switch flag {
		case "deprecated":
			e.Deprecated = true
		case "embedding":
			e.Chat, e.Embeds = false, true
		case "no-chat":
			e.Chat = false
		}
	}
	return e
}

// setImages sets the prices of pictures.
func setImages(p *llm.Price, column string) {
	if f := strings.Split(column, ":"); len(f) == 3 {
		p.ImageInput, p.ImageOutput, p.Image = llm.NanoUSD(max(number(f[0]), 0)), llm.NanoUSD(max(number(f[1]), 0)), llm.NanoUSD(max(number(f[2]), 0))
	}
}

// setTiers sets the prices of service tiers.
func setTiers(p *llm.Price, column string) {
	if column == "-" {
		return
	}
	for one := range strings.SplitSeq(column, ",") {
		f := strings.Split(one, ":")
		if len(f) < 1+prices {
			continue
		}
		in := price(f[1:1+prices], "-", "-")
		if len(f) == 1+2*prices {
			long := price(f[1+prices:], "-", "-")
			in.LongAbove, in.Long = p.LongAbove, &long
		}
		p.SetTier(llm.Tier(f[0]), in)
	}
}

// prices is the number of columns that price takes.
const prices = colAudioIn - colPrices

// price makes a price of five columns, with prices of audio.
func price(f []string, audioIn, audioOut string) llm.Price {
	in, out := number(f[0]), number(f[1])
	if in < 0 || out < 0 {
		return llm.Price{}
	}
	or := func(s string, other int64) int64 {
		if n := number(s); n >= 0 {
			return n
		}
		return other
	}
	write := or(f[3], in)
	return llm.Price{
		Known: true, Input: llm.NanoUSD(in), Output: llm.NanoUSD(out),
		CacheRead: llm.NanoUSD(or(f[2], in)), CacheWrite: llm.NanoUSD(write), CacheWriteLong: llm.NanoUSD(or(f[4], write)),
		AudioInput: llm.NanoUSD(or(audioIn, in)), AudioOutput: llm.NanoUSD(or(audioOut, out)),
		WebSearch: llm.SearchPrice(llm.NanoUSD(in), llm.NanoUSD(out)),
	}
}

// number parses a whole number; -1 for "-".
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func quality(s string) float64 {
	q, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return -1
	}
	return q
}

func features(s string) llm.Features {
	var f llm.Features
	for i, name := range llm.Features(^uint32(0)).Names() {
		if contains(s, name) {
			f |= 1 << i
		}
	}
	return f
}

// contains reports whether a name is in a list joined by commas.
func contains(list, name string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one == name {
			return true
		}
	}
	return false
}
