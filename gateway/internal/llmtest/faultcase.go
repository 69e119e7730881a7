package llmtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// FaultCase is one fault that one kind of request meets, and what came of it.
type FaultCase struct {
	Fault
	// Replaceable says that a healthy target could take over.
	Replaceable, Stream bool
	// Seen is what the caller saw, Err why there was no reply at all.
	Seen *Seen
	Err  error
}

// FaultCases returns all kinds of requests for all faults.
func FaultCases() (cases []*FaultCase) {
	for _, f := range Faults() {
		for i := range 4 {
			cases = append(cases, &FaultCase{Fault: f, Replaceable: i&1 == 1, Stream: i&2 == 2})
		}
	}
	return cases
}

// Model is the name of the gateway's model and of the faulty target, whose counters are
// the case's own.
func (c *FaultCase) Model() string {
	name := c.Name + map[bool]string{false: ".alone", true: ".fallback"}[c.Replaceable]
	return name + map[bool]string{false: "-plain", true: "-stream"}[c.Stream]
}

// Other is the model of the target that could take over.
func (c *FaultCase) Other() string {
	if c.NoPrefill {
		return "no-prefill." + c.Model()
	}
	return "good." + c.Model()
}

// Endings are how the reply may end.
func (c *FaultCase) Endings() []string {
	ends := c.Alone
	if c.Replaceable {
		ends = c.Fallback
	}
	if c.Stream {
		return strings.Split(ends.Stream, "|")
	}
	return strings.Split(ends.Plain, "|")
}

// FaultConfig is the configuration of a gateway with one provider and one model for every
// case, in targets of a dialect. limits are the timeouts of the cases in which the clock
// matters. The prices are 1 and 2 USD.
func FaultConfig(s *FaultServer, dialect, limits string) string {
	var providers, models strings.Builder
	provider := func(name string, f Fault) {
		fmt.Fprintf(&providers, "  %s: {dialect: %s, base_url: %q, allow_private: true, api_key: env:TEST_KEY}\n", name, dialect, s.BaseURL(f, dialect))
	}
	target := func(provider, model string, window int) string {
		return fmt.Sprintf("[{target: %s/%s, context: %d, price: {input: 1, output: 2}}]", provider, model, window)
	}
	provider("good", Fault{})
	for _, c := range FaultCases() {
		name, window, more := strings.ReplaceAll(c.Model(), ".", "-"), 8192, ""
		if c.Large {
			window = 10_000_000
		}
		if c.Replaceable {
			more = ", fallback: " + target("good", c.Other(), 2*window)
		}
		if c.Clock {
			more += ", timeout: {" + limits + "}"
		}
		provider(name, c.Fault)
		fmt.Fprintf(&models, "  %s: {targets: %s%s, retries: {attempts: 3, backoff: 5ms..5s}}\n", c.Model(), target(name, c.Model(), window), more)
	}
	return "providers:\n" + providers.String() + "models:\n  healthy: {targets: [good/good]}\n" + models.String()
}

// largePrompt is beyond the buffers of a connection, in bytes.
const largePrompt = 4 << 20

// Ask sends the request to a gateway at base. On a machine that is busy with something
// else the gateway may not decide its policy in time; such a request never gets as far as
// a provider, and is sent again.
func (c *FaultCase) Ask(ctx context.Context, client Client, base string) {
	prompt := "hi"
	if c.Large {
		prompt = strings.Repeat("word ", largePrompt/5)
	}
	for range 100 {
		c.Seen, c.Err = client.Ask(ctx, base, c.Model(), prompt, c.Stream)
		if c.Err != nil || !strings.Contains(string(c.Seen.Body), "The admission policy ") {
			return
		}
	}
}

// Problems compares what the caller and the provider saw with what is right.
func (c *FaultCase) Problems(s *FaultServer) (list []string) {
	if c.Err != nil {
		return []string{"no reply: " + c.Err.Error()}
	}
	if end := c.Seen.Ending(); !slices.Contains(c.Endings(), end) {
		tail := c.Seen.Body[max(len(c.Seen.Body)-500, 0):]
		return []string{fmt.Sprintf("the reply is %s, want %s: %d …%s", end, strings.Join(c.Endings(), " or "), c.Seen.Status, tail)}
	}
	return append(c.callersProblems(), c.providersProblems(s)...)
}

func (c *FaultCase) callersProblems() (list []string) {
	s := c.Seen
	switch s.Ending() {
	case EndWhole:
		if s.Text != FaultText {
			list = append(list, fmt.Sprintf("the text is %q, want that of the model", s.Text))
		}
	case EndRefused:
		begun := s.Status == 200 // by a comment, while the target was silent
		if c.Status != 0 && s.Status != c.Status && !begun || !strings.Contains(s.Errors[0], c.Says) {
			list = append(list, fmt.Sprintf("refused with %d %q, want %d with %q", s.Status, s.Errors[0], c.Status, c.Says))
		}
		if c.Status == 0 && c.Row != 19 && !begun && s.Status < 500 && s.Status != 429 {
			list = append(list, fmt.Sprintf("refused with %d %q, though nothing is wrong with the request", s.Status, s.Errors[0]))
		}
	case EndInBand:
		if !strings.HasPrefix(FaultText, s.Text) && c.Name != "f18-events" || s.Text == "" {
			list = append(list, fmt.Sprintf("before its error the stream has %q, which is not the model's", s.Text))
		}
	}
	if strings.Contains(fmt.Sprint(s.Header), "stolen") || strings.Contains(string(s.Body), "sk-canary") {
		list = append(list, fmt.Sprintf("the caller sees a provider's cookie or the key: %v %s", s.Header, s.Body))
	}
	return list
}

func (c *FaultCase) providersProblems(s *FaultServer) (list []string) {
	asked, other := len(s.Attempts(c.Model())), len(s.Attempts(c.Other()))
	if asked > c.Attempts || asked == 0 && c.Attempts > 0 {
		list = append(list, fmt.Sprintf("the faulty target was asked %d times, want 1 to %d", asked, c.Attempts))
	}
	if other > 2 || c.Stays && other > 0 {
		list = append(list, fmt.Sprintf("the fallback was asked %d times", other))
	}
	if gap, ok := c.Gap(s); ok && c.Name == "f01-429-once" && gap < s.times.RetryAfter {
		list = append(list, fmt.Sprintf("asked again after %v, though the provider has asked for %v", gap, s.times.RetryAfter))
	}
	return append(list, s.Misuse()...)
}

// Gap is the shortest time between two attempts at the faulty target, if there were two.
func (c *FaultCase) Gap(s *FaultServer) (shortest time.Duration, ok bool) {
	asked := s.Attempts(c.Model())
	for i := 1; i < len(asked); i++ {
		if gap := asked[i].Sub(asked[i-1]); !ok || gap < shortest {
			shortest, ok = gap, true
		}
	}
	return shortest, ok
}
