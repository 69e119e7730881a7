package server

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestTimeZoneIsOneForPolicyAndLimits asks for the date in two zones that never share
// one: the policy's clock and the windows of limits must both be in the configured zone.
func TestTimeZoneIsOneForPolicyAndLimits(t *testing.T) {
	for _, name := range []string{"Pacific/Kiritimati", "Pacific/Pago_Pago"} {
		dir := t.TempDir()
		write := func(file, text string) {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("p.rego", "package penstock\nwarnings contains input.time.date\n")
		write("penstock.yaml", "time_zone: "+name+"\npolicies: .\nmodels: {m: {targets: [demo/demo]}}\n")
		o := Options{Config: filepath.Join(dir, "penstock.yaml"), Getenv: testEnv(t), Stderr: io.Discard}
		c, err := o.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s, err := OpenDry(t.Context(), o, c)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(t.Context())
		checkZone(t, s, c)
	}
}

func checkZone(t *testing.T, s *Server, c *config.Config) {
	t.Helper()
	today := func() string { return time.Now().In(c.TimeZone.Location()).Format(time.DateOnly) }
	before := today()
	states, _, err := s.meter.Reserve("lease", []llm.Limit{{Name: "n", Scope: "s", Unit: llm.UnitRequests, Window: "day", Max: 5}}, llm.Exactly(llm.Amounts{Requests: 1}))
	if err != nil {
		t.Fatal(err)
	}
	record := s.explain(t.Context(), &llm.Request{ID: "x", Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Facts: llm.Facts{Model: "m", Choices: 1}, Received: time.Now()})
	if record.Decision == nil || len(record.Decision.Warnings) != 1 {
		t.Fatalf("record = %+v, want the policy's date as a warning", record)
	}
	window, date := states[0].WindowID, record.Decision.Warnings[0]
	if after := today(); before == after && (window != before || date != before) { // midnight may have passed
		t.Errorf("%s: window %s, policy %s, want %s for both", c.TimeZone, window, date, before)
	}
}
