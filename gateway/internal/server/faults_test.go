package server

import (
	"fmt"
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
	{"chat", "openai"}, {"chat", "anthropic"}, {"chat", "gemini"}, {"chat", "openai-responses"},
	{"responses", "openai-responses"}, {"responses", "openai"}, {"responses", "anthropic"},
	{"messages", "anthropic"}, {"messages", "openai"}, {"messages", "gemini"},
	{"generateContent", "gemini"}, {"generateContent", "openai"},
}

// unserved are pairs that the gateway does not translate between. The test fails when it
// does: then the pair has to go from here.
var unserved = []faultPair{{"generateContent", "openai"}}

// faultTimes are those of a run that nobody waits for; faultLimits are the limits of routes
// that fit them. No duration is asserted.
var faultTimes = llmtest.FaultTimes{RetryAfter: 20 * time.Millisecond, FirstToken: 600 * time.Millisecond,
	Stall: 10 * time.Second, Tick: 50 * time.Millisecond}

const faultLimits = "first_token: 300ms, idle: 400ms, ping_idle: 600ms, total: 3s"

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
			m := newFaultMatrix(t, clients[pair.client], pair.dialect)
			if slices.Contains(unserved, pair) {
				m.checkUnserved(t)
				return
			}
			cells := m.ask(t)
			for _, c := range cells {
				t.Run(c.model(), func(t *testing.T) { m.check(t, c) })
			}
		})
	}
}

// faultCell is one fault for one kind of request.
type faultCell struct {
	llmtest.Fault
	fallback, stream bool
	// seen is what the caller saw, err why there was no reply at all.
	seen *llmtest.Seen
	err  error
}

// faultCells are all kinds of requests for all faults.
func faultCells() (cells []*faultCell) {
	for _, f := range llmtest.Faults() {
		for i := range 4 {
			cells = append(cells, &faultCell{Fault: f, fallback: i&1 == 1, stream: i&2 == 2})
		}
	}
	return cells
}

// model is the name of the model and of its target, whose counters are the cell's own.
func (c *faultCell) model() string {
	name := c.Name + map[bool]string{false: ".alone", true: ".fallback"}[c.fallback]
	return name + map[bool]string{false: "-plain", true: "-stream"}[c.stream]
}

// other is the model of the target that could take over.
func (c *faultCell) other() string {
	if c.NoPrefill {
		return "no-prefill." + c.model()
	}
	return "good." + c.model()
}

// endings are how the reply may end.
func (c *faultCell) endings() []string {
	ends := c.Alone
	if c.fallback {
		ends = c.Fault.Fallback
	}
	if c.stream {
		return strings.Split(ends.Stream, "|")
	}
	return strings.Split(ends.Plain, "|")
}

// faultMatrix is a gateway with one provider and one model for every cell of a pair.
type faultMatrix struct {
	*testServer
	client llmtest.Client
	up     *llmtest.FaultServer
	base   string
}

func newFaultMatrix(t *testing.T, client llmtest.Client, dialect string) *faultMatrix {
	t.Helper()
	up := llmtest.NewFaultServer(t, faultTimes)
	var providers, models strings.Builder
	provider := func(name string, f llmtest.Fault) {
		fmt.Fprintf(&providers, "  %s: {dialect: %s, base_url: %q, allow_private: true, api_key: env:TEST_KEY}\n", name, dialect, up.BaseURL(f, dialect))
	}
	provider("good", llmtest.Fault{})
	for _, c := range faultCells() {
		name, window := strings.ReplaceAll(c.model(), ".", "-"), 8192
		provider(name, c.Fault)
		fallback, limits := "", ""
		if c.fallback {
			fallback = fmt.Sprintf(", fallback: [{target: good/%s, context: 20000000, price: {input: 1, output: 2}}]", c.other())
		}
		if c.Clock {
			limits = ", timeout: {" + faultLimits + "}"
		}
		if c.Large {
			window = 10_000_000
		}
		fmt.Fprintf(&models, "  %s: {targets: [{target: %s/%s, context: %d, price: {input: 1, output: 2}}]%s%s, retries: {attempts: 3, backoff: 5ms..1s}}\n",
			c.model(), name, c.model(), window, fallback, limits)
	}
	path := filepath.Join(t.TempDir(), "penstock.yaml")
	write(t, path, "keys: off\nserver: {max_reply: 1MiB}\nproviders:\n"+providers.String()+"models:\n  healthy: {targets: [good/good]}\n"+models.String()+"ledger: sqlite://penstock.db\n")
	h := serveTest(t, path, func(s *Server) { // all targets but one fail, and most requests come at once
		s.retries = upstream.NewRetryBudget(upstream.RetryBudgetOptions{Burst: 10_000}, time.Now)
	})
	return &faultMatrix{h, client, up, strings.TrimSuffix(h.URL, "/v1")}
}

func (m *faultMatrix) checkUnserved(t *testing.T) {
	t.Helper()
	for _, stream := range []bool{false, true} {
		seen, err := m.client.Ask(t.Context(), m.base, "healthy", "hi", stream)
		if err != nil {
			t.Fatal(err)
		}
		if seen.Ending() != llmtest.EndRefused || seen.Status != 400 {
			t.Errorf("stream=%t: %d %s: the pair is served, so it has to go from the list of those that are not", stream, seen.Status, seen.Body)
		}
	}
}

// faultPrompt is what is asked; a large one is beyond the buffers of a connection.
func faultPrompt(large bool) string {
	if large {
		return strings.Repeat("word ", 4<<20/5)
	}
	return "hi"
}

// ask sends all kinds of requests for all faults.
func (m *faultMatrix) ask(t *testing.T) []*faultCell {
	t.Helper()
	cells := faultCells()
	var wg sync.WaitGroup
	room := make(chan struct{}, 8)
	for _, c := range cells {
		wait := !c.Clock // those that mostly wait do so together
		if wait {
			room <- struct{}{}
		}
		wg.Go(func() {
			c.seen, c.err = m.askOne(t, c)
			if wait {
				<-room
			}
		})
	}
	wg.Wait()
	return cells
}

// askOne sends one request. On a machine that is busy with something else the policy may
// not be decided in time; that request never gets as far as the provider, and is sent again.
func (m *faultMatrix) askOne(t *testing.T, c *faultCell) (seen *llmtest.Seen, err error) {
	for range 10 {
		seen, err = m.client.Ask(t.Context(), m.base, c.model(), faultPrompt(c.Large), c.stream)
		if err != nil || !strings.Contains(string(seen.Body), string(llm.CodePolicyFault)) && !strings.Contains(string(seen.Body), "admission policy") {
			break
		}
	}
	return seen, err
}

func (m *faultMatrix) check(t *testing.T, c *faultCell) {
	t.Helper()
	if c.err != nil {
		t.Fatalf("no reply: %v", c.err)
	}
	if end := c.seen.Ending(); !slices.Contains(c.endings(), end) {
		t.Fatalf("the reply is %s, want %s: %d …%s", end, strings.Join(c.endings(), " or "), c.seen.Status, c.seen.Body[max(len(c.seen.Body)-500, 0):])
	}
	m.checkCaller(t, c, c.seen)
	m.checkProvider(t, c)
	m.checkRecord(t, c, c.seen)
}

// checkCaller checks what the caller sees.
func (m *faultMatrix) checkCaller(t *testing.T, c *faultCell, seen *llmtest.Seen) {
	t.Helper()
	switch seen.Ending() {
	case llmtest.EndWhole:
		if seen.Text != llmtest.FaultText {
			t.Errorf("the text is %q, want that of the model", seen.Text)
		}
	case llmtest.EndRefused:
		if c.Status != 0 && seen.Status != c.Status && seen.Status != 200 || !strings.Contains(seen.Errors[0], c.Says) {
			t.Errorf("refused with %d %q, want %d with %q", seen.Status, seen.Errors[0], c.Status, c.Says)
		}
		if c.Status == 0 && c.Row != 19 && seen.Status != 200 && seen.Status < 500 && seen.Status != 429 {
			t.Errorf("refused with %d %q, though nothing is wrong with the request", seen.Status, seen.Errors[0])
		}
	case llmtest.EndInBand:
		if !strings.HasPrefix(llmtest.FaultText, seen.Text) && c.Name != "f18-events" || seen.Text == "" {
			t.Errorf("before its error the stream has %q, which is not the model's", seen.Text)
		}
	}
	if strings.Contains(fmt.Sprint(seen.Header), "stolen") || strings.Contains(string(seen.Body), "sk-canary") {
		t.Errorf("the caller sees a provider's cookie or the key: %v %s", seen.Header, seen.Body)
	}
}

// checkProvider checks what the provider sees.
func (m *faultMatrix) checkProvider(t *testing.T, c *faultCell) {
	t.Helper()
	asked, other := m.up.Attempts(c.model()), m.up.Attempts(c.other())
	if len(asked) > c.Attempts || len(asked) == 0 && c.Attempts > 0 {
		t.Errorf("the faulty target was asked %d times, want 1 to %d", len(asked), c.Attempts)
	}
	if len(other) > 2 || c.Stays && len(other) > 0 {
		t.Errorf("the fallback was asked %d times", len(other))
	}
	if gap := faultTimes.RetryAfter; c.Name == "f01-429-once" && len(asked) == 2 && asked[1].Sub(asked[0]) < gap {
		t.Errorf("asked again after %v, want %v or more, as the provider has said", asked[1].Sub(asked[0]), gap)
	}
	if misuse := m.up.Misuse(); len(misuse) > 0 {
		t.Errorf("the provider saw %v", misuse)
	}
}

// checkRecord checks what was booked: the answer once, and nothing for failed attempts.
func (m *faultMatrix) checkRecord(t *testing.T, c *faultCell, seen *llmtest.Seen) {
	t.Helper()
	r, err := m.ledger.Get(t.Context(), seen.Header.Get("X-Penstock-Request-Id"))
	if err != nil {
		t.Fatal(err)
	}
	answer := llm.NanoUSD(llmtest.ModelTokens*1000 + llmtest.FaultTokens*2000)
	switch seen.Ending() {
	case llmtest.EndRefused:
		begun := slices.Contains(c.endings(), llmtest.EndInBand) // the provider has sent some of it
		if !begun && (r.Cost != 0 || r.Usage.Output != 0) {
			t.Errorf("a refusal costs %v for %+v", r.Cost, r.Usage)
		}
	case llmtest.EndInBand:
		if r.Cost == 0 || r.Status < 400 {
			t.Errorf("a broken stream costs %v and has the status %d", r.Cost, r.Status)
		}
	case llmtest.EndWhole:
		resumed := slices.Contains(c.endings(), llmtest.EndInBand) // has the cost of both attempts
		if !resumed && (r.Cost != answer || r.Usage.Output != llmtest.FaultTokens) || r.Cost < answer {
			t.Errorf("the answer costs %v for %+v, want %v", r.Cost, r.Usage, answer)
		}
		if served := seen.Header.Get("X-Penstock-Target"); served != "" && r.Target != served && !resumed {
			t.Errorf("the record names %s, the reply %s", r.Target, served)
		}
	}
	if c.fallback && c.Row == 16 && r.Target != "good/"+c.other() {
		t.Errorf("served by %s, want the fallback", r.Target)
	}
}
