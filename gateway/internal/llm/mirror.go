package llm

import (
	"hash/fnv"
	"math"
	"time"
)

// Mirror sends a copy of a share of a route's requests to a shadow target, whose answer nobody
// waits for.
type Mirror struct {
	// Target gets the copies; nil when they go to the targets of the model Use.
	Target *Target
	Use    string
	// Share is the share of requests that are copied, 0 to 1.
	Share float64
	// MaxInflight bounds the route's copies that are under way, Timeout the time of each.
	MaxInflight int
	Timeout     time.Duration
}

// Samples reports whether the request with an id belongs to the share that is copied. Equal
// ids give equal results.
func (m *Mirror) Samples(id string) bool {
	h := fnv.New64a()
	_, _ = h.Write([]byte("mirror " + id))
	x := h.Sum64() // whose upper bits differ little between similar texts
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x) < m.Share*math.MaxUint64
}

// Name is what the copies go to: a target, or a model.
func (m *Mirror) Name() string {
	if m.Target != nil {
		return m.Target.ID
	}
	return m.Use
}

// MirrorTag is the tag of the record of a copy. Its value is the route of the original.
const MirrorTag = "penstock:mirror"

// Mirrored is what a record says of the copy of a request.
type Mirrored struct {
	// To is the target or the model that it goes to, ID names its own record.
	To string `json:"to"`
	ID string `json:"id,omitempty"`
	// Skipped says why there is no copy, although the request was sampled.
	Skipped string `json:"skipped,omitempty"`
}
