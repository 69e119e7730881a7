package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every setting either takes effect with a reload or is refused by it with its line.
func TestRestarts(t *testing.T) {
	running := parseText(t, "")
	for _, test := range []struct{ text, want string }{
		{"listen: 127.0.0.1:1", "penstock.yaml:1:9: listen"},
		{"admin: {listen: 127.0.0.1:1}", "penstock.yaml:1:17: admin.listen"},
		{"admin: {auth: key}", "penstock.yaml:1:15: admin.auth"},
		{"server:\n  max_body: 1MiB\n  grace: 1s", "penstock.yaml:3:10: server.grace"},
		{"server: {drain_delay: 7s}", "server.drain_delay: is 7s, but the running gateway keeps 1s"},
		{"cache: {size: 1MiB}", "penstock.yaml:1:15: cache.size: is 1MiB, but the running gateway keeps 256MiB"},
		{"server: {max_bodies: 33555KiB}", "server.max_bodies: is 33555KiB, but the running gateway keeps its default"},
		{"server: {queue: {wait: 3s}}", "penstock.yaml:1:24: server.queue.wait: is 3s, but the running gateway keeps 10s"},
		{"ledger: sqlite://other.db", "ledger.url"},
		{"ledger: {sync: full}", "ledger.sync"},
		{"tls: {auto: {domains: [ai.example.com]}}", "penstock.yaml:1:6: tls: is automatic, but the running gateway keeps off"},
		{"time_zone: Asia/Tokyo", "time_zone"},
		{"telemetry: {otlp: 'http://collector:4318'}", "telemetry.otlp: is http://collector:4318/v1/traces, but the running gateway keeps its default"},
		{"telemetry: {sample: 20%}", "penstock.yaml:1:21: telemetry.sample"},
		{"log: {format: json}", "log.format"},
		{"log: {access: off}", "log.access"},
		{"log: {level: debug}", ""},
		{"webhooks: [{url: 'http://127.0.0.1:1/', secret: env:ANTHROPIC_API_KEY}]", "webhooks"},
		{"decision_log: stderr", "decision_log.file: is stderr, but the running gateway keeps its default"},
		{"keys: off\nretention: 1h\non_ledger_failure: serve\nunpriced: allow", ""},
	} {
		got := ""
		if faults := parseText(t, test.text).Restarts(running); len(faults) > 0 {
			got = faults.Error()
		}
		if !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%q: Restarts = %q, want %q", test.text, got, test.want)
		}
	}
	live := " keys identity cors media providers models unpriced plugins endpoints policies catalog classifier retention on_ledger_failure retry_budget - "
	fixed := " listen tls admin server cache ledger state time_zone decision_log telemetry log webhooks "
	for i := range reflect.TypeFor[Config]().NumField() {
		f := reflect.TypeFor[Config]().Field(i)
		if name := " " + f.Tag.Get("yaml") + " "; f.IsExported() && !strings.Contains(live+fixed, name) {
			t.Errorf("does a reload apply%sor must Restarts name it? Say so here", name)
		}
	}
}

// TestEqual compares each section of a configuration with itself as it is read again, and as it is
// read when the secrets behind its references have changed.
func TestEqual(t *testing.T) {
	value := "a secret of more than sixteen bytes"
	parse := func() *Config {
		c, err := Parse("x.yaml", []byte(`
keys: off
providers: {p: {base_url: 'https://example.com/v1', api_key: env:K, headers: {x-secret: env:K}}}
models: {m: {targets: [p/m], classify: {url: 'https://example.com/label', api_key: env:K}}}
cache: {store: 'redis://127.0.0.1:6379', secret: env:K}
policies: {bundle: 'https://example.com/bundle.tar.gz', unsigned: true, headers: {x-secret: env:K}}
decision_log: {otlp: 'http://127.0.0.1:4318', headers: {x-secret: env:K}}
telemetry: {otlp: 'http://127.0.0.1:4318', headers: {x-secret: env:K}}
webhooks: [{url: 'http://127.0.0.1:1/', secret: env:K}]
`), func(string) string { return value })
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c, same := parse(), parse()
	value = "another secret of more than sixteen bytes"
	other := parse()
	var differ []string
	for i := range reflect.TypeFor[Config]().NumField() {
		f := reflect.TypeFor[Config]().Field(i)
		if !f.IsExported() {
			continue
		}
		field := func(c *Config) any { return reflect.ValueOf(c).Elem().Field(i).Interface() }
		if !Equal(field(c), field(same)) {
			t.Errorf("%s is not equal to itself", f.Name)
		}
		if !Equal(field(c), field(other)) {
			differ = append(differ, f.Name)
		}
	}
	want := []string{"Cache", "Providers", "Models", "Policies", "DecisionLog", "Telemetry", "Webhooks"}
	slices.Sort(differ)
	slices.Sort(want)
	if d := cmp.Diff(want, differ); d != "" {
		t.Errorf("with other secrets, these differ: %s", d)
	}
}

func TestProviderEqual(t *testing.T) {
	value := "a"
	parse := func() Provider {
		c, err := Parse("x.yaml", []byte("providers: {p: {base_url: 'https://example.com/v1', api_key: env:K, headers: {x-secret: env:K}}}"), func(string) string { return value })
		if err != nil {
			t.Fatal(err)
		}
		return c.Providers["p"]
	}
	p, same := parse(), parse()
	value = "b"
	if other := parse(); !Equal(p, same) || Equal(p, other) {
		t.Error("providers are equal when their settings and the secrets behind them are")
	}
}

// TestProviderEqualButKeys changes only one of several credentials.
func TestProviderEqualButKeys(t *testing.T) {
	parse := func(rest, second string) Provider {
		c, err := Parse("x.yaml", []byte("providers: {p: {base_url: 'https://example.com/v1', api_keys: [env:K, {key: env:K2, weight: 3}]"+rest+"}}"), func(name string) string {
			if name == "K2" {
				return second
			}
			return "first"
		})
		if err != nil {
			t.Fatal(err)
		}
		return c.Providers["p"]
	}
	p := parse("", "a")
	if q := parse("", "a"); !Equal(p, q) || !p.EqualButKeys(q) {
		t.Error("the same provider differs")
	}
	if same := parse("", "first").sameKeys(); len(same) != 1 || same[0] != "2" || p.sameKeys() != nil {
		t.Errorf("the same keys are %v", same)
	}
	if q := parse("", "b"); Equal(p, q) || !p.EqualButKeys(q) {
		t.Error("another key must be the only difference")
	}
	if q := parse(", region: eu", "a"); p.EqualButKeys(q) {
		t.Error("another region makes no difference")
	}
	if got := p.APIKeys; got[0].Name != "1" || got[0].Weight != 1 || got[1].Name != "2" || got[1].Weight != 3 || got[1].Key.Reveal() != "a" {
		t.Errorf("the credentials are %+v", got)
	}
}
