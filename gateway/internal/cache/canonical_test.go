package cache_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

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

// whole is the canonical text on a route with transforms, where everything but instructions to
// the cache counts as it is written.
func whole(in string) string { return string(cache.WholeRequest([]byte(in))) }

// FuzzCanonicalRequest shuffles the members of any JSON object. The canonical text must
// stay the same and be equal to the body. In any wire format, it must be JSON and its own
// canonical text.
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
		one, two := shuffled(r, tree), shuffled(r, tree)
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
			got := plain(string(cache.CanonicalRequest(nil, &llm.Request{Body: []byte(one), Form: form})))
			again := plain(string(cache.CanonicalRequest(nil, &llm.Request{Body: []byte(two), Form: form})))
			if !json.Valid([]byte(got)) || got != again {
				t.Fatalf("in the format %s:\n%s\n%s\n%s", form, one, got, again)
			}
		}
	})
}

// shuffled writes a tree with its members in random order.
func shuffled(r *rand.Rand, v any) string {
	switch v := v.(type) {
	case map[string]any:
		var members []string
		for name, value := range v {
			key, _ := json.Marshal(name)
			members = append(members, string(key)+" : "+shuffled(r, value))
		}
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		return "{ " + strings.Join(members, " , ") + " }"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, shuffled(r, item))
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
