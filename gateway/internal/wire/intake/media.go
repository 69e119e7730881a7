package intake

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// What a prompt's media usually take, in tokens: a large picture, half a minute of sound or
// a few pages at the providers that charge the most; longer ones by their length. These
// make the likely size of a prompt.
const (
	imageTokens        = 2_000
	audioTokens        = 4_000
	fileTokens         = 8_000
	audioBytesPerToken = 1_000
	fileBytesPerToken  = 40 // of a document of text and pictures, in base64
)

// No provider makes more tokens of media than this, in bytes of base64 a token: sound has
// at most 32 tokens and at least 700 bytes a second, and a page of a document holds more
// bytes than tokens.
const leastAudioBytes = 16

// readPart reads one content part. A part counts as a picture, a sound or a file
// when its type says so or when it carries one, because providers differ in which
// they believe.
func (s *scanner) readPart(d *messageInfo) bool {
	var p partInfo
	m, ok := s.open(part)
	for ok && s.next(&m) {
		switch m.field {
		case fType:
			p.typed = true
			ok = s.partType(&p)
		case fText:
			p.text = p.text || !p.typed
			ok = s.partText(d)
		case fImageURL:
			ok = s.medium(llm.Vision, &p, d)
		case fInputAudio:
			ok = s.medium(llm.AudioIn, &p, d)
		case fFile:
			ok = s.medium(llm.FileIn, &p, d)
		default:
			p.pointing = p.pointing || pointing(m.name)
			ok = s.value()
		}
	}
	if !s.OK() {
		return false
	}
	s.price(&p)
	return true
}

// partInfo is what one content part says about itself.
type partInfo struct {
	kinds llm.Features
	// text says that it is nothing but text: by its type or, as long as it has none, by
	// its content.
	text, typed bool
	// media is the last medium's value, quotes or braces included.
	media []byte
	// inline says that it holds the medium itself; elsewhere and byID that it names one
	// which lies somewhere else or with the provider.
	inline, elsewhere, byID bool
	// pointing says that the part has a member of its own that names something elsewhere.
	pointing bool
}

// partType adds what a part's type asks for.
func (s *scanner) partType(p *partInfo) bool {
	if s.Peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	if !ok {
		return false
	}
	switch {
	case t.Is("image_url"):
		p.kinds |= llm.Vision
	case t.Is("input_audio"):
		p.kinds |= llm.AudioIn
	case t.Is("file"):
		p.kinds |= llm.FileIn
	default:
		p.text = isAny(t, "text", "refusal", "thinking", "redacted_thinking", "reasoning", "input_text", "output_text", "tool_use",
			"search_result", "compaction") || t.Size <= maxNameBytes && isToolBlock(t.String())
	}
	return true
}

// isToolBlock reports whether parts of this type are calls that Anthropic runs itself, or
// their results: they came from it, as text.
func isToolBlock(kind string) bool {
	return strings.HasSuffix(kind, "_tool_use") || strings.HasSuffix(kind, "_tool_result")
}

// medium adds what a part carries; its bytes are no text.
func (s *scanner) medium(kind llm.Features, p *partInfo, d *messageInfo) bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	p.kinds |= kind
	at := s.Pos()
	ok := s.carried(p)
	p.media = s.body[at:s.Pos()]
	d.media += len(p.media)
	s.facts.MediaAt = append(s.facts.MediaAt, s.span(at))
	return ok
}

// price adds a part's features, its likely size and its upper bound.
func (s *scanner) price(p *partInfo) {
	f := &s.facts
	f.Features |= p.kinds
	size := int64(len(p.media))
	if p.kinds.Has(llm.Vision) {
		s.media += imageTokens
		f.Images++
		s.unbounded(p.elsewhere || p.byID || !p.inline, llm.RemoteImage)
	}
	if p.kinds.Has(llm.AudioIn) {
		s.media += max(audioTokens, size/audioBytesPerToken)
		f.MediaTokens += audioTokens + size/leastAudioBytes
		s.unbounded(p.elsewhere || p.byID, llm.RemoteSound)
	}
	if p.kinds.Has(llm.FileIn) {
		s.media += max(fileTokens, size/fileBytesPerToken)
		f.MediaTokens += fileTokens + size
		s.unbounded(p.byID || !p.inline && !p.elsewhere, "a file id")
		s.unbounded(p.elsewhere, llm.RemoteFile)
	}
	s.unbounded(p.kinds == 0 && (!p.text || !p.typed && p.pointing), "a part of a type that this gateway does not know")
}

// unbounded notes the first thing whose size nobody can know from the request alone. It
// is called for everything of that kind.
func (s *scanner) unbounded(when bool, what string) {
	if when && s.facts.Unbounded == "" {
		s.facts.Unbounded = what
	}
}

// repriced notes a member by which a provider may ask another price. The one that may
// also choose another model wins.
func (s *scanner) repriced(member string) {
	if s.facts.Repriced != llm.OtherModels {
		s.facts.Repriced = member
	}
}

// serviceTier reads service_tier. Tiers that are not known to be cheap may cost more.
func (s *scanner) serviceTier() bool {
	if s.Peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	if ok {
		s.tier("service_tier", t.String())
	}
	return ok
}

// tier notes the service tier that a member asks for. Of two, fast mode is the one that sets the
// price.
func (s *scanner) tier(member, word string) {
	tier := llm.ParseTier(word)
	if s.facts.Tier != llm.TierFast {
		s.facts.Tier = tier
	}
	if s.facts.Repriced == "" && tier != llm.TierStandard && tier != llm.TierAuto && !tier.Cheaper() {
		s.repriced(member)
	}
}

// elsewhere are members of a request that bring more into the prompt than the request
// holds, with what to call that.
func elsewhere(of object, name []byte) string {
	if !of.isBody() {
		return ""
	}
	if strings.HasPrefix(string(name), "tools.") { // as the module writes those of a Gemini client
		return "a tool that the provider runs"
	}
	switch string(name) {
	case "plugins":
		return "a plugin that the provider runs"
	case "cached_content", "previous_response_id", "conversation", "prompt", "extra_body", "web_search", "search_parameters",
		"enable_search", "search_options", "data_sources", "mcp_servers", "container", "file_ids":
		return "what " + string(name) + " brings in"
	}
	return ""
}
