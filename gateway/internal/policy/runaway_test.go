package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/penstock/penstock/policies"
)

// runaways are policies without end, by what they spend their time in. Each loops for the model
// odd only.
var runaways = map[string]string{
	"comprehension": `work := [x | some x in many; some y in many; some z in many; x == y + z]`,
	"set":           `work := {z | some x in many; some y in many; z := x * y}`,
	"regex":         `work := [x | some x in many; some y in many; regex.match("^(x+x+)+y$", concat("", [text, sprintf("%d", [x])]))]`,
	"sprintf":       `work := [x | some x in many; some y in many; s := sprintf("%s %s %v", [text, text, many]); s == "x"]`,
	"json":          `work := [x | some x in many; some y in many; count(json.unmarshal(json.marshal(many))) == y]`,
	"split":         `work := [x | some x in many; some y in many; count(split(text, "")) == y]`,
	"object union":  `work := [x | some x in many; some y in many; count(object.union_n([{sprintf("%d", [i]): i} | some i in many])) == y]`,
	"sort":          `work := [x | some x in many; some y in many; count(sort(many)) == y]`,
	"data":          `work := [x | walk(data.tree, [p, x]); walk(data.tree, [q, y]); p == q; x == 7]`,
	"data by chain": `work := [a | some a in step1; some b in step2; a == b]
step1 contains x if { some x in data.list; some y in data.list; x != y }
step2 contains x if { some x in step1; some y in step1; some z in step1; x + y == z }`,
}

// runaway compiles a policy that does not end in time for the model odd.
func runaway(t testing.TB, rules string) *program {
	t.Helper()
	var list, tree []string
	for i := range 2000 {
		list = append(list, fmt.Sprint(i))
		tree = append(tree, fmt.Sprintf(`"n%d": {"a": {"b": [%d, %d]}}`, i, i, i+1))
	}
	files := map[string]string{
		"data.json": `{"list": [` + strings.Join(list, ",") + `], "tree": {` + strings.Join(tree, ",") + `}}`,
		"p.rego": "package penstock\ndecision := {\"allow\": true} if input.request.model != \"odd\"\ndecision := {\"allow\": count(work) == 0} if { input.request.model == \"odd\"; count(many) + count(text) + count(data.list) + count(data.tree) > 0 }\n" +
			"many := numbers.range(1, 2000)\ntext := concat(\"\", [\"x\" | some i in numbers.range(1, 60000)])\n" + rules + "\n",
	}
	p, err := build(context.Background(), Options{Source: Source{Files: files, FS: policies.FS}, MemoBytes: -1}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var oddInput = ast.MustInterfaceToValue(map[string]any{"request": map[string]any{"model": "odd"}})

// TestRunawaysEnd has every one of them stopped by its time limit, none detached.
func TestRunawaysEnd(t *testing.T) {
	for name, rules := range runaways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := runaway(t, rules)
			_, err := p.decide(t.Context(), oddInput, 100*time.Millisecond)
			if !errors.Is(err, errTimeout) || errors.Is(err, errStuck) {
				t.Errorf("decide = %v, want an evaluation that was stopped", err)
			}
		})
	}
}

// BenchmarkRunaway reports how long after its limit of 20 ms an evaluation ends: half of them,
// and 95 %.
func BenchmarkRunaway(b *testing.B) {
	const limit = 20 * time.Millisecond
	for name, rules := range runaways {
		b.Run(name, func(b *testing.B) {
			p := runaway(b, rules)
			var late []time.Duration
			for b.Loop() {
				start := time.Now()
				_, err := p.decide(b.Context(), oddInput, limit)
				late = append(late, time.Since(start)-limit)
				if !errors.Is(err, errTimeout) {
					b.Fatalf("decide = %v, want a timeout", err)
				}
			}
			slices.Sort(late)
			b.ReportMetric(float64(late[len(late)/2].Microseconds())/1000, "p50-ms-late")
			b.ReportMetric(float64(late[len(late)*95/100].Microseconds())/1000, "p95-ms-late")
		})
	}
}
