package penstock

import (
	"bytes"
	"math"
	"unsafe"
)

// Unlimited is what Target.RemainingRequests and RemainingTokens hold when the
// provider has not said how much is left.
const Unlimited = math.MaxUint32

// Flags of a Route.
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

// flatRoute is the header of the flat form. Records and header are read in place:
// they are little-endian, as Wasm is, and so are the machines that tests run on.
type flatRoute struct {
	version, recordSize           uint16
	n, estInput, maxOutput, flags uint32
	textOffset, textLen, reserved uint32
}

// Target is one candidate, laid out as its record. Prices are in nano-USD per
// million tokens and mean nothing without TargetPriced.
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

// Rank is one entry of the answer. A higher score is better; it must not be NaN.
type Rank struct {
	Index, Flags uint32
	Score        float64
}

// Route is a view of the input of penstock_route_flat. It aliases the input and is
// valid as long as that is.
type Route struct {
	// Len is the number of targets.
	Len int
	// EstInput is an upper estimate of the prompt, MaxOutput the client's bound on
	// the answer, both in tokens; MaxOutput 0 means that it gave none.
	EstInput, MaxOutput uint32
	Flags               uint32
	// Text is the strategy's name on the first line, then the route's settings as
	// key=value lines, then the line seed=, a decimal number.
	Text    []byte
	records []byte
	step    int
}

// ReadRoute checks the header of a flat routing input and reports false when the
// input is of another version, or shorter than it says.
func ReadRoute(in []byte) (Route, bool) {
	const header, record = int(unsafe.Sizeof(flatRoute{})), uint64(unsafe.Sizeof(Target{}))
	if len(in) < header {
		return Route{}, false
	}
	h := (*flatRoute)(unsafe.Pointer(&in[0]))
	size, end := uint64(len(in)), uint64(header)+uint64(h.n)*uint64(h.recordSize)
	text := uint64(h.textOffset) + uint64(h.textLen)
	if h.version != 1 || uint64(h.recordSize) < record || h.recordSize%8 != 0 || end > size || text > size {
		return Route{}, false
	}
	return Route{Len: int(h.n), EstInput: h.estInput, MaxOutput: h.maxOutput, Flags: h.flags,
		records: in[header:end], step: int(h.recordSize), Text: in[h.textOffset:text]}, true
}

// Target is the k-th candidate, 0 ≤ k < Len. It lies in the input.
func (r *Route) Target(k int) *Target {
	record := r.records[k*r.step:]
	_ = record[unsafe.Sizeof(Target{})-1]
	return (*Target)(unsafe.Pointer(&record[0]))
}

// Settings calls yield with each key and value of Text, the seed included, until it
// returns false.
func (r *Route) Settings(yield func(key, value []byte) bool) {
	_, rest, _ := bytes.Cut(r.Text, []byte{'\n'})
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		key, value, ok := bytes.Cut(line, []byte{'='})
		if ok && !yield(key, value) {
			return
		}
	}
}

// Setting is the value of one setting, as text.
func (r *Route) Setting(name string) ([]byte, bool) {
	for key, value := range r.Settings {
		if string(key) == name {
			return value, true
		}
	}
	return nil, false
}

// AppendRank appends one entry of the answer; the best comes first.
func AppendRank(out []byte, r Rank) []byte {
	return append(out, (*[unsafe.Sizeof(r)]byte)(unsafe.Pointer(&r))[:]...)
}
