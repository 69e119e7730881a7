package llm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// RouteFacts are what a router knows of a route in every request: the router itself with its
// settings, and its targets. Together with a record they are all that the router was given,
// so that its ranking can be computed again.
type RouteFacts struct {
	// Digest identifies the facts: it is the first half of the SHA-256 digest of Text, in hex,
	// and Text is their JSON. Both are set by NewRouteFacts and ParseRouteFacts.
	Digest string `json:"-"`
	Text   []byte `json:"-"`
	// Router is the strategy or plugin, With its settings in the route, a JSON object or nil.
	Router string          `json:"router"`
	With   json.RawMessage `json:"with,omitempty"`
	RouterModule
	Targets []TargetFacts `json:"targets"`
}

// NewRouteFacts returns the facts of a route that a router of this module ranks.
func NewRouteFacts(r *Route, m RouterModule) *RouteFacts {
	f := &RouteFacts{Router: r.Router, With: r.With, RouterModule: m}
	for _, t := range r.All() {
		f.Targets = append(f.Targets, t.Facts())
	}
	f.Text, _ = json.Marshal(f) // numbers that are not finite are refused by the configuration
	sum := sha256.Sum256(f.Text)
	f.Digest = hex.EncodeToString(sum[:len(sum)/2])
	return f
}

// ParseRouteFacts reads facts from their JSON.
func ParseRouteFacts(digest string, text []byte) (*RouteFacts, error) {
	f := &RouteFacts{Digest: digest, Text: text}
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("read the facts %s of a route: %w", digest, err)
	}
	return f, nil
}

// Find returns the facts of a target; nil if it is not the route's.
func (f *RouteFacts) Find(id string) *TargetFacts {
	i := slices.IndexFunc(f.Targets, func(t TargetFacts) bool { return t.ID == id })
	if i < 0 {
		return nil
	}
	return &f.Targets[i]
}

// RouterModule identifies the module that ranks, and what it gets of requests.
type RouterModule struct {
	// Module is the SHA-256 digest of its bytes, in hex.
	Module string `json:"module"`
	// Config is the SHA-256 digest of the plugin's own settings; empty without any. The settings
	// themselves may hold secrets.
	Config string `json:"config,omitempty"`
	// Reads names the texts of a request that it gets.
	Reads []string `json:"reads,omitempty"`
}

// Equal reports whether the two are the same module, which gets the same texts.
func (m *RouterModule) Equal(o *RouterModule) bool {
	return m.Module == o.Module && m.Config == o.Config && slices.Equal(m.Reads, o.Reads)
}

// TargetFacts are what routers know of a target that does not change between requests.
type TargetFacts struct {
	ID       string `json:"id"`
	Provider string `json:"provider"`
	Model    string `json:"model"`
	// Price is nil when it is unknown.
	Price *Price `json:"price,omitempty"`
	// Context is in tokens; 0 means unknown. Quality is between 0 and 1; negative means unknown.
	Context     int64   `json:"context,omitempty"`
	Quality     float64 `json:"quality"`
	Weight      float64 `json:"weight"`
	Order       int     `json:"order,omitempty"`
	Fallback    bool    `json:"fallback,omitempty"`
	MaxInflight int     `json:"max_inflight,omitempty"`
}

// Facts returns what routers know of the target.
func (t *Target) Facts() TargetFacts {
	f := TargetFacts{ID: t.ID, Provider: t.Provider, Model: t.Model, Context: t.Context, Quality: t.Quality, Weight: t.Weight,
		Order: t.Order, Fallback: t.Fallback, MaxInflight: t.MaxInflight}
	if t.Price.Known {
		price := t.Price
		f.Price = &price
	}
	return f
}

// Target returns a target of which routers know the same.
func (f *TargetFacts) Target() *Target {
	t := &Target{ID: f.ID, Provider: f.Provider, Model: f.Model, Context: f.Context, Quality: f.Quality, Weight: f.Weight,
		Order: f.Order, Fallback: f.Fallback, MaxInflight: f.MaxInflight}
	if f.Price != nil {
		t.Price = *f.Price
	}
	return t
}

// RouterInput is what a router was given for one request and the rest of the record does not
// say.
type RouterInput struct {
	// Route is the digest of the RouteFacts.
	Route string `json:"route"`
	// Ranked are the candidates in the order in which the router got them, as indices into the
	// record's; nil when it got all of them as they stand there.
	Ranked []int `json:"ranked,omitempty"`
	// AfterNS is when the router was asked, in nanoseconds since the record's time.
	AfterNS int64 `json:"after_ns,omitempty"`
	// EstInput is the likely size of the prompt, MaxOutput the client's bound on the reply, both
	// in tokens; MaxOutput 0 means none.
	EstInput  int64    `json:"est_input,omitempty"`
	MaxOutput int64    `json:"max_output,omitempty"`
	Features  []string `json:"features,omitempty"`
	// LastUserChars is the length in bytes of the last user message.
	LastUserChars int `json:"last_user_chars,omitempty"`
	// Tags are the request's own where the policy has added to the record's.
	Tags map[string]string `json:"tags,omitempty"`
	// BodyUser says that the record's user is named by the body only, which routers are not told.
	BodyUser bool `json:"body_user,omitempty"`
}

// ParseFeatures returns the set of the features that have these names.
func ParseFeatures(names []string) (Features, error) {
	var set Features
	for _, name := range names {
		i := slices.Index(featureNames[:], name)
		if i < 0 {
			return 0, fmt.Errorf("unknown feature %q", name)
		}
		set |= 1 << i
	}
	return set, nil
}
