package policy

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// The rules for all settings would cost time in each decision, and make it depend on more of
// the input, even where nothing is set. So those that can't apply are left out: a rule that
// refers to an empty table, or to a rule that has been left out.

var (
	tablesRef   = ast.MustParseRef("data." + tablesRoot)
	settingsRef = ast.MustParseRef("data.penstock.settings")
)

// pruner leaves rules out.
type pruner struct {
	tables object
	rules  []*ast.Rule
	// names are those of all rules of package penstock.settings, kept those of the rules that
	// are left.
	names, kept map[ast.Var]bool
}

// prune leaves out the rules of the built-in modules that can't apply with these tables.
func prune(modules []*ast.Module, tables object) {
	p := pruner{tables: tables, names: make(map[ast.Var]bool)}
	for _, m := range modules {
		p.rules = append(p.rules, m.Rules...)
	}
	for _, r := range p.rules {
		if isSetting(r) {
			p.names[ruleName(r)] = true
		}
	}
	for before := -1; len(p.rules) != before; {
		before = len(p.rules)
		p.kept = make(map[ast.Var]bool)
		for _, r := range p.rules {
			if isSetting(r) {
				p.kept[ruleName(r)] = true
			}
		}
		p.rules = slices.DeleteFunc(p.rules, func(r *ast.Rule) bool { return p.dead(r) || p.unused(r) })
	}
	for _, m := range modules {
		m.Rules = slices.DeleteFunc(m.Rules, func(r *ast.Rule) bool { return !slices.Contains(p.rules, r) })
		for _, r := range m.Rules {
			p.dropNegated(r)
		}
		m.Imports = slices.DeleteFunc(m.Imports, func(i *ast.Import) bool { // one without use is a fault
			return !slices.ContainsFunc(m.Rules, func(r *ast.Rule) bool { return mentions(r, i.Name()) })
		})
	}
}

// mentions reports whether a name occurs in a rule.
func mentions(r *ast.Rule, name ast.Var) (found bool) {
	walkRule(ast.NewGenericVisitor(func(x any) bool {
		v, ok := x.(ast.Var)
		found = found || ok && v == name
		return found
	}), r)
	return found
}

func isSetting(r *ast.Rule) bool { return r.Module.Package.Path.Equal(settingsRef) }

// ruleName returns the first part of a rule's name.
func ruleName(r *ast.Rule) ast.Var {
	name, _ := r.Head.Ref()[0].Value.(ast.Var)
	return name
}

// dead reports whether a rule refers to what is empty, other than in a negation.
func (p *pruner) dead(r *ast.Rule) bool {
	if isDecision(r) {
		return false
	}
	local := isSetting(r)
	for _, part := range headParts(r) {
		if p.isDead(part, local) {
			return true
		}
	}
	return slices.ContainsFunc(r.Body, func(e *ast.Expr) bool { return !e.Negated && p.isDead(e, local) })
}

// headParts returns the terms in the head of a rule, apart from its name.
func headParts(r *ast.Rule) (parts []*ast.Term) {
	parts = append(parts, r.Head.Ref()[1:]...)
	for _, t := range []*ast.Term{r.Head.Key, r.Head.Value} {
		if t != nil {
			parts = append(parts, t)
		}
	}
	return parts
}

// isDecision reports whether a rule is the decision, which collects what there is.
func isDecision(r *ast.Rule) bool { return ruleName(r) == "decision" }

// dropNegated removes expressions that are true because what they negate is empty.
func (p *pruner) dropNegated(r *ast.Rule) {
	kept := slices.DeleteFunc(slices.Clone(r.Body), func(e *ast.Expr) bool { return e.Negated && p.isDead(e, isSetting(r)) })
	if len(kept) == 0 {
		kept = ast.NewBody(ast.NewExpr(ast.BooleanTerm(true)))
	}
	for i := range kept {
		kept[i].Index = i
	}
	r.Body = kept
}

// isDead reports whether a part of a rule refers to an empty table, or to a rule that has been
// left out; local says that names are those of package penstock.settings.
func (p *pruner) isDead(x any, local bool) (dead bool) {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case ast.Ref:
			dead = dead || p.refIsDead(x)
		case ast.Var:
			dead = dead || local && p.names[x] && !p.kept[x]
		}
		return dead
	}).Walk(x)
	return dead
}

func (p *pruner) refIsDead(ref ast.Ref) bool {
	head, ok := ref[0].Value.(ast.Var)
	if !ok {
		return false
	}
	switch {
	case head == "tables":
		return p.tableIsEmpty(ref[1:])
	case ref.HasPrefix(tablesRef):
		return p.tableIsEmpty(ref[len(tablesRef):])
	case head == "settings":
		return p.settingIsDead(ref[1:])
	case ref.HasPrefix(settingsRef):
		return p.settingIsDead(ref[len(settingsRef):])
	}
	return false
}

func (p *pruner) settingIsDead(terms []*ast.Term) bool {
	if len(terms) == 0 {
		return false
	}
	name, _ := terms[0].Value.(ast.String)
	return !p.kept[ast.Var(name)]
}

// tableIsEmpty follows the constant part of a reference.
func (p *pruner) tableIsEmpty(terms []*ast.Term) bool {
	v := any(p.tables)
	for _, name := range constantPath(terms) {
		members, ok := v.(object)
		if !ok {
			return false
		}
		if v, ok = members[name]; !ok {
			return true
		}
	}
	return isEmpty(v)
}

// isEmpty reports whether there is nothing in a table, or only empty entries.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case object:
		if v["any"] == true { // a list of models that allows all
			return true
		}
		for _, member := range v {
			if !isEmpty(member) {
				return false
			}
		}
		return true
	case []any:
		return len(v) == 0
	case bool:
		return !v
	}
	return false
}

// unused reports whether no rule needs one of package penstock.settings.
func (p *pruner) unused(r *ast.Rule) bool {
	name := ruleName(r)
	if !isSetting(r) || slices.Contains(contributions, string(name)) {
		return false
	}
	for _, other := range p.rules {
		if needs(other, name) {
			return false
		}
	}
	return true
}

// needs reports whether a rule refers to another of package penstock.settings.
func needs(r *ast.Rule, name ast.Var) (found bool) {
	if isSetting(r) && ruleName(r) == name {
		return false
	}
	visitor := ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case ast.Var:
			found = found || isSetting(r) && x == name
		case ast.Ref:
			found = found || len(x) > 1 && x[0].Value.Compare(ast.Var("settings")) == 0 && x[1].Value.Compare(ast.String(name)) == 0
		}
		return found
	})
	for _, part := range headParts(r) {
		visitor.Walk(part)
	}
	visitor.Walk(r.Body)
	return found
}
