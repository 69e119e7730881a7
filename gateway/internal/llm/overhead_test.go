package llm_test

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestOverhead(t *testing.T) {
	r := llm.Record{Duration: 1000, Upstream: 500, Queued: 100, Attempts: []llm.Attempt{{}, {Wait: 200}, {Wait: 50}}, Classified: &llm.Classified{Duration: 30}}
	if got := r.Overhead(); got != 120 {
		t.Errorf("Overhead() = %d, want 120", got)
	}
	if got := (&llm.Record{Duration: 1, Upstream: 2}).Overhead(); got != 0 {
		t.Errorf("Overhead() of an attempt that went on after the reply = %d, want 0", got)
	}
}
