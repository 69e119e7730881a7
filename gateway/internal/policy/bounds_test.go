package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/policy"
)

// doubling returns a chain of rules. Each makes its value of several of the one before,
// which is written as ~.
func doubling(first, next string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "x0 := %s\n", first)
	for i := range n {
		fmt.Fprintf(&b, "x%d := %s\n", i+1, strings.ReplaceAll(next, "~", fmt.Sprintf("x%d", i)))
	}
	return b.String()
}

// TestNoCallTakesLong calls functions with operands that would take too much time or
// memory. Each call must be refused.
func TestNoCallTakesLong(t *testing.T) {
	const text = `concat("", [y | some i in numbers.range(1, 4096); y := sprintf("%064d", [i])])` // 256 KiB
	tests := map[string]struct{ rules, last string }{
		"shift":              {"", `bits.lsh(1, 4000000000)`},
		"shift again":        {doubling("1", "bits.lsh(~, 1024)", 8), "x8"},
		"nested repetitions": {"", `regex.match("((a{1,100}){1,100}){1,10}b", ` + text + `)`},
		"repetitions":        {"", `regex.match("(x+x+){1,900}y", ` + text + `)`},
		"long regex, text":   {"", `regex.match("` + strings.Repeat("(a|b)*", 150) + `", ` + text + `)`},
		"split by regex":     {"", `regex.split("(a{1,30}){1,30}b", ` + text + `)`},
		"find":               {"", `regex.find_n("(a{1,30}){1,30}b", ` + text + `, -1)`},
		"submatches":         {"", `regex.find_all_string_submatch_n("` + strings.Repeat("(a?)", 200) + `", ` + text + `, -1)`},
		"regex replacement":  {"", `regex.replace(` + text + `, "0", "$0$0$0$0$0$0$0$0")`},
		"concat eightfold":   {doubling(`"0123456789"`, `concat("", [~, ~, ~, ~, ~, ~, ~, ~])`, 8), "x8"},
		"delimiters":         {"", `concat(` + text + `, [sprintf("%d", [y]) | some y in numbers.range(1, 99)])`},
		"template eightfold": {doubling(`"0123456789"`, `$"{~}{~}{~}{~}{~}{~}{~}{~}"`, 8), "x8"},
		"sprintf eightfold":  {doubling(`"0123456789"`, `sprintf("%s%s%s%s%s%s%s%s", [~, ~, ~, ~, ~, ~, ~, ~])`, 8), "x8"},
		"sprintf indexes":    {"", `sprintf("` + strings.Repeat("%[1]s", 999) + `", [sprintf("%09999d", [1])])`},
		"sprintf widths":     {"", `sprintf("` + strings.Repeat("%999999d", 9) + `", [1, 2, 3, 4, 5, 6, 7, 8, 9])`},
		"sprintf precision":  {"", `sprintf("` + strings.Repeat("%.999999f", 9) + `", [1, 2, 3, 4, 5, 6, 7, 8, 9])`},
		"sprintf star":       {"", `sprintf("%*d", [999999, 1])`},
		"replace nothing":    {"", `replace(` + text + `, "", "0123456789")`},
		"replace much":       {"", `strings.replace_n({"0": ` + text + `}, ` + text + `)`},
		"encode over, over":  {doubling(text, `base64.encode(~)`, 4), "x4"},
		"hex over and over":  {doubling(`"0123456789"`, `hex.encode(~)`, 20), "x20"},
		"json over and over": {doubling(`"\"\"\"\"\"\"\""`, `json.marshal(~)`, 20), "x20"},
		"json of shared":     {doubling(`[1, 1]`, `[~, ~]`, 40), "json.marshal(x40)"},
		"walk over shared":   {doubling(`[1, 1]`, `[~, ~]`, 40), "count([p | walk(x40, [p, _])])"},
		"text of shared":     {doubling(`[1, 1]`, `[~, ~]`, 40), `sprintf("%v", [x40])`},
		"flatten":            {doubling(`[1, 1]`, `[~, ~]`, 40), `count(array.flatten(x40))`},
		"arrays":             {doubling(`[1, 1]`, `array.concat(~, ~)`, 40), "count(x40)"},
		"many numbers":       {"", `count(numbers.range(1, 1000000000))`},
		"many numbers down":  {"", `count(numbers.range(1000000000, -1000000000))`},
		"numbers far apart":  {"", `count(numbers.range_step(-9000000000000000000, 9000000000000000000, 2))`},
		"squares":            {doubling("99999999", "~ * ~", 30), "x30"},
		"sums":               {doubling("9e300", "~ + ~", 9), "x9 * x9"},
		"product":            {"", `product([x | some x in numbers.range(1, 60000)])`},
		"number in a text":   {"", `floor(json.unmarshal("1e99999999"))`},
		"binary":             {"", `format_int(json.unmarshal("1e99999999"), 2)`},
		"cutset":             {"", `trim(` + text + `, ` + text + `)`},
		"positions":          {"", `count(indexof_n(` + text + `, ` + text + `))`},
		"long glob":          {"", `glob.match("` + strings.Repeat("{a,b}*", 200) + `", null, ` + text + `)`},
		"prefixes":           {"", `strings.any_prefix_match(split(` + text + `, ""), split(` + text + `, ""))`},
		"subset":             {"", `object.subset(numbers.range(1, 60000), numbers.range(2, 60000))`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rego := byModel(`{"allow": result != ""}`) + tt.rules + "result := " + tt.last + "\n"
			_, err := newEngine(t, rego, policy.Options{}).Decide(t.Context(), policy.Input{Request: request("odd")})
			if err == nil || !strings.Contains(err.Error(), "eval_builtin_error") && !strings.Contains(err.Error(), "eval_type_error") {
				t.Errorf("Decide = %v, want the call refused\n%s", err, rego)
			}
		})
	}
}

func TestFunctionsWithoutBoundDoNotCompile(t *testing.T) {
	for _, call := range []string{`graph.reachable_paths({}, [])`, `strings.render_template("x", {})`, `json.patch({}, [])`, `yaml.unmarshal("x")`,
		`regex.globs_match("a", "b")`, `regex.template_match("a", "b", "{", "}")`, `json.marshal_with_options({}, {})`} {
		rego := "package penstock\ndecision := {\"allow\": true} if {\n\tx := " + call + "\n\tx\n}\n"
		err := policy.Check(t.Context(), source(folder(t, map[string]string{"p.rego": rego})))
		if err == nil || !strings.Contains(err.Error(), "have no bound") {
			t.Errorf("Check with %s = %v, want a refusal because it has no bound", call, err)
		}
	}
}

// TestUsualCallsPass checks that usual calls of policies are within the bounds.
func TestUsualCallsPass(t *testing.T) {
	long := strings.Repeat("x", 60<<10)
	var users []string
	for i := range 20_000 {
		users = append(users, fmt.Sprintf(`"user%d": {"team": "t%d"}`, i, i%100))
	}
	files := map[string]string{"data.json": `{"users": {` + strings.Join(users, ",") + `}, "long": "` + long + `"}`}
	expressions := []string{
		`regex.match("^[a-z0-9._%+-]{1,64}@[a-z0-9.-]{1,255}\\.[a-z]{2,}$", "ada@example.org")`, `regex.match("^x+$", data.long)`,
		`regex.match("\\p{L}{1,20}", data.long)`, `count(regex.find_n("x{3}", data.long, -1)) == 20480`, `regex.replace("a-b", "([a-z])-([a-z])", "$2$1") == "ba"`,
		`data.users.user777.team == "t77"`, `count(data.users) == 20000`, `object.get(data.users, "user5", null).team == "t5"`, `"user19999" in object.keys(data.users)`,
		`sprintf("%-20s|%5.2f|%d", [data.long, 1.5, 7])`, `count(numbers.range(1, 10000)) == 10000`, `contains(data.long, "xx")`, `count(split(data.long, "")) > 60000`,
		`upper(data.long)`, `json.unmarshal(json.marshal({"a": data.long})).a == data.long`, `trim(data.long, " ") == data.long`, `bits.lsh(1, 40) == 1099511627776`,
		`glob.match("openai/*", null, "openai/gpt")`, `sum(numbers.range(1, 1000)) == 500500`, `replace(data.long, "y", "zz") == data.long`, `1 / 3 > 0.3`, `1e300 * 10 > 1`,
	}
	// Each is a rule of its own, so that one that is refused is named.
	files["p.rego"] = byModel(fmt.Sprintf(`{"allow": count(true_ones) == %d}`, len(expressions)))
	for i, expression := range expressions {
		files["p.rego"] += fmt.Sprintf("true_ones contains %d if %s\n", i, expression)
	}
	e, err := policy.New(t.Context(), policy.Options{Source: source(folder(t, files)), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if v := decide(t, e, policy.Input{Request: request("odd")}); !v.Allow {
		t.Errorf("Decide = %+v, want every expression true:\n%s", v, files["p.rego"])
	}
}
