package cases

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

var schemaDir = filepath.Join("..", "..", "..", "..", "sdk", "schema")

// published is a schema as SDKs see it, and the members that it names.
type published struct {
	*jsonschema.Schema
	members map[string]bool
}

func schemaFile(t testing.TB, name string) published {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(schemaDir, name))
	if err != nil {
		t.Fatal(err)
	}
	p := published{Schema: s, members: map[string]bool{}}
	for m := range s.Properties {
		p.members[m] = true
	}
	return p
}

// check validates a document. The host's own may not have a member that the schema does not
// name.
func (p published) check(t testing.TB, what string, doc []byte, ours bool) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err == nil {
		err = p.Validate(v)
	}
	if err != nil {
		t.Errorf("%s: %v in %s", what, err, hook.Clip(doc))
		return
	}
	for m := range v.(map[string]any) {
		if ours && !p.members[m] {
			t.Errorf("%s: the schema does not name the member %q", what, m)
		}
	}
	for m := range p.members {
		p.checkWithout(t, what, v.(map[string]any), m)
	}
}

// checkWithout checks that a document without a required member is invalid.
func (p published) checkWithout(t testing.TB, what string, v map[string]any, member string) {
	old, there := v[member]
	required := false
	for _, m := range p.Required {
		required = required || m == member
	}
	if !there || !required {
		return
	}
	delete(v, member)
	if p.Validate(v) == nil {
		t.Errorf("%s: a document without %q is valid", what, member)
	}
	v[member] = old
}

// silentModule exports every hook and has no opinion. Its inputs are put into the map, by the
// name of their schema with the prefix given.
func silentModule(t *testing.T, seen map[string][]byte, prefix *string) *wasm.Module {
	a := asm.Guest(hook.Route, asm.Result(0, 0))
	for h := range hook.Count {
		if h != hook.Route && h != hook.RouteFlat {
			a.Funcs = append(a.Funcs, asm.Func{Export: h.String(), Params: "ii", Results: "I", Code: asm.Result(0, 0)})
		}
	}
	return load(t, a.Bytes(), func(s *wasm.Spec) {
		s.Grants = []string{hook.GrantMessages}
		s.Record = func(r wasm.Recorded) {
			name, in := *prefix+strings.TrimPrefix(r.Hook.String(), hook.ExportPrefix)+".in.json", r.Input
			if r.Hook.Streams() {
				_, payload, err := hook.SplitFrame(in)
				if err != nil || !bytes.HasPrefix(payload, []byte(hook.EventStart+"\n")) {
					return
				}
				name = strings.Replace(name, ".in.", ".start.", 1)
				in = payload[len(hook.EventStart)+1:]
			}
			seen[name] = in
		}
	})
}

func TestEnvelopesMatchTheirSchemas(t *testing.T) {
	seen, prefix := map[string][]byte{}, ""
	m := silentModule(t, seen, &prefix)
	req := &llm.Request{ID: "r", Body: []byte(`{"messages":[{"role":"user"}]}`), Tags: map[string]string{"a": "b"}, Received: time.Unix(9, 0),
		Facts: llm.Facts{Model: "m", EstInputTokens: 5, Features: llm.Tools, MaxTokens: 3}, Principal: llm.Principal{KeyID: "k", Team: "t"}}
	askRouter(t, m, req)
	prefix = "dialect."
	askDialect(t, m)
	prefix = "client."
	askClient(t, m)
	prefix = "transform."
	askTransform(t, m, req)

	seen["init.in.json"] = hook.AppendInit(nil, "p", []byte(`{"a":1}`))
	files, err := filepath.Glob(filepath.Join(schemaDir, "*.*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		if strings.HasSuffix(name, ".out.json") {
			continue
		}
		if seen[name] == nil {
			t.Errorf("%s: the host made no such envelope", name)
			continue
		}
		schemaFile(t, name).check(t, name, seen[name], true)
		delete(seen, name)
	}
	for name := range seen {
		t.Errorf("there is no schema %s", name)
	}
}

// The functions below make every call of the adapters. Their results do not matter: for some,
// no opinion is a fault.

func askRouter(t *testing.T, m *wasm.Module, req *llm.Request) {
	r, err := wasm.NewRouter(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := r.Prepare("s", json.RawMessage(`{"x":1}`))
	if err != nil {
		t.Fatal(err)
	}
	c := fleet(3)
	c[1].Target.Price, c[1].Target.Context, c[1].Stats.TTFT, c[2].Stats.RemainingTokens = llm.Price{}, 0, 0, 7
	k.Rank(t.Context(), req, c)
}

func askDialect(t *testing.T, m *wasm.Module) {
	d, err := wasm.NewProviderDialect(m)
	if err != nil {
		t.Fatal(err)
	}
	_, _, _ = d.TransformRequest(t.Context(), hook.ProviderRequest{Dialect: "x", Target: someTarget, RequestID: "r", Body: []byte(`{}`)})
	_, _ = d.NormalizeResponse(t.Context(), hook.ProviderReply{Dialect: "x", Target: someTarget, RequestID: "r", Status: 200, Header: http.Header{"Retry-After": {"1"}}, Context: []byte(`{"a":1}`), Body: []byte(`{}`)})
	if e, err := d.Events(t.Context(), hook.ProviderStream{Dialect: "x", Target: someTarget, RequestID: "r", IncludeUsage: true, Context: []byte(`{"a":1}`)}); err == nil {
		e.Close()
	}
}

func askClient(t *testing.T, m *wasm.Module) {
	d, err := wasm.NewClientDialect(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = d.Accept(t.Context(), hook.ClientRequest{Dialect: "x", RequestID: "r", Path: "/m", Header: http.Header{"Accept": {"*/*"}}, Body: []byte(`{}`)})
	_, _ = d.Render(t.Context(), hook.ClientReply{Dialect: "x", RequestID: "r", Status: 200, Context: []byte(`{"a":1}`), Body: []byte(`{}`)})
	if e, err := d.RenderEvents(t.Context(), hook.ClientStream{Dialect: "x", RequestID: "r", Context: []byte(`{"a":1}`)}); err == nil {
		e.Close()
	}
}

func askTransform(t *testing.T, m *wasm.Module, req *llm.Request) {
	tr, err := wasm.NewTransform(m, wasm.TransformOptions{})
	if err != nil {
		t.Fatal(err)
	}
	x := &llm.Exchange{Request: req, Route: &llm.Route{Name: "smart"}, Target: someTarget}
	_, _ = tr.Request(t.Context(), x, []byte(`{}`))
	_, _ = tr.Response(t.Context(), x, 200, []byte(`{}`))
	if f, err := tr.Events(t.Context(), x); err == nil {
		f.Close()
	}
}

// TestTheRoutingEnvelopeIsAsItsSchemaSays where everything is known, and where nothing is.
func TestTheRoutingEnvelopeIsAsItsSchemaSays(t *testing.T) {
	schema := schemaFile(t, "route.in.json")
	c := fleet(2)
	c[0].CachedPrefix, c[0].EstCost, c[0].Sticky = 900, 5, 1<<64-1
	c[0].Stats = llm.Stats{TTFT: 1, TTFTP50: 1, TTFTP95: 1, TPS: 1, ErrorRate: 1, Samples: 2.5, RequestsLeft: 1, TokensLeft: 0.5}
	c[1].Target.Price, c[1].Stats = llm.Price{}, llm.Stats{RemainingRequests: -1, RemainingTokens: -1, RequestsLeft: -1, TokensLeft: -1}
	in := &hook.RouteInput{Request: &llm.Request{Session: "s", Class: "hard", Body: []byte(`{"messages":[{"role":"user"}]}`)}, Candidates: c,
		Part: []byte(`"strategy":"s","with":{}`), Reads: hook.AllReads, LastUser: []byte("why?")}
	schema.check(t, "everything", hook.AppendRouteEnvelope(nil, in), true)
	in.Request = &llm.Request{}
	schema.check(t, "nothing", hook.AppendRouteEnvelope(nil, in), true)
}

func TestABodyThatIsNotJSONHasItsPlaceInTheSchema(t *testing.T) {
	schemaFile(t, "dialect.normalise_response.in.json").check(t, "text", hook.AppendProviderReply(nil, hook.ProviderReply{Dialect: "x", Target: someTarget, Body: []byte("<html>")}), true)
}

// TestResultsMatchTheirSchemas validates the references' results for the conformance cases, and
// the examples in the contract's page.
func TestResultsMatchTheirSchemas(t *testing.T) {
	outs := map[hook.Hook]published{hook.Route: schemaFile(t, "route.out.json"), hook.TransformRequest: schemaFile(t, "transform.transform_request.out.json"),
		hook.NormalizeResponse: schemaFile(t, "transform.normalise_response.out.json")}
	line := schemaFile(t, "line.json")
	for plugin, ref := range references {
		for _, c := range conformanceCases(t, plugin) {
			_, err := c.play(hook.AllReads, func(h hook.Hook, in []byte) ([]byte, int64, error) {
				out, err := ref(settings(&c), h, in)
				if schema, ok := outs[h]; ok && len(out) > 0 {
					schema.check(t, c.Name, out, false)
				}
				for _, l := range eventLines(h, out) {
					line.check(t, c.Name, l, false)
				}
				return out, 1, err
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	for name, doc := range map[string]string{
		"dialect.transform_request.out.json":  `{"method":"POST","path":"/messages","query":"","headers":{"anthropic-version":"2023-06-01"},"dropped":["logprobs"],"body":{}}`,
		"dialect.normalise_response.out.json": `{"error":{"message":"…","type":"…","param":null,"code":"…"},"status":429,"retry_after_ms":1500}`,
		"client.accept_request.out.json":      `{"body":{}}`,
		"client.render_response.out.json":     `{"status":200,"headers":{"x":"y"},"body":{}}`,
		"line.json":                           `{"error":{"message":"x"}}`,
		"manifest.json":                       `{"name":"cheapest","version":"0.1.0","description":"…","kind":"router","stage":"policy","grants":["kv"],"hook":"route_flat","reads":["tags","session","last_user_text","messages","class"],"tests":[{"hook":"init"}]}`,
	} {
		schemaFile(t, name).check(t, name, []byte(doc), true)
	}
}

func eventLines(h hook.Hook, out []byte) [][]byte {
	if h != hook.NormalizeEvent || len(out) == 0 {
		return nil
	}
	lines, _ := linesOf(strings.TrimPrefix(h.String(), hook.ExportPrefix), out)
	return lines
}

func TestTheSchemasRefuseWhatTheHostRefuses(t *testing.T) {
	for _, c := range []struct{ schema, doc string }{
		{"route.out.json", `{"ranking":[{"i":-1,"score":1}]}`},
		{"route.out.json", `{"ranking":[{"score":1}]}`},
		{"dialect.transform_request.out.json", `{"path":"//evil","body":{}}`},
		{"dialect.transform_request.out.json", `{"method":"DELETE","path":"/m","body":{}}`},
		{"client.render_response.out.json", `{"status":99,"body":{}}`},
		{"manifest.json", `{"kind":"filter"}`},
		{"manifest.json", `{"tests":[{"hook":"nope"}]}`},
		{"manifest.json", `{"hook":"normalise_event"}`},
		{"manifest.json", `{"reads":["keys"]}`},
		{"case.json", `{"hook":"route","expct":null}`},
		{"case.json", `{"hook":"route","input":{},"input_base64":""}`},
		{"case.json", `{"hook":"normalise_event","events":[["a"]]}`},
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(c.doc))
		if err != nil {
			t.Fatal(err)
		}
		if schemaFile(t, c.schema).Validate(v) == nil {
			t.Errorf("%s takes %s", c.schema, c.doc)
		}
	}
}

func TestConformanceCasesMatchTheirSchema(t *testing.T) {
	schema := schemaFile(t, "case.json")
	files, err := filepath.Glob(filepath.Join(schemaDir, "..", "conformance", "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var list []json.RawMessage
		if err := json.Unmarshal(data, &list); err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			schema.check(t, filepath.Base(f), c, true)
		}
	}
}

// TestTheCaseSchemaNamesEveryMember compares the schema with Parse.
func TestTheCaseSchemaNamesEveryMember(t *testing.T) {
	for member := range schemaFile(t, "case.json").members {
		if _, err := Parse("c", []byte(`{"hook":"init","`+member+`":null}`)); err != nil && strings.Contains(err.Error(), "no such member") {
			t.Errorf("the reader does not know %q", member)
		}
	}
	full := Case{Name: "n", Hook: "init", Config: json.RawMessage(`{}`), Grants: []string{"kv"}, KV: map[string]string{"a": "b"}, KVBase64: map[string][]byte{"a": {1}}, Now: 1, Seed: 1 << 60,
		Input: json.RawMessage(`""`), Expect: json.RawMessage(`null`), ExpectBase64: []byte{}, ExpectError: &ExpectedError{Code: 1, Message: "m", Fault: hook.Trapped}, ExpectKV: map[string]*string{"a": nil}, MaxFuel: 1}
	b, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	schemaFile(t, "case.json").check(t, "a full case", b, true)
}
