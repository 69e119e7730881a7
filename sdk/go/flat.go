package penstock

import (
	"bytes"
	"math"
	"slices"
	"unsafe"
)

// Flags of a Route, of a Target and of an entry of the answer, and what a limit may be.
const (
	RouteStream, RouteNeedsTools, RouteNeedsVision                  = 1, 2, 4
	TargetHealthy, TargetPriced, TargetFallback, TargetContextKnown = 1, 2, 4, 8

	Drop      = 1
	Unlimited = math.MaxUint32 // an unknown limit
)

// flatRoute is the header of the flat form. Header and records are used as they lie in
// memory: they are little-endian, as Wasm is, and so are the machines that tests run on.
type flatRoute struct {
	version, recordSize                uint16
	n, estInput, maxOutput, flags      uint32
	textOffset, textLen, requestOffset uint32
}

// Target is one candidate, laid out as its record.
type Target struct {
	// Index names the target in the answer.
	Index, Flags uint32
	// Prices are in nano-USD per million tokens and mean nothing without TargetPriced.
	PriceIn, PriceOut, PriceCached int64
	// Context is in tokens, Inflight in requests.
	Context, Inflight uint32
	// Quality is between 0 and 1, NaN when unknown. FirstToken is in milliseconds, Speed
	// in tokens per second; 0 means unknown. ErrorRate is between 0 and 1.
	Quality, FirstToken, Speed, ErrorRate, Weight float64
	Order                                         int32
	// RemainingRequests and RemainingTokens are Unlimited when the provider has not reported
	// them. CachedPrefix is how many tokens of the prompt it has probably cached; 0 means
	// unknown.
	RemainingRequests, RemainingTokens, CachedPrefix uint32
}

// Figures is what version 1.1 of the contract has added to a record.
type Figures struct {
	// EstCost is an upper bound of what the request costs, in nano-USD; negative means
	// unknown.
	EstCost int64
	// FirstTokenP50 and FirstTokenP95 are the median and the 95th percentile of the time to
	// the first token, in milliseconds; 0 means unknown. Samples is the number of recent
	// attempts.
	FirstTokenP50, FirstTokenP95, Samples float64
	// RequestsLeft and TokensLeft are what is left of the provider's limits, as shares
	// between 0 and 1; negative means unknown.
	RequestsLeft, TokensLeft float64
	// Sticky is a hash of session and target; 0 means that there is no session, nor a long
	// conversation. Sessions keep to their targets where they are ranked by it.
	Sticky uint64
}

// Route is a view of the input of penstock_route_flat, valid as long as that is.
type Route struct {
	// Len is the number of targets.
	Len int
	// EstInput is an upper estimate of the prompt, MaxOutput the client's bound on
	// the answer, both in tokens; MaxOutput 0 means that it gave none.
	EstInput, MaxOutput, Flags uint32
	// Text is the strategy's name on the first line, then the route's settings as
	// key=value lines, then the line seed=, a decimal number.
	Text    []byte
	texts   []byte
	records []byte
	step    int
}

// ReadRoute reads the header of a flat routing input. It reports false when the input is of
// another version, or shorter than its header claims.
func ReadRoute(in []byte) (Route, bool) {
	const header, record = unsafe.Sizeof(flatRoute{}), uint64(unsafe.Sizeof(Target{}))
	if len(in) < int(header) {
		return Route{}, false
	}
	h := (*flatRoute)(unsafe.Pointer(&in[0]))
	size, end := uint64(len(in)), uint64(header)+uint64(h.n)*uint64(h.recordSize)
	text := uint64(h.textOffset) + uint64(h.textLen)
	if h.version != 1 || uint64(h.recordSize) < record || h.recordSize%8 != 0 || end > size || text > size || uint64(h.requestOffset) > size {
		return Route{}, false
	}
	var texts []byte
	if h.requestOffset > 0 {
		var ok bool
		if texts, _, ok = SplitFrame(in[h.requestOffset:]); !ok {
			return Route{}, false
		}
	}
	return Route{int(h.n), h.estInput, h.maxOutput, h.flags, in[h.textOffset:text], texts, in[header:end], int(h.recordSize)}, true
}

// Target is the k-th candidate, 0 ≤ k < Len. It lies in the input.
func (r *Route) Target(k int) *Target {
	if uint(k) >= uint(r.Len) {
		panic("penstock: there is no such target")
	}
	return (*Target)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(r.records)), k*r.step))
}

// Figures is more of the k-th candidate, 0 ≤ k < Len. A gateway of version 1.0 leaves all of
// it unknown.
func (r *Route) Figures(k int) *Figures {
	const at = unsafe.Sizeof(Target{})
	t := r.Target(k)
	if r.step < int(at+unsafe.Sizeof(Figures{})) {
		return &Figures{EstCost: -1, RequestsLeft: -1, TokensLeft: -1}
	}
	return (*Figures)(unsafe.Add(unsafe.Pointer(t), at))
}

// MaxInflight is how many requests the k-th candidate takes at once, 0 ≤ k < Len; 0 means any
// number, or that the gateway does not say.
func (r *Route) MaxInflight(k int) uint32 { return r.field(k, 0) }

// ExpectedOutput is how many output tokens the k-th candidate's reply will probably have,
// 0 ≤ k < Len: the mean of the route's replies there. It is 0 when that is unknown.
func (r *Route) ExpectedOutput(k int) uint32 { return r.field(k, 4) }

// field reads a number behind the k-th candidate's figures; 0 when the host sends none.
func (r *Route) field(k int, at uintptr) uint32 {
	at += unsafe.Sizeof(Target{}) + unsafe.Sizeof(Figures{})
	if r.step < int(at)+4 {
		return 0
	}
	return *(*uint32)(unsafe.Add(unsafe.Pointer(r.Target(k)), at))
}

// The kinds of a request's texts.
const (
	sessionText = 1 + iota
	tagName     // the next one is the value
	tagValue
	lastUserText
	classText
)

// Session is what the consecutive requests of an agent share; nil without one. Like the
// other texts, the manifest has to name it in its reads.
func (r *Route) Session() []byte { text, _ := r.find(sessionText, ""); return text }

// Tag is the value of a tag.
func (r *Route) Tag(name string) ([]byte, bool) { return r.find(tagValue, name) }

// LastUserText is the text of the last message of the user that has any, at most 8 KiB; nil
// without one. Grant: read:messages.
func (r *Route) LastUserText() []byte { text, _ := r.find(lastUserText, ""); return text }

// Class is the label that a classifier endpoint of the operator has given the request, at most
// 64 bytes; nil without one.
func (r *Route) Class() []byte { text, _ := r.find(classText, ""); return text }

// find returns the first text of a kind, of values the one of this tag.
func (r *Route) find(kind uint32, tag string) ([]byte, bool) {
	named := kind != tagValue
	for rest := r.texts; len(rest) >= 4; {
		own := stateLen(rest)
		text, next, ok := SplitFrame(rest[4:])
		if !ok {
			break
		}
		if own == tagName && kind == tagValue {
			named = string(text) == tag
		}
		if own == kind && named {
			return text, true
		}
		rest = next
	}
	return nil, false
}

// Setting is the value of one setting, as it is written in Text.
func (r *Route) Setting(name string) ([]byte, bool) {
	_, rest, _ := bytes.Cut(r.Text, []byte{'\n'})
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if key, value, ok := bytes.Cut(line, []byte{'='}); ok && string(key) == name {
			return value, true
		}
	}
	return nil, false
}

// rank is one entry of the answer.
type rank struct {
	index, flags uint32
	score        float64
}

const rankSize = int(unsafe.Sizeof(rank{}))

// AppendRank appends one target to the answer; the best comes first. Flags are 0 or Drop.
// A higher score is better; it must not be NaN.
func AppendRank(out []byte, index, flags uint32, score float64) []byte {
	out = slices.Grow(out, rankSize)[:len(out)+rankSize] // much faster than to append bytes
	*(*rank)(unsafe.Pointer(&out[len(out)-rankSize])) = rank{index, flags, score}
	return out
}

// The terms of a score. Costs, lost cache and gain are in US dollars, the latency is in
// milliseconds, the others are shares. A part is what a term adds to the score.
const (
	TermCost = 1 + iota
	TermQuality
	TermLatency
	TermErrorRate
	TermLoad
	TermCostPart
	TermQualityPart
	TermLatencyPart
	TermErrorsPart
	// TermLostCache is what a session would lose if it left the target, TermGain what it
	// would gain at the best other one.
	TermLostCache
	TermGain
	// TermDifficulty is what a strong model adds, from -1 to 1, as the classifier estimates it,
	// TermThreshold where hard requests begin, TermUnknown the share of unknown words.
	TermDifficulty
	TermThreshold
	TermUnknown
)

// isTerm marks an entry of the answer that explains a score.
const isTerm = 2

// AppendTerm appends one term of a target's score to the answer, for explanations. It does
// not rank the target.
func AppendTerm(out []byte, index, term uint32, value float64) []byte {
	return AppendRank(out, index, isTerm|term<<8, value)
}

// InsertRank inserts one target into an answer in order: higher scores come first, equal ones
// by index.
func InsertRank(out []byte, index, flags uint32, score float64) []byte {
	out = slices.Grow(out, rankSize)[:len(out)+rankSize]
	at := unsafe.Pointer(&out[len(out)-rankSize])
	for range len(out)/rankSize - 1 {
		before := (*rank)(unsafe.Add(at, -rankSize))
		if before.score > score || before.score == score && before.index < index {
			break
		}
		*(*rank)(at), at = *before, unsafe.Pointer(before)
	}
	*(*rank)(at) = rank{index, flags, score}
	return out
}

// flat is a copy of a flat answer while that becomes JSON.
var flat []byte

// RankingJSON returns a flat answer, whose scores must be finite, as the JSON one, with a
// reason in one line. One without targets stays empty: no opinion.
func RankingJSON(out []byte, reason string) []byte {
	if len(out) == 0 {
		return out
	}
	flat = append(flat[:0], out...)
	out = appendRanks(append(out[:0], `{"ranking":[`...), 0)
	out = appendRanks(append(out, `],"drop":[`...), Drop)
	return append(AppendText(append(out, `],"reason":`...), []byte(reason)), '}')
}

// appendRanks appends the items of a list of those targets that are dropped, or of the
// others.
func appendRanks(out []byte, dropped uint32) []byte {
	comma := ""
	for at := 0; at+rankSize <= len(flat); at += rankSize {
		r := (*rank)(unsafe.Pointer(&flat[at]))
		if r.flags&isTerm != 0 || r.flags&Drop != dropped {
			continue
		}
		out = append(out, comma...)
		comma = ","
		if dropped == Drop {
			out = AppendWhole(out, int64(r.index))
			continue
		}
		out = AppendWhole(append(out, `{"i":`...), int64(r.index))
		out = append(AppendNumber(append(out, `,"score":`...), r.score), '}')
	}
	return out
}

// MaxState bounds the state that an event hook may return, in bytes.
const MaxState = 64 << 10

// SplitFrame splits an event hook's input into the state that the previous call returned and
// the payload. It reports false when the frame is cut short.
func SplitFrame(in []byte) (state, payload []byte, ok bool) {
	if len(in) < 4 || uint64(stateLen(in)) > uint64(len(in)-4) {
		return nil, nil, false
	}
	end := 4 + int(stateLen(in))
	return in[4:end:end], in[end:], true
}

func stateLen(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// SplitEvent splits an event hook's payload into the event's name and its data. It reports
// false when there is no name.
func SplitEvent(payload []byte) (name, data []byte, ok bool) { return bytes.Cut(payload, []byte{'\n'}) }

// AppendState begins an event hook's output with the state for the next call. What is
// appended after it is the payload.
func AppendState(out, state []byte) []byte {
	n := len(state)
	return append(append(out, byte(n), byte(n>>8), byte(n>>16), byte(n>>24)), state...)
}

// AppendLine appends one line, without its line feed, to output that AppendState began.
func AppendLine(out, line []byte) []byte {
	if uint64(len(out)) > 4+uint64(stateLen(out)) {
		out = append(out, '\n')
	}
	return append(out, line...)
}
