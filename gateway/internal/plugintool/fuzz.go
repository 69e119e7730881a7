package plugintool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/cases"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// fuzzBatch is how many inputs are tried between two looks at the clock: loading the
// module is worth many of them.
const fuzzBatch = 64

// fuzzer calls a plugin with inputs that are almost like those of its cases.
type fuzzer struct {
	host    *wasm.Host
	tests   *Tests
	mutator *mutator
	rand    *rand.Rand
	tried   int
}

// Fuzz tries inputs that are almost like those of the cases until the time is over or one
// of them makes the plugin fail, which is then written as a case. It returns how many
// inputs it tried. The inputs depend on the seed alone.
func (r *Runner) Fuzz(ctx context.Context, t *Tests, d time.Duration, seed uint64) (tried int, err error) {
	f := &fuzzer{host: r.host, tests: t, mutator: newMutator(seed, corpus(t.cases)), rand: rand.New(rand.NewPCG(seed, 1))}
	for end := time.Now().Add(d); time.Now().Before(end); {
		c, err := f.round(ctx)
		if c != nil {
			return f.tried, f.report(c, err)
		}
		if err != nil {
			return f.tried, err
		}
	}
	return f.tried, nil
}

// corpus returns every input of the cases.
func corpus(list []cases.Case) [][]byte {
	all := [][]byte{[]byte("{}")}
	for _, c := range list {
		if len(c.Input) > 0 {
			all = append(all, c.Input)
		}
		for _, e := range c.Events {
			all = append(all, e.Data)
		}
	}
	return all
}

// round tries one batch. It returns the first case that the plugin fails, with what it
// did.
func (f *fuzzer) round(ctx context.Context) (*cases.Case, error) {
	batch := make([]cases.Case, fuzzBatch)
	for i := range batch {
		batch[i] = f.mutant()
	}
	// What is rejected is tried again as a case that expects it, so that nothing else can
	// hide behind it.
	for range 2 {
		trials, err := cases.Try(ctx, f.host, f.tests.spec, batch)
		if err != nil {
			return nil, err
		}
		var rejected []cases.Case
		for i, t := range trials {
			var r *hook.Rejection
			switch {
			case t.Err == nil || t.Fuel == 0: // without fuel it is no input that the gateway could make
			case errors.As(t.Err, &r) && batch[i].ExpectError == nil:
				batch[i].ExpectError = &cases.Failure{Code: r.Code, Message: r.Message}
				rejected = append(rejected, batch[i])
			default:
				return &batch[i], t.Err
			}
		}
		f.tried += len(trials) - len(rejected)
		if batch = rejected; len(batch) == 0 {
			break
		}
	}
	return nil, nil
}

// mutant is a case with another input and without expectations.
func (f *fuzzer) mutant() cases.Case {
	of := f.tests.cases[f.rand.IntN(len(f.tests.cases))]
	c := cases.Case{Name: "fuzz", Hook: of.Hook, Config: of.Config, Grants: of.Grants, KV: of.KV, Now: of.Now, Seed: of.Seed}
	switch {
	case of.Events != nil:
		c.Events = f.events(of)
	case of.InputBase64 != nil:
		c.InputBase64 = f.mutator.Mutate(of.InputBase64, false)
	case of.Input != nil && of.Input[0] != '"':
		c.Input = f.mutator.Mutate(of.Input, true) // the gateway's envelopes are always JSON
	default:
		c.Input = of.Input
	}
	return c
}

// events changes a stream: some events are lost, repeated or other than they were. The
// data of a provider's may be anything.
func (f *fuzzer) events(of cases.Case) []cases.Event {
	events := []cases.Event{}
	for i, e := range of.Events {
		own := strings.HasPrefix(e.Name, "penstock.") || of.Hook == "render_event" || e.Name == "chunk"
		switch f.rand.IntN(6) {
		case 0:
			if own {
				e.Data = f.mutator.Mutate(e.Data, true)
			} else {
				e.Data = jsonData(f.mutator.Mutate(e.Data, false))
			}
		case 1:
			if i > 0 && i < len(of.Events)-1 {
				continue
			}
		case 2:
			if i > 0 {
				events = append(events, e)
			}
		}
		events = append(events, e)
	}
	return events
}

// jsonData returns bytes as a case holds an event's data: JSON as it is, anything else as
// a JSON string.
func jsonData(b []byte) json.RawMessage {
	b = bytes.ToValidUTF8(b, []byte("\ufffd"))
	if json.Valid(b) {
		return b
	}
	quoted, err := json.Marshal(string(b))
	if err != nil {
		return nil
	}
	return quoted
}

// report writes the failing case beside the others.
func (f *fuzzer) report(c *cases.Case, why error) error {
	c.Name, c.ExpectError = "found by --fuzz", nil
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("write the case that fails (%w): %w", why, err)
	}
	sum := sha256.Sum256(raw)
	path := filepath.Join(f.tests.dir, "fuzz-"+hex.EncodeToString(sum[:4])+".json")
	if err := os.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the case that fails (%w): %w", why, err)
	}
	return hint.Add(fmt.Errorf("input %d: %w", f.tried+1, why), "it is kept as %s, which penstock plugin test runs from now on", path)
}
