package policy

import (
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// leaf is a part of the input that is either built or left out.
type leaf uint64

const (
	leafVersion leaf = 1 << iota
	leafUnixMinute
	leafWeekday
	leafMinuteOfDay
	leafDate
	leafKeyID
	leafKeyName
	leafKeyTeam
	leafKeyUser
	leafKeyRoles
	leafKeyTags
	leafKeyModels
	leafKeyBudget
	leafKeyExpires
	leafEndpoint
	leafDialect
	leafModel
	leafStream
	leafMaxTokens
	leafEstInputTokens
	leafEstCost
	leafFeatures
	leafTags
	leafMetadata
	leafIP
	leafSession
	leafDataClasses
	leafRoute
	leafTargets
	leafUsage
)

const (
	leavesOfTime = leafUnixMinute | leafWeekday | leafMinuteOfDay | leafDate
	// principalLeaves are what limits usually depend on. They change rarely, unlike the
	// sizes and the address of a request.
	principalLeaves = leafKeyID | leafKeyName | leafKeyTeam | leafKeyUser | leafKeyRoles |
		leafKeyTags | leafKeyModels | leafKeyBudget | leafEndpoint | leafDialect | leafModel |
		leafTags | leafDataClasses | leafRoute | leafSession
)

// leafPaths are the paths of the leaves in the input.
var leafPaths = map[leaf][]string{
	leafVersion:        {"v"},
	leafUnixMinute:     {"time", "unix_minute"},
	leafWeekday:        {"time", "weekday"},
	leafMinuteOfDay:    {"time", "minute_of_day"},
	leafDate:           {"time", "date"},
	leafKeyID:          {"key", "id"},
	leafKeyName:        {"key", "name"},
	leafKeyTeam:        {"key", "team"},
	leafKeyUser:        {"key", "user"},
	leafKeyRoles:       {"key", "roles"},
	leafKeyTags:        {"key", "tags"},
	leafKeyModels:      {"key", "models"},
	leafKeyBudget:      {"key", "budget"},
	leafKeyExpires:     {"key", "expires"},
	leafEndpoint:       {"request", "endpoint"},
	leafDialect:        {"request", "dialect"},
	leafModel:          {"request", "model"},
	leafStream:         {"request", "stream"},
	leafMaxTokens:      {"request", "max_tokens"},
	leafEstInputTokens: {"request", "est_input_tokens"},
	leafEstCost:        {"request", "est_cost_usd_micro"},
	leafFeatures:       {"request", "features"},
	leafTags:           {"request", "tags"},
	leafMetadata:       {"request", "metadata"},
	leafIP:             {"request", "ip"},
	leafSession:        {"request", "session"},
	leafDataClasses:    {"request", "data_classes"},
	leafRoute:          {"route", "name"},
	leafTargets:        {"route", "targets"},
	leafUsage:          {"usage"},
}

// openLeaves are objects with members of any name: a policy that reads single members of
// them needs no others.
const openLeaves = leafKeyTags | leafTags | leafMetadata | leafUsage

// plan is the part of the input that a policy can read. Everything else is left out of
// the input, and so out of the memo's key: for a policy that never reads the
// estimated cost, requests of different cost share a remembered decision. That is exact,
// because a reference that is not in the plan is in no rule.
type plan struct {
	wanted leaf
	// members are those read of an open leaf; a wanted leaf without an entry is read as a
	// whole.
	members map[leaf]map[string]bool
	// ruled are the tags that settings have rules for, while the rules for settings are visited:
	// these look at no others.
	ruled []string
}

// fullPlan returns the plan that leaves nothing out.
func fullPlan() plan {
	var p plan
	p.want(nil)
	return p
}

// planFor returns the plan of all references to the input in compiled modules. Compiling
// has resolved imports and local names, so that "input" occurs only at the head of a
// reference or, where a rule uses all of it, alone.
//
// tags are those that the settings have rules for.
func planFor(modules map[string]*ast.Module, tags []string) plan {
	var p plan
	var visitor *ast.GenericVisitor
	visitor = ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case ast.Ref:
			return p.wantRef(x, visitor)
		case ast.Var:
			if x == inputVar {
				p.want(nil)
			}
		}
		return false
	})
	for _, m := range modules {
		if p.ruled = nil; m.Package.Path.Equal(settingsRef) {
			p.ruled = tags
		}
		for _, r := range m.Rules {
			walkRule(visitor, r)
		}
	}
	p.ruled = nil
	return p
}

const inputVar = ast.Var("input")

// walkRule visits a rule, including the reference in its head, which the visitor skips.
func walkRule(v *ast.GenericVisitor, r *ast.Rule) {
	for ; r != nil; r = r.Else {
		v.Walk(r.Head.Reference)
		v.Walk(r.Head)
		v.Walk(r.Body)
	}
}

// wantRef adds a reference to the input and visits its terms. It returns false for other
// references.
func (p *plan) wantRef(ref ast.Ref, v *ast.GenericVisitor) bool {
	if len(ref) == 0 || !isInput(ref[0]) {
		return false
	}
	path := constantPath(ref[1:])
	if p.ruled != nil && slices.Equal(path, leafPaths[leafTags]) && len(ref) > 1+len(path) {
		for _, tag := range p.ruled {
			p.want(append(slices.Clip(path), tag))
		}
	} else {
		p.want(path)
	}
	for _, term := range ref[1:] {
		v.Walk(term)
	}
	return true
}

func isInput(t *ast.Term) bool {
	head, ok := t.Value.(ast.Var)
	return ok && head == inputVar
}

// constantPath returns the part of a reference before its first variable or number.
func constantPath(terms []*ast.Term) []string {
	var path []string
	for _, t := range terms {
		name, ok := t.Value.(ast.String)
		if !ok {
			break
		}
		path = append(path, string(name))
	}
	return path
}

// want adds everything at path or below it.
func (p *plan) want(path []string) {
	for l, at := range leafPaths {
		switch {
		case hasPrefix(at, path):
			p.wantWhole(l)
		case hasPrefix(path, at):
			p.wantMember(l, path[len(at)])
		}
	}
}

func (p *plan) wantWhole(l leaf) {
	p.wanted |= l
	delete(p.members, l)
}

func (p *plan) wantMember(l leaf, name string) {
	whole := p.has(l) && p.members[l] == nil
	p.wanted |= l
	if whole || openLeaves&l == 0 {
		return
	}
	if p.members == nil {
		p.members = make(map[leaf]map[string]bool)
	}
	if p.members[l] == nil {
		p.members[l] = make(map[string]bool)
	}
	p.members[l][name] = true
}

func hasPrefix(path, prefix []string) bool {
	return len(path) >= len(prefix) && slices.Equal(path[:len(prefix)], prefix)
}

// has reports whether any leaf of want is in the plan.
func (p *plan) has(want leaf) bool { return p.wanted&want != 0 }

// hasMember reports whether the member of an open leaf that is in the plan is read.
func (p *plan) hasMember(l leaf, name string) bool {
	members := p.members[l]
	return members == nil || members[name]
}

// only returns the plan restricted to some leaves.
func (p *plan) only(keep leaf) plan { return plan{wanted: p.wanted & keep, members: p.members} }

// reads returns the paths in the plan, sorted.
func (p *plan) reads() []string {
	var paths []string
	for l, at := range leafPaths {
		path := "input." + strings.Join(at, ".")
		switch members := p.members[l]; {
		case !p.has(l):
		case members == nil:
			paths = append(paths, path)
		default:
			for name := range members {
				paths = append(paths, path+"["+strconv.Quote(name)+"]")
			}
		}
	}
	slices.Sort(paths)
	return paths
}

// unreadGrants returns the parts of a key's grants that the policy does not read.
func (p *plan) unreadGrants() []string {
	var paths []string
	for _, l := range []leaf{leafKeyModels, leafKeyBudget} {
		if !p.has(l) {
			paths = append(paths, "input."+strings.Join(leafPaths[l], "."))
		}
	}
	return paths
}
