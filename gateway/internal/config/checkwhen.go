package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// MaxUses bounds how often a request is sent on from one model to another.
const MaxUses = 8

// checkIfs checks the conditions of a model, apart from the models that they use.
func (d *decoder) checkIfs(c *Config, path string, m Model) {
	for i := range m.When {
		at := fmt.Sprintf("%s.when[%d].if", path, i)
		if _, given := d.at[at]; !given {
			continue // the decoder has added a fault
		}
		d.checkIf(c, at, &m.When[i].If)
	}
}

// checkIf refuses a condition that holds for every request, and members of it for none.
func (d *decoder) checkIf(c *Config, at string, cond *If) {
	if _, given := d.at[at]; given && reflect.ValueOf(*cond).IsZero() && !d.faultyBelow(at) {
		d.fault(at, nil, "say what must be true of a request, or put the targets of that model here", "is empty: it would be true of every request")
		return
	}
	v := reflect.ValueOf(cond).Elem()
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Tag.Get("yaml"), v.Field(i)
		d.checkAnyOf(Path(at, name), f)
		if f.Kind() == reflect.Map {
			for _, key := range f.MapKeys() {
				d.checkAnyOf(Path(Path(at, name), key.String()), f.MapIndex(key))
			}
		}
	}
	for i, dialect := range cond.Dialect {
		d.checkClientDialect(c, fmt.Sprintf("%s.dialect[%d]", at, i), dialect)
	}
}

// checkAnyOf refuses a list or mapping without elements.
func (d *decoder) checkAnyOf(at string, v reflect.Value) {
	if _, given := d.at[at]; !given || d.faultyBelow(at) {
		return
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		if v.Len() == 0 {
			d.fault(at, nil, "remove it, or name at least one", "is empty")
		}
	case reflect.Uint32: // features
		if v.IsZero() {
			d.fault(at, nil, "remove it, or name at least one", "is empty")
		}
	}
}

// faultyBelow reports whether a setting or a part of it has a fault already.
func (d *decoder) faultyBelow(at string) bool {
	return slices.ContainsFunc(d.faults, func(f Fault) bool { return strings.HasPrefix(f.Path, at) })
}

// checkClientDialect checks a wire format in which callers may speak.
func (d *decoder) checkClientDialect(c *Config, at string, dialect llm.Dialect) {
	spoken := []string{string(llm.OpenAI), string(llm.Responses), string(llm.Anthropic), string(llm.Gemini), string(llm.Completions)}
	for _, e := range c.Endpoints {
		spoken = append(spoken, e.Dialect)
	}
	if !slices.Contains(spoken, string(dialect)) {
		d.fault(at, nil, DidYouMean(string(dialect), spoken), "no caller speaks %q", dialect)
	}
}

// use is a setting that sends requests on to another model.
type use struct{ setting, model string }

// uses returns where a model sends requests on to, in the order in which that is looked at.
func (m *Model) uses() (list []use) {
	for i, c := range m.When {
		list = append(list, use{fmt.Sprintf("when[%d]", i), c.Use})
	}
	if m.Canary != nil {
		list = append(list, use{"canary", m.Canary.Use})
	}
	return list
}

// checkUses checks the models that others send requests on to: they must be there, and lead
// to an end.
func (d *decoder) checkUses(c *Config) {
	w := usesWalk{decoder: d, config: c, heights: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(c.Models)) {
		w.height(name)
	}
}

// usesWalk follows the models that use others.
type usesWalk struct {
	*decoder
	config *Config
	// heights are the most steps from a model to one that uses no other.
	heights map[string]int
	// open are the models on the way to the present one.
	open []string
}

// height returns the most steps that a request for a model may take.
func (w *usesWalk) height(name string) int {
	if h, done := w.heights[name]; done {
		return h
	}
	w.open = append(w.open, name)
	high := 0
	m := w.config.Models[name]
	for _, u := range m.uses() {
		at := Path("models", name) + "." + u.setting + ".use"
		next, ok := w.used(at, u.model)
		if !ok {
			continue
		}
		if first := slices.Index(w.open, next); first >= 0 {
			w.fault(at, nil, "let one of them use its own targets", "goes round in a circle: %s", strings.Join(append(slices.Clone(w.open[first:]), next), " → "))
			continue
		}
		if high = max(high, 1+w.height(next)); high == MaxUses+1 {
			w.fault(at, nil, "name the last of these models here", "sends requests on more than %d times", MaxUses)
		}
	}
	w.open = w.open[:len(w.open)-1]
	w.heights[name] = high
	return high
}

// used returns the entry of the configuration that serves a model which another one uses.
func (w *usesWalk) used(at, model string) (string, bool) {
	if _, given := w.at[at]; !given {
		return "", false // the decoder has added a fault
	}
	name, _, ok := w.config.Match(model)
	switch {
	case model == "":
		w.fault(at, nil, "write the name of a model", "is empty")
	case strings.Contains(model, "*"):
		w.fault(at, nil, "write the full name of a model", "%q is a pattern", model)
		return "", false
	case !ok:
		w.fault(at, nil, DidYouMean(model, slices.Collect(maps.Keys(w.config.Models))), "there is no model %q", model)
	}
	return name, ok
}

// DataClasses returns the classes of data that may be sent to a target of the configuration.
func (c *Config) DataClasses() []string {
	classes := map[string]bool{}
	for _, m := range c.Models {
		for _, chain := range m.Chains() {
			for _, t := range chain.Targets {
				provider, _ := t.Split()
				data := t.Data
				if data == nil {
					data = c.Providers[provider].Data
				}
				for _, class := range data {
					classes[string(class)] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(classes))
}

// String says what must be true, in the order of the settings.
func (i *If) String() string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(i.Tags)) {
		say("tag %s is %s", name, i.Tags[name])
	}
	for _, name := range slices.Sorted(maps.Keys(i.Metadata)) {
		say("metadata %s is %s", name, i.Metadata[name])
	}
	for _, one := range []struct {
		name string
		of   OneOf
	}{{"team", i.Team}, {"user", i.User}, {"key", i.Key}} {
		if len(one.of) > 0 {
			say("%s is %s", one.name, one.of)
		}
	}
	if i.Features != 0 {
		say("needs %s", strings.Join(llm.Features(i.Features).Names(), " and "))
	}
	if !i.InputTokens.IsZero() {
		say("input tokens %s", i.InputTokens)
	}
	if i.Stream != nil {
		say("stream is %t", *i.Stream)
	}
	if len(i.Endpoint) > 0 {
		say("endpoint is %s", alternatives(i.Endpoint))
	}
	if len(i.Dialect) > 0 {
		say("dialect is %s", alternatives(i.Dialect))
	}
	if len(i.DataClass) > 0 {
		say("data class is %s", i.DataClass)
	}
	return strings.Join(all, ", ")
}
