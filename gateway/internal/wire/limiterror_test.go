package wire

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// admissionErrors are the errors by which admission refuses a request.
func admissionErrors() map[string]*llm.Error {
	day := llm.Limit{Name: "team day", Scope: "team:search", Unit: llm.UnitUSD, Window: "day", Max: 50 * int64(llm.USD)}
	usd := func(cents int64) int64 { return cents * int64(llm.USD) / 100 }
	midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	minute := llm.Limit{Name: "rate", Scope: "key:ab12cd34", Unit: llm.UnitInputTokens, Window: "1m", Max: 10_000}
	return map[string]*llm.Error{
		"used-up": {Code: llm.CodeBudget, Type: "insufficient_quota", Status: 429, Message: "team/search has used $49.98 of $50.00 today.", RetryAfter: 50_075 * time.Second, Retried: true,
			Exceeded: &llm.Exceeded{Limit: day, Why: llm.UsedUp, Spent: usd(4998), Reserved: usd(1), Requested: usd(12), ResetsAt: midnight, ResetsIn: 50_075 * time.Second}},
		"used-up-minute": {Code: llm.CodeRateLimited, Status: 429, Message: "key/ab12cd34 has used 9,950 of 10,000 input tokens this minute.", RetryAfter: 34_100 * time.Millisecond,
			Exceeded: &llm.Exceeded{Limit: minute, Why: llm.UsedUp, Spent: 9950, Requested: 100, ResetsAt: midnight, ResetsIn: 34_100 * time.Millisecond}},
		"held": {Code: llm.CodeRateLimited, Status: 429, Message: "Requests in flight hold it.", RetryAfter: time.Second,
			Exceeded: &llm.Exceeded{Limit: llm.Limit{Name: "at once", Scope: "user:ada", Unit: llm.UnitConcurrent, Max: 2}, Why: llm.Held, Reserved: 2, Requested: 1}},
		"too-small": {Code: llm.CodeBudget, Type: "insufficient_quota", Status: 403, Message: "It can never fit.", Retried: true,
			Exceeded: &llm.Exceeded{Limit: day, Why: llm.TooSmall, Requested: usd(6000), ResetsAt: midnight, ResetsIn: 50_075 * time.Second}},
		"denied":         {Code: "outside_hours", Status: 403, Message: "This model is not available at night.", Retried: true},
		"denied-for-now": {Code: "freeze", Status: 429, Message: "Come back later.", Retried: true, RetryAfter: time.Hour},
		"policy-error":   {Code: llm.CodePolicyFault, Status: 500, Message: "The admission policy could not decide on this request.", Retried: true},
	}
}

// TestRefusalsInEveryDialect compares what clients get with testdata/refusals.
func TestRefusalsInEveryDialect(t *testing.T) {
	paths := map[string]string{"chat": "/v1/chat/completions", "responses": "/v1/responses", "completions": "/v1/completions", "embeddings": "/v1/embeddings",
		"messages": "/v1/messages", "gemini": "/v1beta/models/m:generateContent"}
	for kind, e := range admissionErrors() {
		for dialect, path := range paths {
			c, ok := ClientAt(path, "req_1")
			if !ok {
				t.Fatalf("no client at %s", path)
			}
			r := c.Error(t.Context(), e)
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, r.Body, "", "  "); err != nil {
				t.Fatalf("%s, %s: %v in %s", kind, dialect, err, r.Body)
			}
			golden(t, filepath.Join("testdata", "refusals", kind+"."+dialect+".json"), fmt.Appendf(nil, "%d\n%s", r.Status, pretty.Bytes()))
		}
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
