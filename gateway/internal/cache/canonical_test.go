package cache_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func canonical(in string) string {
	return string(cache.CanonicalRequest(nil, &llm.Request{Body: []byte(in)}))
}

func TestCanonicalRequestIsTheSame(t *testing.T) {
	const want = `{"max_tokens":9,"messages":[{"content":"a \" b \\ ü","role":"system",},],"model":"m","temperature":0.5,"x":{"a":[1,1.0,{},[],null,],"b":-1e5,},}`
	for _, in := range []string{
		`{"model":"m","max_tokens":9,"temperature":0.5,"messages":[{"role":"system","content":"a \" b \\ ü"}],"x":{"b":-1e5,"a":[1,1.0,{},[],null]}}`,
		"\n{ \"x\" : { \"a\" : [ 1 , 1.0 , { } , [ ] , null ] , \"b\" : -1e5 } ,\t\"messages\":[{\"content\":\"a \\\" b \\\\ \\u00fc\",\"role\":\"developer\",\"name\":null}],\r\n\"temperature\":0.50,\"max_completion_tokens\":9,\"model\":\"m\" } ",
		`{"user":"u","model":"m","metadata":{"a":1},"messages":[{"role":"system","content":[{"type":"text","text":"a \" b \\ ü","cache_control":{"type":"ephemeral"}}]}],"stream":true,"stream_options":{"include_usage":true},"x":{"b":-1e5,"a":[1,1.0,{},[],null]},"cache":{"ttl":1},"store":true,"safety_identifier":"s","prompt_cache_key":"k","max_tokens":9,"temperature":0.5,"n":null}`,
		`{"model":"m","max_tokens":9,"temperature":0.5,"messages":[{"content":[{"text":"x-anthropic-billing-header: cc_version=2; cch=1f;","type":"text"},{"type":"text","text":"a \" b \\ ü"}],"role":"system"}],"x":{"b":-1e5,"a":[1,1.0,{},[],null]}}`,
	} {
		if d := cmp.Diff(want, canonical(in)); d != "" {
			t.Errorf("CanonicalRequest(%s) (-want +got):\n%s", in, d)
		}
	}
}

func TestCanonicalRequestTellsApart(t *testing.T) {
	base := `{"model":"m","messages":[{"role":"user","content":"a"}]}`
	seen := map[string]string{}
	for _, in := range []string{
		base,
		strings.Replace(base, `"m"`, `"n"`, 1),
		strings.Replace(base, `"a"`, `"b"`, 1),
		strings.Replace(base, `"a"`, `"a "`, 1),
		strings.Replace(base, `"a"`, `"\ud800"`, 1),
		strings.Replace(base, `"a"`, `"\ud801"`, 1),
		strings.Replace(base, `"a"`, `[{"type":"text","text":"a"},{"type":"text","text":"a"}]`, 1),
		strings.Replace(base, `"a"`, `[{"type":"text","text":"a","title":"t"}]`, 1),
		strings.Replace(base, `"a"`, `[{"type":"text","text":"x-anthropic-billing-header: no"}]`, 1),
		strings.Replace(base, `}]`, `},{"role":"user","content":"a"}]`, 1),
		strings.Replace(base, `]}`, `],"temperature":1}`, 1),
		strings.Replace(base, `]}`, `],"temperature":1.5}`, 1),
		strings.Replace(base, `]}`, `],"temperature":10}`, 1),
		strings.Replace(base, `"role"`, `"user":"noise only at the top","role"`, 1),
		strings.Repeat("[", 10_000) + "1" + strings.Repeat("]", 10_000),
		strings.Repeat("[", 10_000) + "2" + strings.Repeat("]", 10_000),
		base + " 1",
		base + " 2",
	} {
		got := canonical(in)
		if other, ok := seen[got]; ok {
			t.Errorf("%.100s and %.100s look the same: %.200s", in, other, got)
		}
		seen[got] = in
	}
}

// TestOrderInSchemas has schemas whose members differ in their order: models write the members
// of their replies in it. The order of what is around a schema does not count.
func TestOrderInSchemas(t *testing.T) {
	const a, b = `{"properties":{"x":{"type":"string"},"y":{}},"type":"object"}`, `{"properties":{"y":{},"x":{"type":"string"}},"type":"object"}`
	for form, bodies := range map[llm.Dialect][]string{
		llm.OpenAI: {
			`{"tools":[{"type":"function","function":{"name":"f","parameters":$}}]}`,
			`{"guided_json":$}`,
			`{"functions":[{"name":"f","parameters":$}]}`,
			`{"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":$}}}`,
		},
		llm.Anthropic: {
			`{"tools":[{"name":"f","input_schema":$}]}`,
			`{"output_config":{"format":{"type":"json_schema","schema":$}}}`,
			`{"output_format":{"type":"json_schema","schema":$}}`,
			`{"messages":[{"role":"assistant","content":[{"type":"tool_use","name":"f","input":$}]}]}`,
		},
		llm.Responses: {
			`{"tools":[{"type":"function","name":"f","parameters":$}]}`,
			`{"text":{"format":{"type":"json_schema","name":"n","schema":$}}}`,
		},
		llm.Gemini: {
			`{"tools":[{"functionDeclarations":[{"name":"f","parameters":$}]}]}`,
			`{"generationConfig":{"responseSchema":$}}`,
			`{"contents":[{"parts":[{"functionCall":{"name":"f","args":$}}]}]}`,
		},
	} {
		for _, body := range bodies {
			text := func(schema string) string {
				return string(cache.CanonicalRequest(nil, &llm.Request{Form: form, Body: []byte(strings.Replace(body, "$", schema, 1))}))
			}
			if text(a) == text(b) {
				t.Errorf("%s in the format %s is the same with its members in another order", body, form)
			}
			if spaced := strings.ReplaceAll(strings.ReplaceAll(a, ":", " : "), "string", `str\u0069ng`); text(a) != text(spaced) {
				t.Errorf("%s in the format %s is not the same with spaces and escapes", body, form)
			}
		}
	}
	const outside = `{"tools":[{"function":{"parameters":{"a":1},"name":"f"},"type":"function"}],"response_format":{"json_schema":{"schema":{},"name":"n"},"type":"json_schema"}}`
	const same = `{"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}},"tools":[{"type":"function","function":{"name":"f","parameters":{"a":1}}}]}`
	if canonical(outside) != canonical(same) {
		t.Errorf("the order around schemas counts: %s\n%s", canonical(outside), canonical(same))
	}
}

// TestEscapedNames spells the names of members with escapes: they are the same members.
func TestEscapedNames(t *testing.T) {
	const plain, escaped = `{"model":"m","temperature":0.5,"user":"u"}`, `{"mod\u0065l":"m","temper\u0061ture":0.5,"us\u0065r":"v"}`
	if canonical(plain) != canonical(escaped) {
		t.Errorf("%s and %s differ", canonical(plain), canonical(escaped))
	}
	c, err := cache.New(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, body := range []string{plain, escaped} {
		if s := c.Find(t.Context(), &llm.Request{Body: []byte(body)}, &llm.Route{CacheTTL: time.Hour}, &llm.Decision{}); s.State() != llm.CacheOff {
			t.Errorf("%s: %s, want off, for it has a temperature", body, s.State())
		}
	}
}

// whole is the canonical text on a route with transforms, where everything but instructions to
// the cache counts as it is written.
func whole(in string) string { return string(cache.WholeRequest([]byte(in))) }

// FuzzCanonicalRequest shuffles the members of any JSON object, and in chat completions also
// those of the objects in it that are no schemas. The canonical text must stay the same and be
// equal to the body. In any wire format, it must be JSON and its own canonical text.
func FuzzCanonicalRequest(f *testing.F) {
	f.Add([]byte(`{"b":[{"z":1,"y":"\\\""},-2.50],"a":{"k":null,"j":true}}`), uint64(1))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		var tree map[string]any
		d := json.NewDecoder(bytes.NewReader(in))
		d.UseNumber()
		if !json.Valid(in) || d.Decode(&tree) != nil || tree == nil {
			return
		}
		r := rand.New(rand.NewPCG(seed, 0))
		one, two := shuffled(r, tree, false), shuffled(r, tree, false)
		got := whole(one)
		if other := whole(two); got != other {
			t.Fatalf("%s\n→ %s\n%s\n→ %s", one, got, two, other)
		}
		delete(tree, "cache")
		var back map[string]any
		d = json.NewDecoder(strings.NewReader(plain(got)))
		d.UseNumber()
		if err := d.Decode(&back); err != nil {
			t.Fatalf("%s is no JSON: %v", got, err)
		}
		if diff := cmp.Diff(tree, back); diff != "" {
			t.Fatalf("canonical form says something else (-want +got):\n%s", diff)
		}
		for _, form := range []llm.Dialect{llm.OpenAI, llm.Anthropic, llm.Responses, llm.Gemini} {
			one, two := one, two
			if form == llm.OpenAI {
				one, two = shuffled(r, tree, true), shuffled(r, tree, true)
			}
			got := plain(string(cache.CanonicalRequest(nil, &llm.Request{Body: []byte(one), Form: form})))
			again := plain(string(cache.CanonicalRequest(nil, &llm.Request{Body: []byte(two), Form: form})))
			if !json.Valid([]byte(got)) || got != again {
				t.Fatalf("in the format %s:\n%s\n%s\n%s", form, one, got, again)
			}
		}
	})
}

// shuffled writes a tree with its members in random order, and those of the objects in it too
// if it is to go deep.
func shuffled(r *rand.Rand, v any, deep bool) string {
	if object, ok := v.(map[string]any); ok {
		var members []string
		for _, name := range slices.Sorted(maps.Keys(object)) {
			key, _ := json.Marshal(name)
			value, _ := json.Marshal(object[name])
			if deep && name != "parameters" && name != "schema" {
				value = []byte(shuffled(r, object[name], true))
			}
			members = append(members, string(key)+" : "+string(value))
		}
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		return "{ " + strings.Join(members, " , ") + " }"
	}
	switch v := v.(type) {
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, shuffled(r, item, deep))
		}
		return "[" + strings.Join(items, ",\n") + "]"
	case json.Number:
		return v.String()
	default:
		b, _ := json.Marshal(v)
		return string(b)
	}
}

// plain removes the comma before every closing bracket of a canonical text.
func plain(s string) string {
	var out []byte
	inText := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case inText && c == '\\':
			out = append(out, c, s[i+1])
			i++
			continue
		case c == '"':
			inText = !inText
		case !inText && (c == '}' || c == ']') && len(out) > 0 && out[len(out)-1] == ',':
			out = out[:len(out)-1]
		}
		out = append(out, s[i])
	}
	return string(out)
}

func body(size int) []byte {
	var b strings.Builder
	b.WriteString(`{"model":"smart","stream":false,"temperature":0,"user":"u","messages":[`)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `%s{"role":"user","content":%q}`, map[bool]string{true: ","}[i > 0], strings.Repeat("Where is my \"order\"? ", 8))
	}
	b.WriteString("]}")
	return []byte(b.String())
}

func BenchmarkRequestKey(b *testing.B) {
	c := open(b, 1<<20)
	for _, size := range []int{1 << 10, 32 << 10} {
		in := body(size)
		req, route, d := &llm.Request{Body: in, Principal: llm.Principal{Team: "t"}}, &llm.Route{Name: "r", Targets: []*llm.Target{{ID: "p/m"}}}, llm.Decision{}
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				c.SlotKey(req, route, &d)
			}
		})
	}
}

func BenchmarkGetAndReplay(b *testing.B) {
	c := open(b, 1<<20)
	key := cache.NewKey([]byte("k"))
	e := c.NewEntry(cache.Recording{})
	for _, ev := range frames("1", "2", "3", "4", "5", "6", "7", "8") {
		e.Add(ev)
	}
	c.Put(key, e, 1<<40)
	c.Wait()
	b.ReportAllocs()
	for b.Loop() {
		e, ok := c.Get(key)
		if !ok {
			b.Fatal("gone")
		}
		s := e.Replay()
		for {
			if _, err := s.Next(); err != nil {
				break
			}
		}
	}
}
