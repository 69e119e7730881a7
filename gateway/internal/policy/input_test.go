package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/policies"
)

// anyInput draws inputs in which every field may be set, absent or nonsense.
func anyInput() *rapid.Generator[Input] {
	return rapid.Custom(func(t *rapid.T) Input {
		text := rapid.OneOf(rapid.SampledFrom([]string{"", "smart", "openai/gpt-5", "search", "support", "eu"}),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }))
		table := rapid.MapOfN(rapid.OneOf(rapid.SampledFrom([]string{"usecase", "env", "team"}), text), text, 0, 4)
		count := rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64())
		when := rapid.Map(rapid.Int64Range(-1e9, 4e9), func(s int64) time.Time { return time.Unix(s, 0).UTC() })
		in := Input{Now: when.Draw(t, "now"), Route: text.Draw(t, "route"), EstCost: llm.NanoUSD(count.Draw(t, "cost")),
			CostKnown: rapid.Bool().Draw(t, "cost known"), DataClasses: rapid.SliceOfN(text, 0, 2).Draw(t, "classes")}
		in.Request = &llm.Request{Endpoint: llm.Endpoint(text.Draw(t, "endpoint")), Dialect: llm.OpenAI, IP: text.Draw(t, "ip"), Session: text.Draw(t, "session"), Tags: table.Draw(t, "tags"),
			Facts: llm.Facts{Model: text.Draw(t, "model"), Stream: rapid.Bool().Draw(t, "stream"), MaxTokens: count.Draw(t, "max tokens"),
				EstInputTokens: count.Draw(t, "input tokens"), Features: llm.Features(rapid.Uint32Range(0, 1<<11-1).Draw(t, "features")), Metadata: table.Draw(t, "metadata")},
			Principal: llm.Principal{KeyID: text.Draw(t, "id"), Name: text.Draw(t, "name"), Team: text.Draw(t, "team"), User: text.Draw(t, "user"),
				Roles: rapid.SliceOfN(text, 0, 2).Draw(t, "roles"), Models: rapid.SliceOfN(text, 0, 3).Draw(t, "models"), Tags: table.Draw(t, "key tags"),
				Budget: llm.Budget{Max: llm.NanoUSD(rapid.Int64Range(0, 1e12).Draw(t, "budget")), Window: text.Draw(t, "window")}}}
		if rapid.Bool().Draw(t, "expires?") {
			in.Request.Principal.Expires = when.Draw(t, "expires")
		}
		for range rapid.IntRange(0, 2).Draw(t, "targets") {
			in.Targets = append(in.Targets, &llm.Target{ID: text.Draw(t, "target"), Provider: text.Draw(t, "provider"), Region: text.Draw(t, "region"),
				Context: count.Draw(t, "context"), Price: llm.Price{Known: rapid.Bool().Draw(t, "price known"), Input: llm.NanoUSD(count.Draw(t, "in")), Output: llm.NanoUSD(count.Draw(t, "out"))}})
		}
		return in
	})
}

// plainInput builds the input the plain way: Go maps, through JSON.
func plainInput(in Input) map[string]any {
	r, who := in.Request, in.Request.Principal
	key := map[string]any{"roles": list(who.Roles), "models": list(who.Models), "tags": table(who.Tags)}
	setText(key, "id", who.KeyID)
	setText(key, "name", who.Name)
	setText(key, "team", who.Team)
	setText(key, "user", who.User)
	if who.Budget.Max != 0 {
		key["budget"] = map[string]any{"max": json.Number(who.Budget.Max.Decimal()), "window": valid(who.Budget.Window)}
	}
	if !who.Expires.IsZero() {
		key["expires"] = number(floorMinute(who.Expires))
	}
	request := map[string]any{"endpoint": valid(string(r.Endpoint)), "dialect": "openai", "model": valid(r.Facts.Model), "stream": r.Facts.Stream,
		"est_input_tokens": number(r.Facts.EstInputTokens), "features": list(r.Facts.Features.Names()), "tags": table(r.Tags), "metadata": table(r.Facts.Metadata), "data_classes": list(in.DataClasses)}
	setText(request, "ip", r.IP)
	setText(request, "session", sessionName(r.Session))
	if r.Facts.MaxTokens > 0 {
		request["max_tokens"] = number(r.Facts.MaxTokens)
	}
	if in.CostKnown {
		request["est_cost_usd_micro"] = number(micro(in.EstCost))
	}
	route := map[string]any{"targets": targets(in.Targets)}
	setText(route, "name", in.Route)
	return map[string]any{"v": number(1), "key": key, "request": request, "route": route, "usage": map[string]any{},
		"time": map[string]any{"unix_minute": number(floorMinute(in.Now)), "weekday": in.Now.Weekday().String(),
			"minute_of_day": number(int64(in.Now.Hour()*60 + in.Now.Minute())), "date": in.Now.Format("2006-01-02")}}
}

func targets(ts []*llm.Target) []any {
	out := []any{}
	for _, t := range ts {
		m := map[string]any{"id": valid(t.ID), "provider": valid(t.Provider)}
		setText(m, "region", t.Region)
		if t.Price.Known {
			m["price_in"], m["price_out"] = number(micro(t.Price.Input)), number(micro(t.Price.Output))
		}
		if t.Context > 0 {
			m["context"] = number(t.Context)
		}
		out = append(out, m)
	}
	return out
}

func floorMinute(t time.Time) int64 { return t.Add(-time.Duration(t.Second())*time.Second).Unix() / 60 }
func number(i int64) json.Number    { return json.Number(fmt.Sprint(i)) }
func valid(s string) string         { return strings.ToValidUTF8(s, "\uFFFD") }
func setText(m map[string]any, k, s string) {
	if s != "" {
		m[k] = valid(s)
	}
}

func list(items []string) []any {
	out := []any{}
	for _, s := range items {
		out = append(out, valid(s))
	}
	return out
}

func table(m map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		if valid(k) == k {
			out[k] = valid(v)
		}
	}
	return out
}

func TestWholeInputIsWhatItIsBuiltFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput().Draw(t, "input")
		want, err := ast.InterfaceToValue(plainInput(in))
		if err != nil {
			t.Fatal(err)
		}
		if got := value(string(wholeInput(in, nil, nil))); got.Compare(want) != 0 || got.Hash() != want.Hash() {
			t.Fatalf("input is\n%v\nwant\n%v", got, want)
		}
	})
}

func TestEqualInputsHaveEqualForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput().Draw(t, "input")
		first, second := wholeInput(in, nil, nil), wholeInput(in, nil, nil)
		if !bytes.Equal(first, second) {
			t.Fatalf("two forms of one input: %q and %q", first, second)
		}
	})
}

// published compiles the published schema.
func published(t testing.TB) *jsonschema.Schema {
	t.Helper()
	raw, err := policies.FS.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("input.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("input.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func asJSON(t testing.TB, form []byte) any {
	t.Helper()
	text, err := toJSON(value(string(form)))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var someLimits = []llm.Limit{
	{Name: "a", Scope: "key:x", Unit: llm.UnitConcurrent, Max: 3},
	{Name: "b", Scope: "team:search", Unit: llm.UnitRequests, Window: "1m", Max: 60},
	{Name: "c", Scope: "team:search", Unit: llm.UnitTokens, Window: "day", Max: 1000},
	{Name: "d", Scope: "team:search", Unit: llm.UnitUSD, Window: "day", Max: 1},
}

func TestSchemaDescribesTheInput(t *testing.T) {
	schema := published(t)
	for _, r := range samples() {
		if err := schema.Validate(asJSON(t, wholeInput(r.input, someLimits, []int{1, 50, 120, 0}))); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
}

// TestSchemaAndInputHaveTheSameMembers walks the schema beside an input with every field
// set: what the schema names must be there, and validation refuses what it does not name.
func TestSchemaAndInputHaveTheSameMembers(t *testing.T) {
	raw, err := policies.FS.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	full := samples()[1]
	for _, path := range absent(schema, asJSON(t, wholeInput(full.input, someLimits, []int{1, 50, 120, 0})), "input") {
		t.Errorf("%s is in the schema, not in %s", path, full.name)
	}
}

func absent(schema map[string]any, v any, path string) (paths []string) {
	if items, ok := schema["items"].(map[string]any); ok {
		elements := v.([]any)
		if len(elements) == 0 {
			return []string{path + "[]"}
		}
		return absent(items, elements[0], path+"[]")
	}
	members, _ := schema["properties"].(map[string]any)
	for name, sub := range members {
		if got, ok := v.(map[string]any)[name]; ok {
			paths = append(paths, absent(sub.(map[string]any), got, path+"."+name)...)
		} else {
			paths = append(paths, path+"."+name)
		}
	}
	return paths
}

func TestLeavesCoverTheSchema(t *testing.T) {
	all := fullPlan()
	full := samples()[1].input
	for l, path := range leafPaths {
		without := plan{wanted: all.wanted &^ l}
		var c encoder
		c.write(&without, &full)
		c.usage(&without, someLimits, []int{1, 2, 3, 4})
		c.close()
		var v any = asJSON(t, c.b)
		for _, name := range path {
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%v is no path of the input", path)
			}
			v = m[name]
		}
		if v != nil && l != leafUsage { // usage is appended by its own step
			t.Errorf("leaf %v is in the input although it was left out", path)
		}
	}
}

func TestUsageIsGroupedByScopeAndWindow(t *testing.T) {
	form := wholeInput(samples()[0].input, someLimits, []int{33, -1, 120, 5000})
	got := asJSON(t, form).(map[string]any)["usage"]
	want := map[string]any{
		"key:x":       map[string]any{"now": map[string]any{"concurrent": json.Number("33")}},
		"team:search": map[string]any{"day": map[string]any{"tokens": json.Number("120"), "usd": json.Number("1000")}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("usage differs (-want +got):\n%s", diff)
	}
}

func FuzzInput(f *testing.F) {
	f.Add("smart", "ab12cd34", "usecase", "support", "192.0.2.1", int64(5), uint32(3))
	f.Add("\xff\xfe", "", "\x00", "\"", "", int64(-1), uint32(1<<31))
	schema := published(f)
	f.Fuzz(func(t *testing.T, model, id, tag, value1, ip string, n int64, features uint32) {
		in := Input{Now: time.Unix(n%4e9, 0).UTC(), Route: model, EstCost: llm.NanoUSD(n), CostKnown: true, DataClasses: []string{tag},
			Targets: []*llm.Target{{ID: id, Provider: tag, Region: value1, Context: n}},
			Request: &llm.Request{Endpoint: llm.Endpoint(tag), Dialect: llm.Dialect(value1), IP: ip, Tags: map[string]string{tag: value1, value1: tag},
				Facts:     llm.Facts{Model: model, MaxTokens: n, EstInputTokens: n, Features: llm.Features(features), Metadata: map[string]string{tag: value1}},
				Principal: llm.Principal{KeyID: id, Roles: []string{tag, value1}, Models: []string{model}, Tags: map[string]string{tag: id}}}}
		limits := []llm.Limit{{Scope: valid(tag), Unit: llm.UnitUSD, Window: "day"}}
		if err := schema.Validate(asJSON(t, wholeInput(in, limits, []int{int(features)}))); err != nil {
			t.Errorf("input does not keep to its schema: %v", err)
		}
	})
}
