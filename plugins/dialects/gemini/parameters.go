package gemini

import (
	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// maxCandidates, maxStops and maxTopLogprobs are Google's bounds.
const (
	maxCandidates  = 8
	maxStops       = 5
	maxTopLogprobs = 20
)

// writeConfig writes generationConfig, which holds what bounds and shapes the answer.
func (r *request) writeConfig(limit int64) error {
	mark := len(r.B)
	r.Name("generationConfig")
	r.Open('{')
	start := len(r.B)
	r.writeMaxTokens(limit)
	for _, step := range [...]func(*request) error{
		(*request).writeCandidates, (*request).writeSampling, (*request).writePenalties, (*request).writeLogprobs,
	} {
		if err := step(r); err != nil {
			return err
		}
	}
	r.writeStop()
	r.writeModalities()
	r.writeFormat()
	r.writeThinking()
	r.writeGoogles()
	if len(r.B) == start {
		r.B = r.B[:mark]
		return nil
	}
	r.Close('}')
	return nil
}

// writeMaxTokens writes the client's bound, cut to what the model can give.
func (r *request) writeMaxTokens(limit int64) {
	asked := r.in.MaxTokens()
	if asked <= 0 {
		return
	}
	if limit > 0 {
		asked = min(asked, limit)
	}
	r.MemberInt("maxOutputTokens", asked)
}

func (r *request) writeCandidates() error {
	n := canonical.Whole(r.own.n)
	if n <= 1 {
		return nil
	}
	if n > maxCandidates {
		return canonical.Reject("n", "Gemini gives at most 8 answers at a time")
	}
	r.MemberInt("candidateCount", n)
	return nil
}

// writeSampling writes temperature, top_p, top_k and the seed. OpenAI's temperature has the
// range of Gemini's.
func (r *request) writeSampling() error {
	for _, p := range [...]struct {
		own, name string
		v         canonical.Value
	}{
		{"temperature", "temperature", r.in.Temperature}, {"top_p", "topP", r.in.TopP},
		{"top_k", "topK", r.in.TopK}, {"seed", "seed", r.own.seed},
	} {
		if p.v.Null() {
			continue
		}
		x, ok := p.v.Number()
		switch {
		case !ok:
			return canonical.Reject(p.own, "must be a number")
		case p.own == "temperature" && (x > 2 || x < 0):
			r.MemberInt(p.name, int64(min(max(x, 0), 2)))
			r.Drop(p.own)
		case p.own == "seed" && !fitsSeed(p.v):
			r.Drop(p.own)
		default:
			r.MemberValue(p.name, p.v)
		}
	}
	return nil
}

// fitsSeed reports whether a seed is one of Google's, which have 32 bits.
func fitsSeed(v canonical.Value) bool {
	n, ok := v.Whole()
	return ok && n >= -1<<31 && n < 1<<31
}

// writePenalties writes the penalties where the model takes them.
func (r *request) writePenalties() error {
	for _, p := range [...]struct {
		own, name string
		v         canonical.Value
	}{
		{"presence_penalty", "presencePenalty", r.own.presencePenalty},
		{"frequency_penalty", "frequencyPenalty", r.own.frequencyPenalty},
	} {
		if p.v.Null() {
			continue
		}
		x, ok := p.v.Number()
		switch {
		case !ok:
			return canonical.Reject(p.own, "must be a number")
		case x == 0: // the default
		case !r.model.penalizes():
			r.Drop(p.own)
		case x >= 2: // out of Gemini's range
			r.MemberLiteral(p.name, "1.99")
			r.Drop(p.own)
		default:
			r.MemberValue(p.name, p.v)
		}
	}
	return nil
}

// writeLogprobs asks for the probabilities of tokens.
func (r *request) writeLogprobs() error {
	if r.own.logprobs.Kind() != 't' {
		return nil
	}
	r.MemberLiteral("responseLogprobs", "true")
	if n := canonical.Whole(r.own.topLogprobs); n > 0 {
		r.MemberInt("logprobs", min(n, maxTopLogprobs))
	}
	return nil
}

// writeStop writes the stop sequences, as many as Gemini takes.
func (r *request) writeStop() {
	mark := len(r.B)
	r.Name("stopSequences")
	r.Open('[')
	written, given := 0, 0
	add := func(v canonical.Value) bool {
		if len(canonical.Inside(v)) == 0 {
			return true
		}
		if given++; written < maxStops {
			r.Value(v)
			written++
		}
		return true
	}
	r.in.Stop.Items(add)
	add(r.in.Stop)
	r.Close(']')
	if written == 0 {
		r.B = r.B[:mark]
	}
	if written < given {
		r.Drop("stop")
	}
}

// writeModalities writes what the answer may consist of, and the voice of one that is spoken.
func (r *request) writeModalities() {
	if (canonical.Member{Key: []byte("modalities"), Value: r.own.modalities}).Harmless() {
		return
	}
	r.Name("responseModalities")
	r.Open('[')
	sound := false
	for v := range r.own.modalities.Items {
		switch string(canonical.Text(v)) {
		case "text":
			r.Literal(`"TEXT"`)
		case "image":
			r.Literal(`"IMAGE"`)
		case "audio":
			sound = true
		}
	}
	if sound {
		r.Literal(`"AUDIO"`)
	}
	r.Close(']')
	if voice := r.voice(); sound && len(canonical.Inside(voice)) > 0 {
		r.Name("speechConfig")
		r.Raw(`{"voiceConfig":{"prebuiltVoiceConfig":{"voiceName":`)
		r.Value(voice)
		r.Raw("}}}")
	}
}

// voice is the name of the voice of an answer that is spoken.
func (r *request) voice() canonical.Value {
	return canonical.Or(r.own.audio.Member("voice", "id"), r.own.audio.Member("voice"))
}

// writeServiceTier writes the tier in Google's words.
func (r *request) writeServiceTier() {
	switch tier := string(canonical.Text(r.in.ServiceTier)); tier {
	case "", "auto":
	case "default", "standard", "standard_only":
		r.MemberLiteral("serviceTier", `"standard"`)
	case "flex", "priority":
		r.MemberText("serviceTier", []byte(tier))
	default:
		r.Drop("service_tier")
	}
}
