package activity

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Part is something that a policy's decision held: a refusal by its code, a limit or an
// obligation by its name, or a warning by its text.
type Part struct{ Kind, Name string }

// Refusal is the kind of the parts that deny; the others are those of llm.RuleOf.
const Refusal = "refusal"

const (
	// maxParts bounds the parts of one step; what comes beyond them is counted as Other.
	maxParts = 64
	// maxPartName bounds the name of a part, in bytes.
	maxPartName = 200
)

// Hits is how often a part was decided.
type Hits struct {
	Requests int64
	// Rule is where the part comes from, as "file.rego:12"; empty when no record said so.
	Rule string
	// Last is the id of the latest request, At when that arrived.
	Last string
	At   time.Time
}

// partStep are the parts of one step's decisions.
type partStep struct {
	start time.Time
	hits  map[Part]*Hits
}

// countParts counts what the decision about a request held.
func (a *Activity) countParts(r *llm.Record) {
	start := r.Time.Truncate(Step)
	s := &a.parts[place(start)]
	if !s.start.Equal(start) {
		*s = partStep{start, map[Part]*Hits{}}
	}
	eachPart(r.Decision, func(kind, name, rule string) {
		p := Part{kind, name[:min(len(name), maxPartName)]}
		h := s.hits[p]
		if h == nil && len(s.hits) >= maxParts {
			p, rule = Part{kind, Other}, ""
			h = s.hits[p]
		}
		if h == nil {
			h = &Hits{}
			s.hits[p] = h
		}
		h.add(Hits{Requests: 1, Rule: rule, Last: r.ID, At: r.Time})
	})
}

func (h *Hits) add(o Hits) {
	h.Requests += o.Requests
	if o.Rule != "" {
		h.Rule = o.Rule
	}
	if !o.At.Before(h.At) {
		h.Last, h.At = o.Last, o.At
	}
}

// eachPart calls each with the parts of a decision.
func eachPart(d *llm.Decision, each func(kind, name, rule string)) {
	for i := range d.Reasons {
		each(Refusal, d.Reasons[i].Code, d.Reasons[i].Rule)
	}
	for i := range d.Limits {
		each(llm.PartLimit, d.Limits[i].Name, d.RuleOf(llm.PartLimit, d.Limits[i].Name))
	}
	for _, w := range d.Warnings {
		each(llm.PartWarning, w, d.RuleOf(llm.PartWarning, w))
	}
	for _, name := range d.Obligations.Names() {
		each(llm.PartObligation, name, d.RuleOf(llm.PartObligation, name))
	}
}

// Parts returns what policies decided in the last 24 hours.
func (a *Activity) Parts() map[Part]Hits {
	a.mu.Lock()
	defer a.mu.Unlock()
	oldest := a.starts()[0]
	all := map[Part]Hits{}
	for i := range a.parts {
		if s := &a.parts[i]; !s.start.Before(oldest) {
			for p, h := range s.hits {
				sum := all[p]
				sum.add(*h)
				all[p] = sum
			}
		}
	}
	return all
}
