package llm_test

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const traceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestParseTraceParent(t *testing.T) {
	for in, want := range map[string]bool{
		traceParent: true,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00":       true,
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later": true,
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01later":  false,
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":       false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more":  false,
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01":       false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01":       false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01":       false,
		"00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01":       false,
		"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01":       false,
		"":                        false,
		"00":                      false,
		strings.Repeat("0", 5000): false,
	} {
		if _, ok := llm.ParseTraceParent(in); ok != want {
			t.Errorf("ParseTraceParent(%.80q) = %v, want %v", in, ok, want)
		}
	}
	tr, _ := llm.ParseTraceParent(traceParent)
	if got := tr.TraceParent(tr.Parent); got != traceParent || !tr.Sampled {
		t.Errorf("printed as %s", got)
	}
}

func FuzzParseTraceParent(f *testing.F) {
	f.Add(traceParent)
	f.Fuzz(func(t *testing.T, in string) {
		if tr, ok := llm.ParseTraceParent(in); ok && tr.TraceParent(tr.Parent)[2:52] != in[2:52] {
			t.Errorf("%q is printed as %q", in, tr.TraceParent(tr.Parent))
		}
	})
}
