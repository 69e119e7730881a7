package keys

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// inherit fills in what a new key's spec leaves out with what its maker has, and the
// maker's tags.
func (s *Spec) inherit(maker *Spec) {
	if s.Team == "" {
		s.Team = maker.Team
	}
	if s.User == "" && s.Team == maker.Team {
		s.User = maker.User
	}
	if len(s.Models) == 0 {
		s.Models = maker.Models
	}
	if s.Budget.Max == 0 {
		s.Budget = maker.Budget
	}
	if s.Expires.IsZero() {
		s.Expires = maker.Expires
	}
	tags := make(map[string]string, len(maker.Tags)+len(s.Tags))
	for _, from := range []map[string]string{maker.Tags, s.Tags} {
		for name, value := range from {
			tags[name] = value
		}
	}
	if len(tags) > 0 {
		s.Tags = tags
	}
}

// exceeds returns in what a key would hold more than its maker; empty when it does not.
// Team and user are not compared.
func (s *Spec) exceeds(maker *Spec) string {
	if role := s.roleBeyond(maker.Roles); role != "" {
		return "it would have the role " + llm.Quote(role) + ", which its maker has not"
	}
	if model, ok := modelBeyond(s.Models, maker.Models); ok {
		return "models: " + model + " is not among those of its maker, " + strings.Join(maker.Models, ", ")
	}
	for name, value := range maker.Tags {
		if s.Tags[name] != value {
			return fmt.Sprintf("the tag %s=%s of its maker must stay", name, value)
		}
	}
	if !budgetWithin(s.Budget, maker.Budget) {
		return fmt.Sprintf("its budget must be at most %susd/%s, its maker's", maker.Budget.Max.Decimal(), maker.Budget.Window)
	}
	if !maker.Expires.IsZero() && (s.Expires.IsZero() || s.Expires.After(maker.Expires)) {
		return "it must expire by " + maker.Expires.UTC().Format("2006-01-02T15:04:05Z") + ", when its maker does"
	}
	return ""
}

// roleBeyond returns a role that is not among the maker's; who is an admin may give any.
func (s *Spec) roleBeyond(maker []string) string {
	if slices.Contains(maker, llm.RoleAdmin) {
		return ""
	}
	for _, role := range s.Roles {
		if !slices.Contains(maker, role) {
			return role
		}
	}
	return ""
}

// modelBeyond returns one of a key's models that its maker may not use, if there is one. An
// empty list stands for all models.
func modelBeyond(models, maker []string) (model string, beyond bool) {
	if len(maker) == 0 {
		return "", false
	}
	if len(models) == 0 {
		return "every model", true
	}
	for _, m := range models {
		if !patternWithin(m, maker) {
			return llm.Quote(m), true
		}
	}
	return "", false
}

// anyText stands in for what a "*" matches. It is in no model's name or pattern, as those
// hold no control characters.
const anyText = "\x00"

// patternWithin reports whether every name that fits a pattern fits one of others.
//
// It is enough to look at one name: the pattern with a text for its "*" that occurs in no
// other pattern. Where another pattern matches that name, its own "*" match the text, and so
// would any other; where none does, the name itself is one that fits the pattern only.
func patternWithin(pattern string, others []string) bool {
	name := strings.ReplaceAll(pattern, "*", anyText)
	return slices.ContainsFunc(others, func(other string) bool { return llm.MatchName(other, name) })
}

// intersect returns the patterns of either list that are within the other: names that fit
// one of them fit both lists. An empty list stands for all models, and none reports that no
// pattern is left.
func intersect(a, b []string) (both []string, none bool) {
	if len(a) == 0 {
		return b, false
	}
	if len(b) == 0 {
		return a, false
	}
	for _, pattern := range a {
		if patternWithin(pattern, b) {
			both = append(both, pattern)
		}
	}
	for _, pattern := range b {
		if patternWithin(pattern, a) && !slices.Contains(both, pattern) {
			both = append(both, pattern)
		}
	}
	return both, len(both) == 0
}

// calendar are the windows of which each lies within one of those after it. A week lies in
// no month, and only what comes before it lies in a week.
var calendar = [...]string{"minute", "hour", "day", "month", "quarter", "year"}

// budgetWithin reports whether who stays within a budget stays within another one. A
// smaller amount for a longer window does so, where the windows nest; for others it cannot
// be told.
func budgetWithin(b, other llm.Budget) bool {
	if other.Max == 0 {
		return true
	}
	if b.Max == 0 || b.Max > other.Max {
		return false
	}
	if b.Window == other.Window {
		return true
	}
	long, short := slices.Index(calendar[:], b.Window), slices.Index(calendar[:], other.Window)
	if b.Window == "week" {
		return short >= 0 && short <= slices.Index(calendar[:], "day")
	}
	return short >= 0 && long > short
}
