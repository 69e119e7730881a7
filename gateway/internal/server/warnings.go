package server

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/plugins/strategies"
)

// Warnings returns what is valid in the configuration but probably not meant, judging by
// the catalog and the disk.
func (s *Server) Warnings() []string {
	sn := s.snapshot.Load()
	c := sn.config
	var list []string
	sn.eachTarget(func(path string, route *llm.Route, t *llm.Target) {
		list = append(list, sn.targetWarnings(path, t)...)
		demands := llm.Demands{Regions: route.Regions}
		if why := demands.Refuses(t); why != "" {
			list = append(list, oneLine(c.Fault(path, "", "%s is never asked: %s", t.ID, why)))
		}
	})
	list = append(list, classWarnings(c)...)
	list = append(list, sn.escalateWarnings()...)
	list = append(list, classifyWarnings(c)...)
	list = append(list, sn.redirectWarnings()...)
	if file := c.Ledger.File(); file != ":memory:" {
		if dir := filepath.Dir(file); !isFolder(dir) {
			list = append(list, oneLine(c.Fault("ledger", "", "the folder %s does not exist, so serve cannot start; create it", dir)))
		}
	}
	return list
}

// redirectWarnings warns of models that the policy's settings send requests to, but that do not
// exist: these requests would fail.
func (sn *snapshot) redirectWarnings() (list []string) {
	for _, r := range sn.policy.Redirects() {
		if _, err := sn.routes.Named(r.Name); err != nil {
			list = append(list, r.Place+": past_soft: there is no model or route "+r.Name+": requests past the soft limit would fail")
		}
	}
	return list
}

// escalateWarnings warns of models whose answers are checked, but not those that are streamed.
func (sn *snapshot) escalateWarnings() (list []string) {
	for _, alias := range slices.Sorted(maps.Keys(sn.config.Models)) {
		m, why := sn.config.Models[alias], ""
		switch e := m.Escalation(); {
		case len(e.On) > 0 && m.Stream.Hold == 0:
			why = "answers are checked (escalate), but not streamed ones, which are passed on as they come; write stream: {hold: all} to check them, too"
		case e.Has(llm.CheckSelfScore) && m.Stream.Hold != llm.HoldAll:
			why = "streams are scored (escalate.self_score) only if they end within stream.hold; write stream: {hold: all} to score all of them"
		}
		if why != "" {
			list = append(list, oneLine(sn.config.Fault(config.Path("models", alias), "", "%s", why)))
		}
	}
	return list
}

// classifyWarnings warns of labels that are asked for and not read.
func classifyWarnings(c *config.Config) (list []string) {
	for _, alias := range slices.Sorted(maps.Keys(c.Models)) {
		m := c.Models[alias]
		if _, own := c.Plugins.Own[m.Router]; own || m.Classify == nil || slices.Contains(strategies.Reads(m.Router), "class") {
			continue
		}
		list = append(list, oneLine(c.Fault(config.Path(config.Path("models", alias), "classify"), "",
			"each request waits for a label that the router %s does not read; set router: classifier, or leave classify out", m.Router)))
	}
	return list
}

// Deprecations returns a warning for each target that its provider will turn off.
func (s *Server) Deprecations() []string { return s.snapshot.Load().deprecations() }

func (sn *snapshot) deprecations() (list []string) {
	sn.eachTarget(func(path string, _ *llm.Route, t *llm.Target) {
		if t.Deprecated {
			list = append(list, sn.deprecation(path, t))
		}
	})
	return list
}

func (sn *snapshot) deprecation(path string, t *llm.Target) string {
	return oneLine(sn.config.Fault(path, "", "%s is deprecated by its provider", t.ID))
}

// eachTarget calls visit for every target of the configuration with its place there and its
// route. Those of patterns depend on the request.
func (sn *snapshot) eachTarget(visit func(path string, route *llm.Route, t *llm.Target)) {
	for _, alias := range slices.Sorted(maps.Keys(sn.config.Models)) {
		route, err := sn.routes.Named(alias)
		if err != nil || strings.Contains(alias, "*") {
			continue
		}
		paths := targetPaths(sn.config.Models[alias], alias)
		for i, t := range route.All() {
			visit(paths[i], route, t)
		}
	}
}

// targetPaths returns the paths in the configuration of all of a route's targets.
func targetPaths(m config.Model, alias string) (paths []string) {
	for _, chain := range m.Chains() {
		for i := range chain.Targets {
			paths = append(paths, fmt.Sprintf("%s.%s[%d]", config.Path("models", alias), chain.Setting, i))
		}
	}
	return paths
}

// targetWarnings warns of a target that is deprecated, is no chat model, or has no known
// price.
func (sn *snapshot) targetWarnings(path string, t *llm.Target) (list []string) {
	c := sn.config
	warn := func(format string, args ...any) { list = append(list, oneLine(c.Fault(path, "", format, args...))) }
	entry, known := sn.catalog.Lookup(c.Providers[t.Provider].Catalog, t.Model)
	if t.Deprecated {
		list = append(list, sn.deprecation(path, t))
	}
	if known && !entry.Chat {
		warn("%s is not a model for chat", t.ID)
	}
	if !t.Price.Known {
		warn("no price known for %s, so its cost is not counted and hard limits in USD refuse it%s; write price: {input: …, output: …} at the target", t.ID, sn.similarModels(t))
	}
	return list
}

// classWarnings warns of classes of data in conditions that no target admits: their requests
// are refused, or the class is misspelt.
func classWarnings(c *config.Config) (list []string) {
	admitted := c.DataClasses()
	for _, alias := range slices.Sorted(maps.Keys(c.Models)) {
		for i, when := range c.Models[alias].When {
			for _, class := range when.If.DataClass {
				if slices.ContainsFunc(admitted, func(a string) bool { return llm.MatchName(strings.ToLower(string(class)), strings.ToLower(a)) }) {
					continue
				}
				f := c.Fault(fmt.Sprintf("%s.when[%d].if.data_class", config.Path("models", alias), i), "", "no target may get data of class %s, so such requests are refused; add it to data of a target or provider", class)
				list = append(list, oneLine(f))
			}
		}
	}
	return list
}

// similarModels names models with a price and a similar name.
func (sn *snapshot) similarModels(t *llm.Target) string {
	name := t.Model
	if p := sn.config.Providers[t.Provider].Catalog; p != "" {
		name = p + "/" + t.Model
	}
	similar := sn.catalog.Near(name)
	if len(similar) == 0 {
		return ""
	}
	return "; similar names: " + strings.Join(similar, ", ")
}

// oneLine formats a fault on one line.
func oneLine(f config.Fault) string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", f.File, f.Line, f.Col, f.Path, f.Message)
}

func isFolder(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}
