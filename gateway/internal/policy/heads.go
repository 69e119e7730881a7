package policy

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// wrongHeads compares what rules say literally with the schema of the decision, so that a
// misspelt obligation is found where it is written and before a request meets it. What is
// computed is checked when it is.
func (b *bundle) wrongHeads() (faults Faults) {
	shapes := map[string]shape{"decision": decisionDocument().shape}
	if b.modules[builtinDir+builtinFile] != nil { // else these names are the folder's own
		shapes["deny"] = listShape("", reasonFields.shape(""))
		shapes["warnings"] = listShape("", textShape("").within(maxText))
		shapes["limits"] = listShape("", limitShape())
		shapes["obligations"] = obligationFields.shape("")
	}
	for _, m := range b.modules {
		if !m.Package.Path.Equal(decisionRef[:2]) {
			continue
		}
		for _, first := range m.Rules {
			for r := first; r != nil; r = r.Else {
				name, _ := r.Head.Ref()[0].Value.(ast.Var)
				if s, ok := shapes[string(name)]; ok && len(r.Head.Args) == 0 {
					c := headCheck{}
					c.head(r.Head, string(name), s)
					faults = append(faults, c.faults...)
				}
			}
		}
	}
	return faults
}

type headCheck struct{ faults Faults }

// headHint says where the form of a decision is described.
const headHint = "policies/schema/decision.json has every member of a decision with its type"

func (c *headCheck) fault(at *ast.Term, path, format string, args ...any) {
	f := Fault{Message: path + ": " + fmt.Sprintf(format, args...), Hint: headHint}
	if l := at.Location; l != nil {
		f.File, f.Row, f.Col = l.File, l.Row, l.Col
	}
	c.faults = append(c.faults, f)
}

// head follows the constants in a rule's reference to the part of the document that it gives.
func (c *headCheck) head(h *ast.Head, path string, s shape) {
	for _, term := range h.Ref()[1:] {
		name, ok := term.Value.(ast.String)
		if !ok || s.kind != "object" {
			return
		}
		next, known := c.member(&s, path, term, string(name))
		if !known {
			return
		}
		s, path = *next, path+"."+string(name)
	}
	switch {
	case h.Key != nil && s.items != nil: // contains
		c.term(h.Key, path, s.items)
	case h.Key == nil && h.Value != nil:
		c.term(h.Value, path, &s)
	}
}

func (c *headCheck) member(s *shape, path string, at *ast.Term, name string) (*shape, bool) {
	m, ok := s.member(name)
	if !ok {
		c.fault(at, path+"."+name, "unknown; %s", suggestion(name, s.names()))
	}
	return m, ok
}

// term checks a term as far as it is a literal.
func (c *headCheck) term(t *ast.Term, path string, s *shape) {
	kind, literal := kindOf(t.Value)
	if !literal {
		return
	}
	if kind != s.kind && !(kind == "integer" && s.kind == "number") {
		c.fault(t, path, "must be %s, not %s", article(s.kind), article(kind))
		return
	}
	switch v := t.Value.(type) {
	case ast.String:
		c.text(t, path, string(v), s)
	case ast.Number:
		c.number(t, path, v, s)
	case *ast.Array:
		v.Foreach(func(e *ast.Term) { c.term(e, path+"[]", s.items) })
	case ast.Set:
		v.Foreach(func(e *ast.Term) { c.term(e, path+"[]", s.items) })
	case ast.Object:
		c.object(t, path, v, s)
	}
}

// kindOf returns the type of a literal, or of a comprehension, in JSON Schema.
func kindOf(v ast.Value) (kind string, literal bool) {
	switch v := v.(type) {
	case ast.Null:
		return "null", true
	case ast.Boolean:
		return "boolean", true
	case ast.String:
		return "string", true
	case ast.Number:
		if _, ok := v.Int64(); ok {
			return "integer", true
		}
		return "number", true
	case *ast.Array, ast.Set, *ast.ArrayComprehension, *ast.SetComprehension:
		return "array", true
	case ast.Object, *ast.ObjectComprehension:
		return "object", true
	}
	return "", false
}

func (c *headCheck) text(t *ast.Term, path, v string, s *shape) {
	switch {
	case s.enum != nil && !slices.Contains(s.enum, v):
		c.fault(t, path, "must be one of %s, not %q", strings.Join(s.enum, ", "), v)
	case s.longest > 0 && len(v) > s.longest:
		c.fault(t, path, "has %d bytes, at most %d are allowed", len(v), s.longest)
	}
}

func (c *headCheck) number(t *ast.Term, path string, v ast.Number, s *shape) {
	f, ok := v.Float64()
	if !ok {
		f = math.Inf(1)
	}
	switch {
	case s.least != nil && f < float64(*s.least):
		c.fault(t, path, "must be at least %d, not %s", *s.least, v)
	case s.most != nil && f > float64(*s.most):
		c.fault(t, path, "must be at most %d, not %s", *s.most, v)
	}
}

func (c *headCheck) object(t *ast.Term, path string, v ast.Object, s *shape) {
	var given []string
	whole := true
	v.Foreach(func(k, e *ast.Term) {
		name, ok := k.Value.(ast.String)
		if whole = whole && ok; !ok {
			return
		}
		given = append(given, string(name))
		if m, ok := c.member(s, path, k, string(name)); ok {
			c.term(e, path+"."+string(name), m)
		}
	})
	for _, m := range s.members {
		if whole && m.required && !slices.Contains(given, m.name) {
			c.fault(t, path+"."+m.name, "missing")
		}
	}
}
