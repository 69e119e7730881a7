package config

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	raw, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("penstock.json", doc); err != nil {
		t.Fatal(err)
	}
	return compiler.MustCompile("penstock.json")
}

// accepts validates a text against the schema, as an editor does.
func accepts(t testing.TB, schema *jsonschema.Schema, text string) error {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(doc)
}

// TestSchemaAgreesWithLoad checks that the schema and Load accept the same texts.
func TestSchemaAgreesWithLoad(t *testing.T) {
	schema := compileSchema(t)
	both := map[string][]string{
		"good": {
			full, string(Example()), "{}", "providers:\nmodels:\n", "keys: off",
			"models: {m: {targets: [demo/demo]}}",
			"retention: 90d", "retention: 0s", "retention: {records: 30d, sums: 3y}", "retention: {sums: 0s}", "tls:", "tls: {auto: {domains: [ai.example.com], email: a@example.com, cache: c, directory: 'https://localhost:1/d', http: '0.0.0.0:80'}}",
			"ledger: sqlite://x.db", "ledger: {url: 'sqlite://x.db', sync: full}", "ledger: {sync: normal}",
			"models: {m: {targets: [{target: demo/demo, weight: 0.5, order: -1, context: 1, capabilities: []}]}}",
			"models: {m: {targets: [{target: demo/demo, price: {input: 0, output: 1.5, cache_write_1h: 2}}]}}",
			"models: {m: {targets: [{target: demo/demo, price: {input: 1, output: 2, image_output: 30, image: 0.01, tiers: {flex: {times: 0.5}, priority: {input: 2, output: 3}}}}]}}",
			"providers: {ollama: {probe: {every: 30s}}}", "providers: {ollama: {probe: {every: 1m, timeout: 2s, path: /health}}}", "providers: {ollama: {probe: {every: 1h, ask: completion}}}",
			"models: {m: {targets: [demo/demo], with: {a: {b: [1]}}, cache: {ttl: 7d}, timeout: {total: 1h30m, idle: .5s}}}",
			"models: {m: {targets: [demo/demo], cache: {ttl: 0}, retries:}}",
			"models: {m: {targets: [demo/demo], cache: {similar: off}}, n: {targets: [demo/demo], cache: {similar: shadow}}, o: {targets: [demo/demo], cache: {similar: on}}}",
			"models: {m: {targets: [demo/demo], cache: {ttl: 1h, similar: {mode: on, threshold: 1, embedder: lexical, max_chars: 200, sample: 0.05}}}}",
			"server: {prefix: /ai}", "server: {max_body: 1.5 MiB, max_requests: 10, grace: 0s}",
			"providers: {p: {base_url: https://example.com, headers: {X-A: b}, region: eu}}",
			"providers: {ollama: }", "providers: {ollama: {proxy: none}}", "providers: {ollama: {stream_usage: off, output_limit: max_tokens}}", "providers: {ollama: {proxy: 'http://10.0.0.1:3128'}}",
			"admin: {listen: 0.0.0.0:1, auth: key}",
			"server: {max_requests_per_caller: 3, queue: {size: 0, wait: 1s}}", "server: {queue: }",
			"models: {m: {targets: [demo/demo], cache: {ttl: 1h, coalesce: off, tool_calls: true, varied: true, pace: 50/s}}}", "models: {m: {targets: [{target: demo/demo, max_inflight: 1}]}}", "providers: {ollama: {max_inflight: 4}}",
			"server: {max_bodies: 64MiB, body_timeout: 30s}", "cors: {origins: ['https://a.example', 'http://localhost:3000', '*']}", "cors:",
			"media:", "media: {fetch: true, max_bytes: 5MiB, timeout: 3s, hosts: [a.example, '*.b.example', 'c.example:8443'], allow_private: [10.1.0.0/16, '::1/128']}",
			"plugins: {p: {file: config.go, grants: [log, kv, metrics, 'read:messages'], max_memory: 64MiB, fuel: 5, with: {x: 1}}}",
			"plugins: {pinned: false, trusted: ['MCowBQYDK2VwAyEAMCowBQYDK2VwAyEAMCowBQYDK2U='], p: {file: config.go, on_error: skip, record: true, isolate: call}}",
			"plugins: {p: {file: config.go, on_error: {route: fail, request: fail, response: skip, event: skip}}}",
		},
		"bad": {
			"retention: forever", "retention: {records: 1}", "retention: [90d]", "tls: true", "tls: {cert: 5, key: x}", "tls: {auto: {domains: ['*.example.com']}}", "tls: {auto: {domains: [localhost]}}", "admin: {tls: {auto: {domains: [a.example.com]}}}",
			"lisen: x", "keys: maybe", "keys: true", "listen: 1", "admin: {auth: none}", "state: redis://x", "ledger: postgres://x", "ledger: {sync: fsync}", "ledger: {path: x}", "ledger: [sqlite://x.db]", "ledger: {url: x.db}",
			"models: {m: {}}", "models: {m: {targets: []}}", "models: {m: {targets: demo/demo}}", "models: {m: {targets: [demo]}}",
			"models: {m: {targets: [{weight: 1}]}}", "models: {m: {targets: [{target: demo/demo, wieght: 1}]}}",
			"models: {m: {targets: [{target: demo/demo, quality: 2}]}}", "models: {m: {targets: [{target: demo/demo, weight: -1}]}}",
			"models: {m: {targets: [{target: demo/demo, price: {input: 1}}]}}", "models: {m: {targets: [{target: demo/demo, price: {input: '1', output: 2}}]}}",
			"models: {m: {targets: [{target: demo/demo, price: {input: 1, output: 2, tiers: {ultra: {times: 2}}}}]}}", "models: {m: {targets: [{target: demo/demo, price: {input: 1, output: 2, tiers: {flex: {times: 0}}}}]}}",
			"providers: {ollama: {probe: {every: soon}}}", "providers: {ollama: {probe: {every: 30s, ask: nicely}}}", "providers: {ollama: {probe: true}}",
			"models: {m: {targets: [{target: demo/demo, capabilities: [flying]}]}}", "models: {m: {targets: [{target: demo/demo, context: 0}]}}",
			"models: {m: {targets: [demo/demo], retries: {attempts: 7}}}", "models: {m: {targets: [demo/demo], retries: {backoff: 1s}}}",
			"models: {m: {targets: [demo/demo], timeout: {idle: 15}}}", "models: {m: {targets: [demo/demo], cache: {similar: maybe}}}",
			"models: {m: {targets: [demo/demo], cache: {similar: {threshold: 0.95}}}}", "models: {m: {targets: [demo/demo], cache: {similar: {mode: on, threshold: 0.8}}}}", "models: {m: {targets: [demo/demo], cache: {similar: {mode: on, max_chars: 0}}}}",
			"models: {m: {targets: [demo/demo], cache: {similar: {mode: on, sample: 2}}}}", "models: {m: {targets: [demo/demo], cache: {similar: [on]}}}",
			"models: {m: {targets: [demo/demo], cache: {ttl: 1h, coalesce: maybe}}}", "models: {m: {targets: [demo/demo], cache: {pace: 50}}}", "models: {m: {targets: [demo/demo], cache: {pace: 0/s}}}", "models: {m: {targets: [demo/demo], cache: {pace: 10001/s}}}", "models: {m: {targets: [demo/demo], cache: {ttl: 1h, varied: often}}}",
			"models: {m: {targets: [demo/demo], with: 5}}", "models: {m: {targets: [demo/demo], with:}}",
			"cors: {origins: '*'}", "cors: {origins: ['https://a.example/']}", "cors: {origins: ['https://*.example']}", "cors: {origins: [a.example]}",
			"cors: {origins: ['https://A.example']}", "cors: {origins: ['https://u@a.example']}", "cors: {origins: [null]}",
			"media: true", "media: {fetch: maybe}", "media: {hosts: a.example}", "media: {hosts: ['https://a.example']}", "media: {hosts: ['*']}", "media: {hosts: [A.example]}",
			"media: {max_bytes: 5}", "media: {allow_private: true}", "media: {allow_private: [10.1.2.3]}",
			"providers: {ollama: {stream_usage: sometimes}}", "providers: {ollama: {output_limit: 5}}",
			"server: {max_body: 32}", "server: {max_requests: 1.5}", "cache: {size: lots}", "server: {max_requests_per_caller: 0}", "server: {queue: {size: -1}}", "server: {queue: 5}",
			"models: {m: {targets: [{target: demo/demo, max_inflight: 0}]}}", "providers: {ollama: {max_inflight: -1}}",
			"providers: {p: {base_url: https://example.com, dialect: [klingon]}}", "providers: [p]", "providers: {openai: {api_key: [x]}}",
			"plugins: {p: {}}", "plugins: {p: {file: config.go, sha256: abc}}", "plugins: {p: {file: config.go, grants: [network]}}",
			"plugins: {p: {file: config.go, fuel: 0}}", "plugins: {p: {file: config.go, isolate: request}}", "plugins: {p: {file: config.go, on_error: shrug}}",
			"plugins: {p: {file: config.go, on_error: {reply: skip}}}", "plugins: {pinned: maybe}", "plugins: {trusted: [abc]}",
		},
	}
	for want, texts := range both {
		for _, text := range texts {
			_, loadErr := Parse("penstock.yaml", []byte(text), getenv)
			schemaErr := accepts(t, schema, text)
			if (loadErr == nil) != (want == "good") || (schemaErr == nil) != (want == "good") {
				t.Errorf("%s\nshould be %s; Load says %v, the schema says %v", text, want, loadErr, schemaErr)
			}
		}
	}
}

// TestSchemaExplainsEverySetting checks that every setting has a description, which
// editors show.
func TestSchemaExplainsEverySetting(t *testing.T) {
	raw, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	settings := 0
	walk(doc, func(name string, prop map[string]any) {
		settings++
		if text, _ := prop["description"].(string); len(text) < 10 || !strings.HasSuffix(text, ".") {
			t.Errorf("%s is described as %q", name, text)
		}
	})
	if settings < 50 {
		t.Errorf("the schema has %d settings only", settings)
	}
}

func walk(doc any, visit func(name string, prop map[string]any)) {
	switch x := doc.(type) {
	case map[string]any:
		if props, ok := x["properties"].(map[string]any); ok {
			for name, p := range props {
				visit(name, p.(map[string]any))
			}
		}
		for _, v := range x {
			walk(v, visit)
		}
	case []any:
		for _, v := range x {
			walk(v, visit)
		}
	}
}

func TestExampleLoads(t *testing.T) {
	none := func(string) string { return "" }
	c, err := Parse("penstock.yaml", Example(), none)
	if err != nil {
		t.Fatalf("the example:\n%v", err)
	}
	if c.Keys != KeysOptional || len(c.Models["smart"].Targets) != 1 || c.Models["demo"].Targets[0].Target != "demo/demo" {
		t.Errorf("the example gives %+v", c)
	}
}

// TestExampleUncommented loads the example with every commented-out setting enabled.
func TestExampleUncommented(t *testing.T) {
	lines := strings.Split(string(Example()), "\n")
	for i, line := range lines {
		trimmed := strings.TrimLeft(line, " ")
		code, isComment := strings.CutPrefix(trimmed, "# ")
		if isComment && looksLikeSetting(code) {
			lines[i] = line[:len(line)-len(trimmed)] + code
		}
	}
	text := strings.NewReplacer("<what sha256sum prints>", strings.Repeat("a", 64), "plugins/nightly.wasm", "config.go",
		"policies: ./policies", "policies: ./testdata", "file:/run/secrets/openrouter", "env:OPENAI_API_KEY").Replace(strings.Join(lines, "\n"))
	c, err := Parse("penstock.yaml", []byte(text), func(string) string { return "a canary of sixteen bytes or more" })
	if err != nil {
		t.Fatalf("the example without comments:\n%v\n%s", err, text)
	}
	if len(c.Providers) != 7 || len(c.Models) != 6 || len(c.Models["smart"].Targets) != 3 || len(c.Plugins.Own) != 1 {
		t.Errorf("without comments there are %d providers, %d models and %d plugins", len(c.Providers), len(c.Models), len(c.Plugins.Own))
	}
}

func looksLikeSetting(code string) bool {
	code = strings.TrimLeft(code, " ")
	if strings.HasPrefix(code, "- ") {
		return true
	}
	name, rest, ok := strings.Cut(code, ":")
	return ok && !strings.Contains(name, " ") && (rest == "" || rest[0] == ' ') && name != "yaml-language-server"
}
