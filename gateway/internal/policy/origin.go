package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxResults bounds the results of rules that are kept of one evaluation.
const maxResults = 4096

// ruleResult is what a rule gave in an evaluation.
type ruleResult struct {
	rule string // as "file.rego:12"
	// names are the constants of its reference, such as obligations and model.
	names []string
	value ast.Value
	// location is where the rule is.
	location *ast.Location
}

// ruleTracer keeps the results of rules.
type ruleTracer struct{ results []ruleResult }

// Enabled is part of topdown.QueryTracer.
func (t *ruleTracer) Enabled() bool { return true }

// Config is part of topdown.QueryTracer.
func (t *ruleTracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent is part of topdown.QueryTracer. Bindings change, so that values are read at once.
func (t *ruleTracer) TraceEvent(e topdown.Event) {
	rule, ok := e.Node.(*ast.Rule)
	if e.Op != topdown.ExitOp || !ok || len(t.results) == maxResults || rule.Loc() == nil {
		return
	}
	out := rule.Head.Value
	if out == nil {
		out = rule.Head.Key
	}
	if out == nil {
		return
	}
	r := ruleResult{rule: rule.Loc().File + ":" + strconv.Itoa(rule.Loc().Row), value: e.Plug(out).Value, location: rule.Loc()}
	for _, term := range rule.Ref() {
		if name, ok := e.Plug(term).Value.(ast.String); ok {
			r.names = append(r.names, string(name))
		}
	}
	t.results = append(t.results, r)
}

// origins evaluates the policy once more and returns the decision with the rules that its
// parts come from.
func (p *program) origins(ctx context.Context, input ast.Value, v llm.Decision, limit time.Duration) (llm.Decision, error) {
	var t ruleTracer
	if _, err := p.evaluate(ctx, input, limit, rego.EvalQueryTracer(&t)); err != nil {
		return v, err
	}
	v = t.attribute(v)
	for i := range v.Rules {
		// A limit of a settings file comes from a row of it: the built-in rule is the same for all.
		r := &v.Rules[i]
		if place := p.places[r.Name]; place != "" && r.Part == llm.PartLimit && strings.HasPrefix(r.Rule, builtinDir) {
			r.Rule = place
		}
	}
	return v, nil
}

// Recorded names the rules that the decisions of a record come from, if the policy is still the
// one that made them and their inputs are kept; otherwise it leaves the record as it is.
func Recorded(ctx context.Context, src Source, r *llm.Record) error {
	o := Options{Source: src, MemoBytes: -1}.withDefaults()
	_, err := inTime(ctx, o, func(ctx context.Context) (struct{}, error) {
		b, err := load(src)
		if err != nil || r.Decision == nil || b.digest != r.Decision.Revision {
			return struct{}{}, err
		}
		p, err := b.compile(ctx, o)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, p.nameRules(ctx, r)
	})
	if err != nil {
		return fmt.Errorf("name the rules of a decision: %w", err)
	}
	return nil
}

// nameRules adds the rules to the decisions of a record. What the first one has added to the
// second comes from the input of the first.
func (p *program) nameRules(ctx context.Context, r *llm.Record) error {
	var rules []llm.RuleOf
	for _, d := range []*llm.Decision{r.FirstDecision, r.Decision} {
		if d == nil || d.Input == nil {
			continue
		}
		v, err := p.originsOf(ctx, *d)
		if err != nil {
			return err
		}
		*d = v
		for _, of := range v.Rules {
			if !slices.Contains(rules, of) {
				rules = append(rules, of)
			}
		}
	}
	if r.Decision.Allow {
		r.Decision.Rules = rules
	}
	return nil
}

// originsOf is origins with the input that a decision keeps.
func (p *program) originsOf(ctx context.Context, v llm.Decision) (llm.Decision, error) {
	input, err := ast.ValueFromReader(bytes.NewReader(v.Input))
	if err != nil {
		return v, err
	}
	return p.origins(ctx, input, v, sampleLimit)
}

// attribute adds rules to a decision. A part that no single rule gives comes from the rule of
// the decision.
func (t *ruleTracer) attribute(v llm.Decision) llm.Decision {
	v.Reasons, v.Rules = slices.Clone(v.Reasons), nil
	for i := range v.Reasons {
		r := &v.Reasons[i]
		if rule := t.object(map[string]string{"code": r.Code, "message": r.Message}); rule != "" {
			r.Rule = rule
		}
	}
	add := func(part, name, rule string) {
		if rule != "" {
			v.Rules = append(v.Rules, llm.RuleOf{Part: part, Name: name, Rule: rule})
		}
	}
	for _, w := range v.Warnings {
		add(llm.PartWarning, w, t.text("warnings", w))
	}
	for _, l := range v.Limits {
		add(llm.PartLimit, l.Name, t.object(map[string]string{"name": l.Name, "scope": l.Scope, "unit": string(l.Unit)}))
	}
	for _, name := range namesOf(v.Obligations) {
		add(llm.PartObligation, name, t.member(name))
	}
	return v
}

// namesOf returns the obligations that are set, sorted.
func namesOf(o llm.Obligations) []string {
	text, err := json.Marshal(o)
	var set map[string]json.RawMessage
	if err != nil || json.Unmarshal(text, &set) != nil {
		return nil // texts, numbers and maps of them always have a JSON form
	}
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// object returns the rule that gave an object with these texts, or a collection with one.
func (t *ruleTracer) object(texts map[string]string) string {
	has := func(v ast.Value) bool {
		for name, text := range texts {
			if member := memberOf(v, name); member == nil || member.Compare(ast.String(text)) != 0 {
				return false
			}
		}
		return true
	}
	for _, r := range t.results {
		if has(r.value) {
			return r.rule
		}
	}
	return t.containing(has)
}

// text returns the rule of a set that gave a text.
func (t *ruleTracer) text(set, text string) string {
	is := func(v ast.Value) bool { return v.Compare(ast.String(text)) == 0 }
	for _, r := range t.results {
		if slices.Contains(r.names, set) && is(r.value) {
			return r.rule
		}
	}
	return t.containing(is)
}

// containing returns the rule whose value is the smallest that holds such a value.
func (t *ruleTracer) containing(is func(ast.Value) bool) string {
	best, size := "", 0
	for _, r := range t.results {
		found, n := false, 0
		ast.WalkTerms(r.value, func(term *ast.Term) bool {
			n++
			found = found || is(term.Value)
			return false
		})
		if found && (best == "" || n < size) {
			best, size = r.rule, n
		}
	}
	return best
}

// member returns the rule that gave an obligation: by its name, with all obligations, or with
// the whole decision.
func (t *ruleTracer) member(name string) string {
	var whole ast.Value
	decided := ""
	for _, r := range t.results {
		at := slices.Index(r.names, "obligations")
		if at >= 0 && slices.Contains(r.names[at+1:], name) || at >= 0 && memberOf(r.value, name) != nil {
			return r.rule
		}
		if v := memberOf(r.value, "obligations"); v != nil && memberOf(v, name) != nil {
			whole, decided = v, r.rule
		}
	}
	for _, r := range t.results {
		if whole != nil && r.value.Compare(whole) == 0 {
			return r.rule
		}
	}
	return decided
}

// memberOf returns a member of an object; nil if there is none.
func memberOf(v ast.Value, name string) ast.Value {
	if o, ok := v.(ast.Object); ok {
		if member := o.Get(ast.StringTerm(name)); member != nil {
			return member.Value
		}
	}
	return nil
}

// describeRules lists the rules of a decision, one a line.
func describeRules(v *llm.Decision) string {
	var b strings.Builder
	for _, r := range v.Reasons {
		if r.Rule != "" {
			b.WriteString("reason " + r.Code + ": " + r.Rule + "\n")
		}
	}
	for _, r := range v.Rules {
		b.WriteString(r.Part + " " + r.Name + ": " + r.Rule + "\n")
	}
	return b.String()
}
