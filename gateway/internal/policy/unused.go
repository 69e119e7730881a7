package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// contributions are the rules of package penstock that the built-in policy collects. A
// reference to one that is not defined is allowed.
var contributions = []string{"deny", "warnings", "limits", "obligations"}

// decisionNames are usual names of rules that an author expects to be queried.
var decisionNames = append([]string{"decision", "allow", "denied", "reasons", "violation"}, contributions...)

// unusedRules returns the rules that no decision depends on: a policy in another package or
// under another name than the gateway queries would allow every request. A package of
// which some rule is used is a library and may have unused rules, except for those with a
// name of decisionNames.
func unusedRules(c *ast.Compiler) Faults {
	used := reachable(c)
	usedPackages := make(map[string]bool) // packages of which some rule is used
	for r := range used {
		usedPackages[packageOf(r)] = true
	}
	var faults Faults
	for _, name := range slices.Sorted(maps.Keys(c.Modules)) {
		seen := make(map[string]bool)
		for _, r := range c.Modules[name].Rules {
			path := r.Ref().GroundPrefix().String()
			if used[r] || seen[path] || isTestRule(r) || usedPackages[packageOf(r)] && isLibrary(r) {
				continue
			}
			seen[path] = true
			faults = append(faults, unusedFault(r, path))
		}
	}
	return faults
}

// reachable returns the rules that data.penstock.decision depends on, itself included.
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

// penstockPackage is the package that the gateway queries.
const penstockPackage = "data.penstock"

func isLibrary(r *ast.Rule) bool {
	return packageOf(r) != penstockPackage && !slices.Contains(decisionNames, nameOf(r))
}

// nameOf returns the first part of a rule's name.
func nameOf(r *ast.Rule) string {
	name, _ := r.Head.Ref()[0].Value.(ast.Var)
	return string(name)
}

// isTestRule reports whether a rule in a policy file is for tests only.
func isTestRule(r *ast.Rule) bool {
	name := nameOf(r)
	return strings.HasSuffix(packageOf(r), "_test") || strings.HasPrefix(name, "test_") || strings.HasPrefix(name, "todo_test_")
}

func unusedFault(r *ast.Rule, path string) Fault {
	f := Fault{File: r.Loc().File, Row: r.Loc().Row, Col: r.Loc().Col,
		Message: "rule " + path + " has no effect: the decision does not depend on it"}
	f.Hint = "the gateway queries data.penstock.decision; " + alternative(r)
	return f
}

// alternative returns what to write in place of an unused rule.
func alternative(r *ast.Rule) string {
	name := nameOf(r)
	switch {
	case packageOf(r) != penstockPackage:
		return fmt.Sprintf("write `package penstock` with rules for %s, or refer to %s from such a rule",
			"`deny contains {\"code\": …, \"message\": …} if { … }`, `limits`, `warnings` or `obligations`", r.Ref().GroundPrefix())
	case slices.Contains(contributions, name):
		return "this folder defines `decision` without using data.penstock." + name + ": use the rule in `decision`, or delete `decision` so that the built-in one collects it"
	case name == "allow":
		return "write `deny contains {\"code\": …, \"message\": …} if { … }` for what is not allowed, or define `decision := {\"allow\": …}`"
	}
	if near := nearest(name, contributions); near != "" {
		return "did you mean " + near + "?"
	}
	return "add to deny, limits, warnings or obligations, refer to it from one of them, or delete it"
}
