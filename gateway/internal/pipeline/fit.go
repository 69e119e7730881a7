package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// optional are the features that a target may lack without failing the request: what asks for
// them is left out, or put in another way.
const optional = llm.JSONObject | llm.Reasoning | llm.Logprobs | llm.Prefill | llm.WebSearch

// whyUnfit says why a target can't serve the request; empty when it can.
func (x *state) whyUnfit(t *llm.Target) string {
	for _, why := range [...]string{x.whyForbidden(t), x.whyMisplaced(t), x.whyIncapable(t), x.whyTooSmall(t)} {
		if why != "" {
			return why
		}
	}
	facts := x.req.Facts
	if x.Dialects.Inlines(x.req, t) {
		facts.Unbounded = "" // the size is known before anything is reserved
	}
	return x.whyUnbounded(t, &facts)
}

// whyForbidden says why the policy keeps the request from a target; empty if it does not.
func (x *terms) whyForbidden(t *llm.Target) string {
	o := &x.decision.Obligations
	if len(o.AllowTargets) > 0 && !matchAny(o.AllowTargets, t.ID) {
		return "not among the targets that the policy allows"
	}
	if matchAny(o.DenyTargets, t.ID) {
		return "denied by the policy"
	}
	if most := o.MaxOutputTokens; most > 0 && most < leastResponses && t.Dialect == llm.Responses && x.req.Facts.Inputs == 0 && !x.req.Facts.Free {
		return fmt.Sprintf("takes no bound on output below %d tokens, and the policy allows %d", leastResponses, most)
	}
	return ""
}

// leastResponses is the lowest bound on output that OpenAI's Responses API takes, in tokens.
const leastResponses = 16

// whyMisplaced says why the request's data may not get to a target; empty when it may. Key and
// caller, the policy and the route each have their demands, and all of them hold.
func (x *terms) whyMisplaced(t *llm.Target) string {
	o := &x.decision.Obligations
	for _, demands := range [...]llm.Demands{x.req.Demands, {Classes: o.DataClasses, Regions: o.Regions}, {Regions: x.route.Regions}} {
		if why := demands.Refuses(t); why != "" {
			return why
		}
	}
	return ""
}

// whyIncapable names what the request needs and the target is known to lack; empty when it
// lacks nothing.
func (x *state) whyIncapable(t *llm.Target) string {
	f := &x.req.Facts
	switch {
	case f.Inputs == 0 && !f.Free && t.EmbedsOnly:
		return "makes embeddings only"
	case f.Inputs > 0 && t.ChatOnly:
		return "makes no embeddings"
	case !t.FeaturesKnown:
		return ""
	}
	spared := optional
	if t.Dialect == llm.Anthropic && !x.req.PassesTo(t) {
		spared |= llm.JSONSchema // the translation puts the schema into the system prompt
	}
	if lacks := f.Features &^ spared &^ t.Features; lacks != 0 {
		return "lacks " + strings.ReplaceAll(lacks.String(), ",", ", ")
	}
	return ""
}

// whyTooSmall says that the target's context window has no room for the prompt and the reply
// that the request asks for; empty when it has. The estimate of the prompt is an over-count,
// so only a clear excess disqualifies.
func (x *state) whyTooSmall(t *llm.Target) string {
	f := &x.req.Facts
	if t.Context <= 0 || f.Inputs > 0 || f.Free {
		return ""
	}
	prompt, reply := f.EstInputTokens/2, x.askedOutput(t)
	switch {
	case prompt > t.Context:
		return fmt.Sprintf("context window of %d tokens is too small", t.Context)
	case llm.Add(prompt, reply) > t.Context:
		return fmt.Sprintf("context window of %d tokens is too small for the prompt and a reply of %d tokens", t.Context, reply)
	}
	return ""
}

// askedOutput is how long a reply the request asks a target for, in tokens, within the bounds
// of the target and the policy; 0 when it does not say.
func (x *state) askedOutput(t *llm.Target) int64 {
	asked := max(x.req.Facts.MaxTokens, 0)
	for _, bound := range [...]int64{t.MaxOutput, x.decision.Obligations.MaxOutputTokens} {
		if bound > 0 {
			asked = min(asked, bound)
		}
	}
	return asked
}

// allTooSmall reports whether every candidate that may get the request's data has been refused
// for its context window alone, and there is one.
func (x *state) allTooSmall() bool {
	small := false
	for i, t := range x.route.Targets {
		switch why := x.record.Candidates[i].Refused; why {
		case "":
			return false
		case x.whyTooSmall(t):
			small = true
		case x.whyMisplaced(t):
		default:
			return false
		}
	}
	return small
}

func matchAny(patterns []string, id string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return llm.MatchName(p, id) })
}
