package config

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/similar"
	"github.com/penstock/penstock/plugins/strategies"
)

// builtinRouters are the routers that come with the gateway.
func builtinRouters() []string { return strategies.Names() }

// DefaultRouter is that of models that name no router.
func DefaultRouter() string { return builtinRouters()[0] }

// maxTargets bounds the targets and fallbacks of a model: a router ranks all of them.
const maxTargets = 1024

func (d *decoder) checkModel(c *Config, name string, m Model) {
	path := Path("models", name)
	if name == "" || len(name) > 256 || strings.ContainsFunc(name, isBlank) || strings.Count(name, "*") > 1 {
		d.faultKey("models", name, "use no blanks and at most one *", "invalid model name %q", name)
	}
	d.checkRouter(c, Path(path, "router"), m.Router)
	count := 0
	for _, chain := range m.Chains() {
		d.checkTargets(c, path+"."+chain.Setting, name, chain.Targets)
		if chain.Setting == "targets" {
			d.checkWeights(path+".targets", chain.Targets)
		}
		count += len(chain.Targets)
	}
	if _, given := d.at[Path(path, "targets")]; given && len(m.Targets) == 0 {
		d.fault(Path(path, "targets"), nil, "name at least one as provider/model", "is empty")
	}
	if count > maxTargets {
		d.fault(Path(path, "targets"), nil, "split the model", "has %d targets and fallbacks; at most %d are allowed", count, maxTargets)
	}
	d.checkEscalate(c, path+".escalate", m)
	d.checkClassify(c, path+".classify", m.Classify)
	d.checkMirror(c, path+".mirror", name, m.Mirror)
	d.checkTransforms(c, Path(path, "transform"), m.Transform)
	d.checkIfs(c, path, m)
	d.checkAnyOf(Path(path, "regions"), reflect.ValueOf(m.Regions))
	d.checkLimits(path, m)
	d.checkSimilar(c, path+".cache.similar", m.Cache.Similar)
}

// minThreshold is the least threshold of similar texts: below it most embeddings find any two
// questions of one subject similar.
const minThreshold = 0.85

func (d *decoder) checkSimilar(c *Config, path string, s Similar) {
	if s.Threshold < minThreshold || s.Threshold > 1 {
		d.fault(path+".threshold", nil, "leave it out for 0.95", "must be between %v and 1, not %v", minThreshold, s.Threshold)
	}
	if s.Sample < 0 || s.Sample > 1 {
		d.fault(path+".sample", nil, "write a share such as 0.05", "must be between 0 and 1, not %v", s.Sample)
	}
	if s.MaxChars < 1 || s.MaxChars > 10_000 {
		d.fault(path+".max_chars", nil, "leave it out for 500", "must be between 1 and 10000, not %d", s.MaxChars)
	}
	if s.Embedder != similar.Lexical && !c.hasModel(s.Embedder) {
		d.fault(path+".embedder", nil, "write lexical, or a name under models", "there is no model %q", s.Embedder)
	}
}

// hasModel reports whether a model has this name, or a pattern that covers it.
func (c *Config) hasModel(name string) bool {
	for pattern := range c.Models {
		before, after, wild := strings.Cut(pattern, "*")
		if pattern == name || wild && len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after) {
			return true
		}
	}
	return false
}

func isBlank(r rune) bool { return r <= ' ' || r == 0x7f }

// faulty reports whether a setting has a fault already.
func (d *decoder) faulty(path string) bool {
	return slices.ContainsFunc(d.faults, func(f Fault) bool { return f.Path == path })
}

func (d *decoder) checkLimits(path string, m Model) {
	if a := m.Retries.Attempts; a < 1 || a > 6 {
		d.fault(path+".retries.attempts", nil, "", "must be between 1 and 6, not %d", a)
	}
	if n := m.Retries.Total; n < 0 || n > 100 {
		d.fault(path+".retries.total", nil, "", "must be between 0 and 100, not %d", n)
	}
	for _, t := range []struct {
		name string
		d    time.Duration
	}{{"first_token", m.Timeout.FirstToken}, {"idle", m.Timeout.Idle}, {"ping_idle", m.Timeout.PingIdle}, {"total", m.Timeout.Total}} {
		if t.d <= 0 {
			d.fault(path+".timeout."+t.name, nil, "leave it out for the default", "must be more than 0")
		}
	}
	for _, t := range []struct {
		name string
		d    time.Duration
	}{{"connect", m.Timeout.Connect}, {"first_byte", m.Timeout.FirstByte}} {
		if _, given := d.at[path+".timeout."+t.name]; given && t.d <= 0 {
			d.fault(path+".timeout."+t.name, nil, "leave it out for no limit of its own", "must be more than 0")
		}
	}
	if p := m.Hedge.Percentile; p != 0 && p != 50 && p != 95 {
		d.fault(path+".hedge.percentile", nil, "", "must be 50 or 95, not %d", p)
	}
	if _, given := d.at[path+".hedge.after"]; given && m.Hedge.After <= 0 {
		d.fault(path+".hedge.after", nil, "leave hedge out to ask no second target", "must be more than 0")
	}
	if _, given := d.at[path+".timeout.first_token"]; given && m.Timeout.FirstToken > m.Timeout.Total {
		d.fault(Path(path, "timeout"), nil, "", "first_token (%s) is longer than total (%s)", m.Timeout.FirstToken, m.Timeout.Total)
	}
}

func (d *decoder) checkRouter(c *Config, path, router string) {
	_, isPlugin := c.Plugins.Own[router]
	switch {
	case isPlugin || slices.Contains(builtinRouters(), router):
	default:
		names := append(slices.Collect(maps.Keys(c.Plugins.Own)), builtinRouters()...)
		d.fault(path, nil, DidYouMean(router, names), "there is no router or plugin %q", router)
	}
}

// checkWeights refuses targets that all have the weight 0: none could be drawn.
func (d *decoder) checkWeights(path string, targets []Target) {
	if len(targets) > 0 && !slices.ContainsFunc(targets, func(t Target) bool { return t.Weight != 0 }) {
		d.fault(path, nil, "give at least one a weight above 0; without a weight it has 1", "the weights of all targets are 0")
	}
}

func (d *decoder) checkTargets(c *Config, path, alias string, targets []Target) {
	seen := map[string]int{}
	for i, t := range targets {
		at := fmt.Sprintf("%s[%d]", path, i)
		if t.Target == "" {
			continue // the decoder has added a fault
		}
		d.checkTarget(c, at, alias, t)
		if first, twice := seen[t.Target]; twice {
			d.fault(at, nil, "keep one of them and give it a weight", "%s is given twice, first as number %d", t.Target, first+1)
		}
		seen[t.Target] = i
	}
}

func (d *decoder) checkTarget(c *Config, at, alias string, t Target) {
	provider, model, ok := strings.Cut(t.Target, "/")
	switch {
	case !ok || provider == "" || model == "" || strings.ContainsFunc(t.Target, isBlank):
		d.fault(at, nil, targetHint(c, t.Target), "invalid target %q", t.Target)
	case strings.Contains(provider, "*") || strings.Count(model, "*") > 1:
		d.fault(at, nil, "write at most one *, in the model's part", "invalid target %q", t.Target)
	case strings.Contains(model, "*") && !strings.Contains(alias, "*"):
		d.fault(at, nil, "write the target's full name, or put a * into the model's name", "the * matches nothing: the model's name has none")
	case !c.hasProvider(provider):
		d.fault(at, nil, providerHint(c, provider), "there is no provider %q", provider)
	}
	d.checkFacts(at, t)
}

// targetHint suggests what to write for a target without a provider.
func targetHint(c *Config, target string) string {
	if len(c.Providers) == 1 {
		for name := range c.Providers {
			return fmt.Sprintf("write provider/model: did you mean %q?", name+"/"+strings.Trim(target, "/"))
		}
	}
	return "write provider/model, such as openai/gpt-5"
}

func providerHint(c *Config, name string) string {
	if slices.Contains(knownNames(), name) {
		k, _ := known(name, Provider{})
		if len(k.Env) == 0 {
			return fmt.Sprintf("add it to providers: %s: {}", name)
		}
		return fmt.Sprintf("add it to providers: %s: {api_key: env:%s}", name, k.Env[0])
	}
	return DidYouMean(name, append(slices.Collect(maps.Keys(c.Providers)), Demo))
}

func (c *Config) hasProvider(name string) bool {
	_, ok := c.Providers[name]
	return ok || name == Demo
}

func (d *decoder) checkFacts(at string, t Target) {
	if t.Weight < 0 {
		d.fault(Path(at, "weight"), nil, "0 keeps a target for the fallback", "must not be negative")
	}
	d.checkInflight(at, t.MaxInflight)
	if q := t.Quality; q != nil && (*q < 0 || *q > 1) {
		d.fault(Path(at, "quality"), nil, "", "must be between 0 and 1, not %v", *q)
	}
	for _, f := range []struct {
		name string
		n    int64
	}{{"context", t.Context}, {"max_output", t.MaxOutput}} {
		if _, given := d.at[Path(at, f.name)]; given && f.n < 1 {
			d.fault(Path(at, f.name), nil, "write a number of tokens", "must be more than 0")
		}
	}
	for _, f := range []struct {
		name string
		d    time.Duration
	}{{"connect", t.Timeout.Connect}, {"first_byte", t.Timeout.FirstByte}, {"first_token", t.Timeout.FirstToken}, {"idle", t.Timeout.Idle}, {"ping_idle", t.Timeout.PingIdle}} {
		at := at + ".timeout." + f.name
		if _, given := d.at[at]; given && f.d <= 0 {
			d.fault(at, nil, "leave it out for the model's timeout", "must be more than 0")
		}
	}
	if t.Price != nil {
		d.checkPrice(at+".price", t.Price)
	}
	if t.Order < -1<<31 || t.Order > 1<<31-1 {
		d.fault(Path(at, "order"), nil, "", "is out of range")
	}
}

// checkInflight checks the bound on requests in flight of a target or provider.
func (d *decoder) checkInflight(at string, most int) {
	if _, given := d.at[Path(at, "max_inflight")]; given && most < 1 {
		d.fault(Path(at, "max_inflight"), nil, "leave it out for no limit", "must be more than 0")
	}
}

// Split returns the target's provider and model.
func (t Target) Split() (provider, model string) {
	provider, model, _ = strings.Cut(t.Target, "/")
	return provider, model
}

// Expand returns the target with its "*" replaced by what the model's "*" matched.
func (t Target) Expand(star string) Target {
	t.Target = strings.Replace(t.Target, "*", star, 1)
	return t
}

// Override replaces the facts of a target by those in the configuration. ID, Provider,
// Model and Dialect stay.
func (t Target) Override(to *llm.Target) {
	to.Weight, to.Order, to.MaxInflight = t.Weight, t.Order, t.MaxInflight
	to.Timeout = llm.Timeouts{Connect: t.Timeout.Connect, FirstByte: t.Timeout.FirstByte, FirstToken: t.Timeout.FirstToken, Idle: t.Timeout.Idle, PingIdle: t.Timeout.PingIdle}
	if t.Price != nil {
		to.Price = t.Price.perToken(to.ID)
	}
	if t.Context > 0 {
		to.Context = t.Context
	}
	if t.MaxOutput > 0 {
		to.MaxOutput = t.MaxOutput
	}
	if t.Quality != nil {
		to.Quality, to.QualitySource = *t.Quality, "the configuration"
	}
	if t.Region != "" {
		to.Region = string(t.Region)
	}
	if t.Data != nil {
		to.Data = Texts(t.Data)
	}
	if t.Capabilities != nil {
		to.Features, to.FeaturesKnown = llm.Features(*t.Capabilities), true
	}
}

// Match finds the model for a name: the model with that very name, else the matching
// pattern with the longest fixed text around its "*". star is what the "*" matched; it
// replaces the "*" in the model's targets.
func (c *Config) Match(name string) (alias, star string, ok bool) {
	if _, exact := c.Models[name]; exact && !strings.Contains(name, "*") {
		return name, "", true
	}
	for _, pattern := range c.patterns {
		before, after, _ := strings.Cut(pattern, "*")
		if len(name) > len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after) {
			return pattern, name[len(before) : len(name)-len(after)], true
		}
	}
	return "", "", false
}

// index prepares Match: longer patterns come first.
func (c *Config) index() {
	for name := range c.Models {
		if strings.Contains(name, "*") {
			c.patterns = append(c.patterns, name)
		}
	}
	slices.SortFunc(c.patterns, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
}
