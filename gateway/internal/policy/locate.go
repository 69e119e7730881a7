package policy

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// locate returns the place of the rule for which a decision on an input failed: where the
// evaluation stopped, the rule that gave the part with the wrong form, or else the rule of the
// decision.
func (p *program) locate(ctx context.Context, input ast.Value, err error) Fault {
	var stopped *topdown.Error
	if errors.As(err, &stopped) && stopped.Location != nil {
		return faultAtLocation(stopped.Location)
	}
	if errors.Is(err, errUndefined) {
		return faultAtLocation(p.decision)
	}
	var t ruleTracer
	decision, evalErr := p.evaluate(ctx, input, sampleLimit, rego.EvalQueryTracer(&t))
	if evalErr != nil {
		return faultAtLocation(p.decision)
	}
	path, _, _ := strings.Cut(err.Error(), ":")
	if at := t.find(decision, path); at != nil {
		return faultAtLocation(at)
	}
	return faultAtLocation(p.decision)
}

func faultAtLocation(at *ast.Location) Fault {
	if at == nil {
		return Fault{File: "data.penstock.decision"}
	}
	return Fault{File: at.File, Row: at.Row, Col: at.Col}
}

// find returns where the rule is that gave a part of the decision, such as
// decision.obligations.model or decision.reasons[2].code; nil when none is known.
func (t *ruleTracer) find(decision ast.Value, path string) *ast.Location {
	names := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) })
	if len(names) < 3 {
		return nil
	}
	if names[1] == "obligations" {
		return t.last(func(r *ruleResult) bool {
			return slices.Contains(r.names, "obligations") && slices.Contains(r.names, names[2])
		})
	}
	rule := map[string]string{"reasons": "deny"}[names[1]]
	if rule == "" {
		rule = names[1]
	}
	element := elementOf(decision, names[1], names[2])
	return t.last(func(r *ruleResult) bool {
		return len(r.names) > 0 && r.names[len(r.names)-1] == rule && element != nil && r.value.Compare(element) == 0
	})
}

// last returns where the last result is that a function accepts.
func (t *ruleTracer) last(accepts func(*ruleResult) bool) *ast.Location {
	for i := range slices.Backward(t.results) {
		if r := &t.results[i]; accepts(r) {
			return r.location
		}
	}
	return nil
}

// elementOf returns an element of a list or set in the decision; nil when there is none.
func elementOf(decision ast.Value, name, index string) ast.Value {
	o, ok := decision.(ast.Object)
	i, err := strconv.Atoi(index)
	if !ok || err != nil {
		return nil
	}
	list := o.Get(ast.StringTerm(name))
	if list == nil {
		return nil
	}
	switch v := list.Value.(type) {
	case *ast.Array:
		if i < v.Len() {
			return v.Elem(i).Value
		}
	case ast.Set:
		if terms := v.Sorted(); i < terms.Len() {
			return terms.Elem(i).Value
		}
	}
	return nil
}

// firstRule returns where the first rule is that defines something at or below a reference; nil
// when there is none.
func firstRule(modules map[string]*ast.Module, ref ast.Ref) (first *ast.Location) {
	for _, m := range modules {
		for _, r := range m.Rules {
			if m.Package.Path.Extend(r.Head.Ref()).HasPrefix(ref) && r.Loc() != nil && (first == nil || r.Loc().Compare(first) < 0) {
				first = r.Loc()
			}
		}
	}
	return first
}
