package routes

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// chooser sends the requests for one model on to others.
type chooser struct {
	conditions []condition
	canary     *canary
}

// condition sends requests on that it is true of. Its choice is the same for all of them.
type condition struct {
	when   *config.If
	choice llm.Choice
}

// canary sends on the sessions whose place, from 0 to 1, is below the share.
type canary struct {
	share  float64
	choice llm.Choice
	// salt keeps the places of two canaries apart.
	salt string
}

// newChooser returns what sends a model's requests on; nil for a model that keeps them all.
func newChooser(c *config.Config, name string, m *config.Model) *chooser {
	if len(m.When) == 0 && m.Canary == nil {
		return nil
	}
	choice := func(by, use, why string) llm.Choice {
		return llm.Choice{Model: name, Use: use, By: by, Line: c.Line(config.Path("models", name) + "." + by), Why: why}
	}
	ch := &chooser{}
	for i := range m.When {
		when := &m.When[i]
		ch.conditions = append(ch.conditions, condition{&when.If, choice(fmt.Sprintf("when[%d]", i), when.Use, when.If.String())})
	}
	if m.Canary != nil {
		ch.canary = &canary{float64(m.Canary.Share), choice("canary", m.Canary.Use, m.Canary.Share.String()), name + "\x00" + m.Canary.Use}
	}
	return ch
}

// choose returns where a request goes on to: the first condition that is true of it decides,
// and after them the canary. It is false when the model's own targets serve it.
func (ch *chooser) choose(req *llm.Request) (llm.Choice, bool) {
	for i := range ch.conditions {
		if c := &ch.conditions[i]; holds(c.when, req) {
			return c.choice, true
		}
	}
	if ch.canary == nil {
		return llm.Choice{}, false
	}
	kind, name := sharer(req)
	if ch.canary.place(name) >= ch.canary.share {
		return llm.Choice{}, false
	}
	choice := ch.canary.choice
	choice.Why += " of " + kind
	return choice, true
}

// place returns where a name is between 0 and 1, the same in every gateway: 1 is never
// reached, so that a share of 1 has all.
func (c *canary) place(name string) float64 {
	return float64(llm.StickyHash(name, c.salt)>>11) * math.Pow(2, -53)
}

// sharer names what requests that must go the same way have in common: their session, else the
// user, else how their conversation begins. A key is not asked: a whole application may have
// one. A request without any of that is on its own.
func sharer(req *llm.Request) (kind, name string) {
	who := &req.Principal
	user := cmp.Or(who.User, req.Facts.User)
	switch {
	case req.Session != "":
		return "sessions", who.KeyID + "\x00" + req.Session
	case user != "":
		return "users", who.KeyID + "\x00" + user
	}
	if begins := req.Affinity(); begins != "" {
		return "conversations", begins
	}
	return "requests", req.ID
}

// holds reports whether all that a condition asks for is true of a request.
func holds(i *config.If, req *llm.Request) bool {
	return holdsOfCaller(i, req) && holdsOfContent(i, req) && among(i.Tags, req.Tags) && among(i.Metadata, req.Facts.Metadata)
}

// among reports whether every name has one of its values.
func among(wanted map[string]config.OneOf, values map[string]string) bool {
	for name, oneOf := range wanted {
		if !oneOf.Matches(values[name]) {
			return false
		}
	}
	return true
}

func holdsOfCaller(i *config.If, req *llm.Request) bool {
	who := &req.Principal
	return (i.Team == nil || i.Team.Matches(who.Team)) &&
		(i.User == nil || i.User.Matches(cmp.Or(who.User, req.Facts.User))) &&
		(i.Key == nil || i.Key.Matches(who.Name) || i.Key.Matches(who.KeyID))
}

func holdsOfContent(i *config.If, req *llm.Request) bool {
	f := &req.Facts
	return f.Features.Has(llm.Features(i.Features)) &&
		(i.InputTokens.IsZero() || i.InputTokens.Min <= f.EstInputTokens && f.EstInputTokens <= i.InputTokens.Max) &&
		(i.Stream == nil || *i.Stream == f.Stream) &&
		(i.Endpoint == nil || slices.Contains(i.Endpoint, config.EndpointName(req.Endpoint))) &&
		(i.Dialect == nil || slices.Contains(i.Dialect, req.Dialect)) &&
		(i.DataClass == nil || slices.ContainsFunc(req.Demands.Classes, func(class string) bool {
			return slices.ContainsFunc(i.DataClass, func(p config.Pattern) bool {
				return llm.MatchName(strings.ToLower(string(p)), strings.ToLower(class))
			})
		}))
}
