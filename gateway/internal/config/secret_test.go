package config

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"text/template"

	"github.com/goccy/go-yaml"
)

const canary = "canary-7f3a91"

// hider keeps a secret in an unexported field, where fmt does not call its methods.
type hider struct{ inner Secret }

// TestSecretNeverShows prints a secret, and what holds it, in every way that a log, a
// dump or an encoder might.
func TestSecretNeverShows(t *testing.T) {
	s := newSecret("env:CANARY", canary)
	c := &Config{Providers: map[string]Provider{"p": {APIKey: s, Headers: map[string]Secret{"authorization": s}}}}
	for name, v := range map[string]any{"value": s, "pointer": &s, "config": c, "hidden": hider{s}, "hidden pointer": &hider{s},
		"slice": []Secret{s}, "map": map[string]Secret{"x": s}, "any": []any{s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t", "%10.3s"} {
			refuse(t, name+" "+verb, fmt.Sprintf(verb, v))
		}
		refuse(t, name+" error", fmt.Errorf("load: %v", v).Error())
		for _, h := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(h(&b)).With("with", v).Info("x", "v", v, slog.Group("g", "v", v))
			refuse(t, name+" slog", b.String())
		}
		encodings(t, name, v)
	}
	if s.Reveal() != canary || fmt.Sprint(s) != "env:CANARY" {
		t.Errorf("Reveal() = %q, String() = %q", s.Reveal(), s)
	}
}

func encodings(t *testing.T, name string, v any) {
	t.Helper()
	j, _ := json.Marshal(v)
	refuse(t, name+" json", string(j))
	y, _ := yaml.Marshal(v)
	refuse(t, name+" yaml", string(y))
	x, _ := xml.Marshal(v)
	refuse(t, name+" xml", string(x))
	var b bytes.Buffer
	_ = gob.NewEncoder(&b).Encode(v)
	_ = template.Must(template.New("").Parse("{{.}}{{printf `%#v` .}}")).Execute(&b, v)
	refuse(t, name+" gob and template", b.String())
	refuse(t, name+" reflection", dump(reflect.ValueOf(v), 0))
}

// dump walks a value as debuggers do, through unexported fields and pointers.
func dump(v reflect.Value, depth int) string {
	if depth > 10 {
		return ""
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return dump(v.Elem(), depth+1)
	case reflect.Struct:
		var s string
		for i := range v.NumField() {
			s += dump(v.Field(i), depth+1)
		}
		return s
	case reflect.Map:
		var s string
		for _, k := range v.MapKeys() {
			s += dump(v.MapIndex(k), depth+1)
		}
		return s
	case reflect.Slice:
		var s string
		for i := range v.Len() {
			s += dump(v.Index(i), depth+1)
		}
		return s
	case reflect.String:
		return v.String()
	}
	return ""
}

func refuse(t *testing.T, how, text string) {
	t.Helper()
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the secret: %s", how, text)
		}
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("key", "  "+canary+"\n")
	write("empty", "\n")
	write("lines", canary+"\nsecond")
	write("big", strings.Repeat("x", maxSecret+1))
	env := func(name string) string {
		return map[string]string{"GOOD": canary + "\n", "BAD": canary + "\x00"}[name]
	}
	for _, ref := range []string{"env:GOOD", "file:key", "file:" + filepath.Join(dir, "key")} {
		s, err := resolve(ref, dir, env, false)
		if err != nil || s.Reveal() != canary || s.String() != ref {
			t.Errorf("resolve(%q) = %q, %v", ref, s.Reveal(), err)
		}
	}
	for _, ref := range []string{"", "env:", "env:MISSING", "env:BAD", "env:9", "env:a-b", "file:", "file:missing", "file:empty",
		"file:lines", "file:big", "file:.", "file:/dev/zero", canary, "env: GOOD", "ENV:GOOD"} {
		s, err := resolve(ref, dir, env, false)
		if err == nil || !s.IsZero() {
			t.Errorf("resolve(%q) = %v, want an error", ref, s)
			continue
		}
		if strings.Contains(err.Error(), canary) {
			t.Errorf("resolve(%q) shows the secret: %v", ref, err)
		}
	}
}

func TestSecretEqual(t *testing.T) {
	a, b := newSecret("env:A", "x"), newSecret("env:B", "x")
	if !a.Equal(b) || a.Equal(newSecret("env:A", "y")) || a.Equal(Secret{}) || !(Secret{}).Equal(Secret{}) {
		t.Error("Equal compares something else than the values")
	}
}

func TestHeadersMayBePlain(t *testing.T) {
	c := parseText(t, `
providers:
  p:
    base_url: https://example.com
    headers: {X-Title: penstock, api-key: env:OPENAI_API_KEY}
`)
	h := c.Providers["p"].Headers
	if h["X-Title"].Reveal() != "penstock" || h["api-key"].Reveal() != "hidden-openai" || h["X-Title"].String() != "[redacted]" {
		t.Errorf("headers = %v", h)
	}
}
