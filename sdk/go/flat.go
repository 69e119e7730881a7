package penstock

import (
	"bytes"
	"encoding/binary"
	"math"
)

const (
	flatHeader = 32
	flatRecord = 96
)

// Unlimited is what Target.RemainingRequests and RemainingTokens hold when the
// provider has not said how much is left.
const Unlimited = math.MaxUint32

// Flags of a Route and of its targets.
const (
	RouteStream = 1 << iota
	RouteNeedsTools
	RouteNeedsVision
)

// Flags of a Target.
const (
	TargetHealthy = 1 << iota
	TargetPriced
	TargetFallback
	TargetContextKnown
)

// Drop is the flag of a ranked target that must not be tried at all.
const Drop = 1

// Route is a view of the input of penstock_route_flat. It aliases the input and is
// valid as long as that is.
type Route struct {
	// Len is the number of targets.
	Len int
	// EstInput is an upper estimate of the prompt, MaxOutput the client's bound on
	// the answer, both in tokens; MaxOutput 0 means that it gave none.
	EstInput, MaxOutput uint32
	Flags               uint32
	records             []byte
	step                int
	text                []byte
}

// Target is one candidate. Prices are in nano-USD per million tokens and mean
// nothing without TargetPriced.
type Target struct {
	// Index names the target in the answer.
	Index, Flags                   uint32
	PriceIn, PriceOut, PriceCached int64
	// Context is in tokens, Inflight in requests.
	Context, Inflight uint32
	// Quality is between 0 and 1, NaN when unknown.
	Quality float64
	// FirstToken is in milliseconds, Speed in tokens per second; 0 means unknown.
	FirstToken, Speed float64
	// ErrorRate is between 0 and 1.
	ErrorRate, Weight float64
	Order             int32
	// RemainingRequests and RemainingTokens may be Unlimited.
	RemainingRequests, RemainingTokens uint32
	// CachedPrefix is how many tokens of the prompt the provider has cached.
	CachedPrefix uint32
}

// ReadRoute checks the header of a flat routing input and reports false when the
// input is of another version, or shorter than it says.
func ReadRoute(in []byte) (Route, bool) {
	if len(in) < flatHeader || binary.LittleEndian.Uint16(in) != 1 {
		return Route{}, false
	}
	step, n := uint64(binary.LittleEndian.Uint16(in[2:])), uint64(binary.LittleEndian.Uint32(in[4:]))
	text, textLen := uint64(binary.LittleEndian.Uint32(in[20:])), uint64(binary.LittleEndian.Uint32(in[24:]))
	size := uint64(len(in))
	if step < flatRecord || n > size/flatRecord || flatHeader+n*step > size || text+textLen > size {
		return Route{}, false
	}
	return Route{
		Len:       int(n),
		EstInput:  binary.LittleEndian.Uint32(in[8:]),
		MaxOutput: binary.LittleEndian.Uint32(in[12:]),
		Flags:     binary.LittleEndian.Uint32(in[16:]),
		records:   in[flatHeader : flatHeader+n*step],
		step:      int(step),
		text:      in[text : text+textLen],
	}, true
}

// Target decodes the k-th record, 0 ≤ k < Len.
func (r *Route) Target(k int) Target {
	b := r.records[k*r.step:][:flatRecord]
	le := binary.LittleEndian
	return Target{
		Index: le.Uint32(b), Flags: le.Uint32(b[4:]),
		PriceIn: int64(le.Uint64(b[8:])), PriceOut: int64(le.Uint64(b[16:])), PriceCached: int64(le.Uint64(b[24:])),
		Context: le.Uint32(b[32:]), Inflight: le.Uint32(b[36:]),
		Quality:    math.Float64frombits(le.Uint64(b[40:])),
		FirstToken: math.Float64frombits(le.Uint64(b[48:])), Speed: math.Float64frombits(le.Uint64(b[56:])),
		ErrorRate: math.Float64frombits(le.Uint64(b[64:])), Weight: math.Float64frombits(le.Uint64(b[72:])),
		Order:             int32(le.Uint32(b[80:])),
		RemainingRequests: le.Uint32(b[84:]), RemainingTokens: le.Uint32(b[88:]), CachedPrefix: le.Uint32(b[92:]),
	}
}

// Strategy is the name by which the router was chosen.
func (r *Route) Strategy() []byte {
	name, _, _ := bytes.Cut(r.text, []byte{'\n'})
	return name
}

// Settings calls yield with each key and value of the route's settings, and with
// the seed, until it returns false.
func (r *Route) Settings(yield func(key, value []byte) bool) {
	_, rest, _ := bytes.Cut(r.text, []byte{'\n'})
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		key, value, ok := bytes.Cut(line, []byte{'='})
		if ok && !yield(key, value) {
			return
		}
	}
}

// AppendRank appends one entry of the answer; the best comes first. A higher score
// is better, and it must not be NaN.
func AppendRank(out []byte, index, flags uint32, score float64) []byte {
	out = binary.LittleEndian.AppendUint32(out, index)
	out = binary.LittleEndian.AppendUint32(out, flags)
	return binary.LittleEndian.AppendUint64(out, math.Float64bits(score))
}
