package keys

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"pgregory.net/rapid"
)

func TestPatternWithin(t *testing.T) {
	for _, c := range []struct {
		pattern, others string
		want            bool
	}{
		{"gpt-5*", "gpt-*", true},
		{"gpt-*", "gpt-5*", false},
		{"gpt-5", "gpt-5*", true},
		{"gpt-5*", "gpt-5", false},
		{"*", "gpt-*", false},
		{"gpt-*", "*", true},
		{"a*b", "a*", true},
		{"a*b", "*b", true},
		{"a*", "a*b", false},
		{"a*b*c", "a*c", true},
		{"a*c", "a*b*c", false},
		{"a**c", "a*c", true},
		{"a*c", "a**c", true},
		{"", "*", true},
		{"*x*", "*x", false},
		{"*ab*", "*a*b*", true},
		{"*a*b*", "*ab*", false},
		{"aa*", "a*a", false},
		{"a*", "a,ab*", false},
		{"ab*", "x,a*", true},
		{"openai/*", "openai/gpt-*,openai/o*", false},
	} {
		if got := patternWithin(c.pattern, strings.Split(c.others, ",")); got != c.want {
			t.Errorf("patternWithin(%q, %s) = %v, want %v", c.pattern, c.others, got, c.want)
		}
	}
}

// patterns are short patterns over two letters, so that they often meet.
func patterns(most int) *rapid.Generator[[]string] {
	return rapid.SliceOfN(rapid.StringMatching(`[ab*]{1,4}`), 0, most)
}

// TestPatternsAgreeWithNames compares what patterns contain with names that fit them. Names
// have a third letter: two would let lists of patterns cover one that none of them covers.
func TestPatternsAgreeWithNames(t *testing.T) {
	var names []string
	for _, length := range []int{0, 1, 2, 3, 4, 5, 6} {
		names = append(names, namesOf("abc", length)...)
	}
	fits := func(patterns []string, name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return llm.MatchName(p, name) })
	}
	rapid.Check(t, func(rt *rapid.T) {
		pattern := rapid.StringMatching(`[ab*]{1,4}`).Draw(rt, "pattern")
		others := patterns(3).Draw(rt, "others")
		want := !slices.ContainsFunc(names, func(name string) bool { return llm.MatchName(pattern, name) && !fits(others, name) })
		if got := patternWithin(pattern, others); got != want {
			rt.Errorf("patternWithin(%q, %q) = %v, want %v", pattern, others, got, want)
		}
		if len(others) == 0 {
			return
		}
		both, none := intersect([]string{pattern}, others)
		if none != (len(both) == 0) {
			rt.Errorf("intersect(%q, %q) = %q, %v", pattern, others, both, none)
		}
		for _, name := range names {
			if fits(both, name) && !(llm.MatchName(pattern, name) && fits(others, name)) {
				rt.Errorf("intersect(%q, %q) = %q, which %q fits", pattern, others, both, name)
			}
		}
	})
}

func namesOf(letters string, length int) []string {
	if length == 0 {
		return []string{""}
	}
	var all []string
	for _, rest := range namesOf(letters, length-1) {
		for _, l := range letters {
			all = append(all, string(l)+rest)
		}
	}
	return all
}

func TestBudgetWithin(t *testing.T) {
	for _, c := range []struct {
		b, other string
		want     bool
	}{
		{"5usd/day", "5usd/day", true}, {"6usd/day", "5usd/day", false}, {"", "5usd/day", false}, {"5usd/day", "", true},
		{"5usd/month", "5usd/day", true}, {"5usd/day", "5usd/month", false}, {"5usd/week", "5usd/month", false}, {"5usd/month", "5usd/week", false},
		{"5usd/week", "5usd/day", true}, {"5usd/48h", "5usd/day", false}, {"5usd/1h", "5usd/1h", true},
	} {
		if got := budgetWithin(budget(t, c.b), budget(t, c.other)); got != c.want {
			t.Errorf("budgetWithin(%q, %q) = %v, want %v", c.b, c.other, got, c.want)
		}
	}
}

func budget(t testing.TB, s string) llm.Budget {
	t.Helper()
	if s == "" {
		return llm.Budget{}
	}
	b, err := ParseBudget(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
