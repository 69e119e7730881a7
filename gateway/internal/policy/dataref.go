package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// missingData returns the references to a part of data that neither a rule nor a data file
// defines. In Rego they are undefined, so that the rule around them never applies.
func (b *bundle) missingData(c *ast.Compiler) Faults {
	var faults Faults
	for _, name := range slices.Sorted(maps.Keys(c.Modules)) {
		for _, r := range c.Modules[name].Rules {
			walkRule(b.dataVisitor(c, r, &faults), r)
		}
	}
	return slices.Compact(faults)
}

func (b *bundle) dataVisitor(c *ast.Compiler, r *ast.Rule, faults *Faults) *ast.GenericVisitor {
	var v *ast.GenericVisitor
	v = ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.With: // it defines its target
			v.Walk(x.Value)
			return true
		case *ast.Term:
			ref, ok := x.Value.(ast.Ref)
			if ok && ref.HasPrefix(ast.DefaultRootRef) {
				if f, missing := b.missing(c, ref); missing {
					*faults = append(*faults, f.at(x.Location, r))
				}
			}
		}
		return false
	})
	return v
}

// at sets the position of a fault: the rule's for an expression that the compiler made.
func (f Fault) at(loc *ast.Location, r *ast.Rule) Fault {
	if loc == nil || loc.File == "" {
		loc = r.Loc()
	}
	f.File, f.Row, f.Col = loc.File, loc.Row, loc.Col
	return f
}

// missing follows the constant part of a reference through rules and data files at once. It
// does not look into values that rules compute.
func (b *bundle) missing(c *ast.Compiler, ref ast.Ref) (Fault, bool) {
	path := constantPath(ref[1:])
	if len(path) > 1 && path[0] == "penstock" && (path[1] == "settings" || slices.Contains(contributions, path[1])) {
		return Fault{}, false
	}
	tree, doc := c.RuleTree.Child(ref[0].Value), any(b.data)
	for i, name := range path {
		if tree != nil && len(tree.Values) > 0 {
			return Fault{}, false
		}
		members, _ := doc.(map[string]any)
		next, there := members[name]
		below := child(tree, name)
		if !there && below == nil {
			return missingFault(path[:i+1], append(slices.Sorted(maps.Keys(members)), children(tree)...)), true
		}
		tree, doc = below, next
	}
	return Fault{}, false
}

func child(n *ast.TreeNode, name string) *ast.TreeNode {
	if n == nil {
		return nil
	}
	return n.Child(ast.String(name))
}

func children(n *ast.TreeNode) (names []string) {
	if n == nil {
		return nil
	}
	for name := range n.Children {
		if s, ok := name.(ast.String); ok {
			names = append(names, string(s))
		}
	}
	slices.Sort(names)
	return names
}

// maxShown bounds how many members a hint lists.
const maxShown = 12

func missingFault(path, members []string) Fault {
	parent := strings.Join(append([]string{"data"}, path[:len(path)-1]...), ".")
	name := path[len(path)-1]
	f := Fault{Message: fmt.Sprintf("%s.%s does not exist: no rule and no data file defines it", parent, name)}
	switch near := nearest(name, members); {
	case near != "":
		f.Hint = fmt.Sprintf("did you mean %s.%s?", parent, near)
	case len(members) == 0:
		f.Hint = parent + " has no members"
	case len(members) > maxShown:
		f.Hint = fmt.Sprintf("%s has %s and %d more", parent, strings.Join(members[:maxShown], ", "), len(members)-maxShown)
	default:
		f.Hint = parent + " has " + strings.Join(members, ", ")
	}
	f.Hint += fmt.Sprintf("; use object.get(%s, %q, …) for what may be absent. Data files are data.json and data.yaml, at the path of their folder in data, and NAME.data.json or NAME.data.yaml, at its root", parent, name)
	return f
}
