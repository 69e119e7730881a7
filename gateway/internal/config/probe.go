package config

import (
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// On reports whether targets are probed.
func (p HealthProbe) On() bool { return p.Every > 0 }

// ProbeAsk is what a probe asks for.
type ProbeAsk string

// The choices for it.
const (
	ProbeModels     ProbeAsk = "models"
	ProbeCompletion ProbeAsk = "completion"
)

func (a *ProbeAsk) set(s string) error { return choose(a, s, ProbeModels, ProbeCompletion) }

// ModelsPath is the path of the list of models in a dialect; empty where none is known.
func ModelsPath(d llm.Dialect) string {
	switch d {
	case llm.OpenAI, llm.Responses, llm.Anthropic, llm.Gemini, llm.Cohere:
		return "/models"
	case llm.Ollama:
		return "/tags"
	}
	return ""
}

// The bounds of a probe's settings.
const (
	minProbeEvery, maxProbeEvery = time.Second, 24 * time.Hour
	maxProbeTimeout              = time.Minute
)

// checkProbe checks a provider's probe.
func (d *decoder) checkProbe(at string, p *Provider) {
	if _, given := d.at[at]; !given {
		return
	}
	switch b := p.Probe; {
	case b.Every < minProbeEvery || b.Every > maxProbeEvery:
		d.fault(at+".every", nil, "write a time such as 30s; leave probe out to call no target by itself", "must be from %s to %s", minProbeEvery, maxProbeEvery)
	case b.Timeout <= 0 || b.Timeout > maxProbeTimeout:
		d.fault(at+".timeout", nil, "leave it out for 5s", "must be more than 0 and at most %s", maxProbeTimeout)
	case b.Path != "" && b.Ask == ProbeCompletion:
		d.fault(at+".path", nil, "remove path or ask", "a completion has the path of the provider's dialect")
	case b.Path != "" && (!strings.HasPrefix(b.Path, "/") || strings.ContainsAny(b.Path, "?#") || strings.ContainsFunc(b.Path, isBlank)):
		d.fault(at+".path", nil, "write it from base_url on, such as /health", "invalid path %q", b.Path)
	case b.Path == "" && b.Ask == ProbeModels && ModelsPath(p.Dialect) == "":
		d.fault(at, nil, "set path, or ask: completion", "no list of models is known in the dialect %s", p.Dialect)
	}
}
