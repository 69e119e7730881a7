package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse checks that no text makes Parse panic, and that every fault has a position in
// the text and can be printed.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/faults/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(full))
	f.Add(Example())
	for _, s := range []string{"", "\xff", "\x00", "&a *a", "a: &a [*a]", "<<: *a", "? a", "- - -", "!!x", "a: |\n", "\"\\x", "{[}", "---\n---\n", "%YAML 9", "\ufeffa: 1", "a:\r\n b: 1\r\n", "{a: [b:", "a: \r:"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("penstock.yaml", text, func(string) string { return "" })
		if (c == nil) != (err != nil) {
			t.Fatalf("Parse = %v, %v", c, err)
		}
		if c != nil {
			c.Match("openai/gpt-5")
			c.Warnings()
			return
		}
		var faults Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("the error is %T", err)
		}
		lines := len(newSource("", text).lines)
		for _, fault := range faults {
			if fault.Line < 1 || fault.Line > lines || fault.Col < 1 || fault.Message == "" {
				t.Errorf("the fault %+v is not in the text's %d lines", fault, lines)
			}
			if strings.Count(fault.snippet(), "\n") > 8 {
				t.Errorf("the snippet is\n%s", fault.snippet())
			}
		}
	})
}

// FuzzMask checks that masking keeps the length of a line, so that carets point to the
// right column.
func FuzzMask(f *testing.F) {
	f.Add("api_key: sk-123, dialect: openai")
	f.Add("https://a:b@c?key=d {token: 'x'}")
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.ToValidUTF8(line, "?")
		if got := mask(line); len([]rune(got)) != len([]rune(line)) {
			t.Errorf("mask(%q) = %q", line, got)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("penstock.yaml", []byte(full), getenv); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	c, err := Parse("penstock.yaml", []byte(full), getenv)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Match("openai/gpt-5-mini")
	}
}
