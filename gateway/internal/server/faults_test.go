package server

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/upstream"
)

// faultPair is a format of callers with the dialect of the targets.
type faultPair struct{ client, dialect string }

var faultPairs = []faultPair{
	{"chat", "openai"}, {"chat", "anthropic"}, {"chat", "gemini"},
	{"responses", "openai-responses"}, {"responses", "openai"},
	{"messages", "anthropic"}, {"messages", "openai-responses"},
	{"generateContent", "gemini"}, {"generateContent", "openai"},
}

// translated reports whether the module translates between the two.
func (p faultPair) translated() bool {
	own := map[string]string{"chat": "openai", "responses": "openai-responses", "messages": "anthropic", "generateContent": "gemini"}
	return own[p.client] != p.dialect
}

// faultTimes are those of a run that nobody waits for; faultLimits are the limits of routes
// that fit them. No duration is asserted.
var faultTimes = llmtest.FaultTimes{RetryAfter: 20 * time.Millisecond, FirstToken: 2 * time.Second,
	Stall: 20 * time.Second, Tick: 50 * time.Millisecond}

const faultLimits = "first_token: 1s, idle: 1500ms, ping_idle: 2s, total: 8s"

// TestFaults has every fault of a provider meet callers of every format, streamed and
// plain, with another target and without. The caller gets the whole answer or one error of
// its format, and a cut answer never looks complete. The provider is not asked more often
// than it should be, and failed attempts cost nothing.
func TestFaults(t *testing.T) {
	clients := map[string]llmtest.Client{}
	for _, c := range llmtest.Clients() {
		clients[c.Name] = c
	}
	for _, pair := range faultPairs {
		t.Run(pair.client+" from "+pair.dialect, func(t *testing.T) {
			t.Parallel()
			m := newFaultMatrix(t, clients[pair.client], pair)
			for _, c := range m.ask(t) {
				t.Run(c.Model(), func(t *testing.T) {
					for _, problem := range c.Problems(m.up) {
						t.Error(problem)
					}
					if !t.Failed() {
						m.checkRecord(t, c)
					}
				})
			}
		})
	}
}

// faultMatrix is a gateway with one provider and one model for every case of a pair.
type faultMatrix struct {
	*testServer
	client llmtest.Client
	pair   faultPair
	up     *llmtest.FaultServer
	base   string
}

func newFaultMatrix(t *testing.T, client llmtest.Client, pair faultPair) *faultMatrix {
	t.Helper()
	up := llmtest.NewFaultServer(t, faultTimes)
	path := filepath.Join(t.TempDir(), "penstock.yaml")
	write(t, path, "keys: off\nserver: {max_reply: 1MiB}\nledger: sqlite://penstock.db\n"+llmtest.FaultConfig(up, pair.dialect, faultLimits))
	h := serveTest(t, path, func(s *Server) { // all targets but one fail, and most requests come at once
		s.retries = upstream.NewRetryBudget(upstream.RetryBudgetOptions{Burst: 10_000}, time.Now)
	})
	return &faultMatrix{h, client, pair, up, strings.TrimSuffix(h.URL, "/v1")}
}

// ask sends the requests of all cases. Those that mostly wait do so together.
func (m *faultMatrix) ask(t *testing.T) []*llmtest.FaultCase {
	t.Helper()
	cases := slices.DeleteFunc(llmtest.FaultCases(), func(c *llmtest.FaultCase) bool {
		return c.Large && m.pair.translated() // which takes long, and changes nothing about the connection
	})
	var wg sync.WaitGroup
	room := make(chan struct{}, 4)
	for _, c := range cases {
		if !c.Clock {
			room <- struct{}{}
		}
		wg.Go(func() {
			c.Ask(t.Context(), m.client, m.base)
			if !c.Clock {
				<-room
			}
		})
	}
	wg.Wait()
	return cases
}

// checkRecord checks what was booked: the answer once, and nothing for failed attempts.
func (m *faultMatrix) checkRecord(t *testing.T, c *llmtest.FaultCase) {
	t.Helper()
	r, err := m.ledger.Get(t.Context(), c.Seen.Header.Get("X-Penstock-Request-Id"))
	if err != nil {
		t.Fatal(err)
	}
	answer := llm.NanoUSD(llmtest.ModelTokens*1000 + llmtest.FaultTokens*2000)
	// The reply of one that broke off has begun, and when it was resumed there are two.
	broke := slices.Contains(c.Endings(), llmtest.EndInBand)
	switch c.Seen.Ending() {
	case llmtest.EndRefused:
		if !broke && (r.Cost != 0 || r.Usage.Output != 0) {
			t.Errorf("a refusal costs %v for %+v", r.Cost, r.Usage)
		}
	case llmtest.EndInBand:
		if r.Cost == 0 || r.Status < 400 {
			t.Errorf("a broken stream costs %v and has the status %d", r.Cost, r.Status)
		}
	case llmtest.EndWhole:
		if !broke && (r.Cost != answer || r.Usage.Output != llmtest.FaultTokens) || r.Cost < answer {
			t.Errorf("the answer costs %v for %+v, want %v", r.Cost, r.Usage, answer)
		}
		if served := c.Seen.Header.Get("X-Penstock-Target"); served != "" && r.Target != served && !broke {
			t.Errorf("the record names %s, the reply %s", r.Target, served)
		}
	}
	if c.Replaceable && c.Row == 16 && r.Target != "good/"+c.Other() {
		t.Errorf("served by %s, want the fallback", r.Target)
	}
}
