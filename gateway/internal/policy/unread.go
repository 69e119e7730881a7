package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// contributions are the rules of package penstock that the built-in policy gathers. They
// may be referred to without being defined.
var contributions = []string{"deny", "warnings", "limits", "obligations"}

// decisionNames are what a rule is called whose author expects somebody to ask for it.
var decisionNames = append([]string{"decision", "allow", "denied", "reasons", "violation"}, contributions...)

// unread reports the rules that no decision depends on: a policy that is written into a
// package or under a name that the gateway does not ask for would let everybody in.
// A package of which something is read may hold more than what is read of it, like any
// library, unless the rest goes by the name of a decision.
func unread(c *ast.Compiler) Faults {
	read := reachable(c)
	used := make(map[string]bool) // packages of which some rule is read
	for r := range read {
		used[packageOf(r)] = true
	}
	var faults Faults
	for _, name := range slices.Sorted(maps.Keys(c.Modules)) {
		seen := make(map[string]bool)
		for _, r := range c.Modules[name].Rules {
			path := r.Ref().GroundPrefix().String()
			if read[r] || seen[path] || isTestRule(r) || used[packageOf(r)] && isLibrary(r) {
				continue
			}
			seen[path] = true
			faults = append(faults, unreadFault(r, path))
		}
	}
	return faults
}

// reachable are the rules that data.penstock.decision depends on, itself included.
func reachable(c *ast.Compiler) map[*ast.Rule]bool {
	read := make(map[*ast.Rule]bool)
	var visit func(r *ast.Rule)
	visit = func(r *ast.Rule) {
		if read[r] {
			return
		}
		read[r] = true
		for next := range c.Graph.Dependencies(r) {
			visit(next.(*ast.Rule))
		}
	}
	for _, r := range c.GetRulesDynamicWithOpts(decisionRef, ast.RulesOptions{IncludeHiddenModules: true}) {
		visit(r)
	}
	return read
}

func packageOf(r *ast.Rule) string { return r.Module.Package.Path.String() }

// penstockPackage is the package that the gateway asks.
const penstockPackage = "data.penstock"

func isLibrary(r *ast.Rule) bool {
	return packageOf(r) != penstockPackage && !slices.Contains(decisionNames, nameOf(r))
}

// nameOf is the first part of a rule's name.
func nameOf(r *ast.Rule) string {
	name, _ := r.Head.Ref()[0].Value.(ast.Var)
	return string(name)
}

// isTestRule reports whether a rule is for tests only, though it stands among policies.
func isTestRule(r *ast.Rule) bool {
	name := nameOf(r)
	return strings.HasSuffix(packageOf(r), "_test") || strings.HasPrefix(name, "test_") || strings.HasPrefix(name, "todo_test_")
}

func unreadFault(r *ast.Rule, path string) Fault {
	f := Fault{File: r.Loc().File, Row: r.Loc().Row, Col: r.Loc().Col,
		Message: "rule " + path + " has no effect: nothing that the gateway asks for depends on it"}
	f.Hint = "the gateway asks for data.penstock.decision; " + instead(r)
	return f
}

// instead says what to write in place of a rule that nothing reads.
func instead(r *ast.Rule) string {
	name := nameOf(r)
	switch {
	case packageOf(r) != penstockPackage:
		return fmt.Sprintf("write `package penstock` with rules for %s, or refer to %s from such a rule",
			"`deny contains {\"code\": …, \"message\": …} if { … }`, `limits`, `warnings` or `obligations`", r.Ref().GroundPrefix())
	case slices.Contains(contributions, name):
		return "this folder defines it without reading data.penstock." + name + ": use the rule in `decision`, or delete `decision` so that the built-in one gathers it"
	case name == "allow":
		return "write `deny contains {\"code\": …, \"message\": …} if { … }` for what is not allowed, or define `decision := {\"allow\": …}`"
	}
	if near := nearest(name, contributions); near != "" {
		return "did you mean " + near + "?"
	}
	return "add to deny, limits, warnings or obligations, refer to it from one of them, or delete it"
}
