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

// batchSize is how many inputs are tried with one load of the module, which takes as long
// as many of them.
const batchSize = 64

// fuzzer calls a plugin with variations of the inputs of its cases.
type fuzzer struct {
	host    *wasm.Host
	tests   *Tests
	mutator *mutator
	rand    *rand.Rand
	tried   int
}

// Fuzz tries variations of the inputs of the cases for the given time, or until one makes
// the plugin fail. It writes that one as a case and returns the failure. The inputs depend
// only on the seed; tried is how many there were.
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

// round tries one batch. It returns the first case that makes the plugin fail, with the
// failure.
func (f *fuzzer) round(ctx context.Context) (*cases.Case, error) {
	batch := make([]cases.Case, batchSize)
	for i := range batch {
		batch[i] = f.mutant()
	}
	rejected, failing, err := f.try(ctx, batch)
	if failing != nil || err != nil || len(rejected) == 0 {
		return failing, err
	}
	// Inputs that are rejected are tried again as cases that expect it, so that the
	// rejection does not hide another failure.
	_, failing, err = f.try(ctx, rejected)
	return failing, err
}

// try runs a batch. It returns the cases that were rejected, each now expecting that, or
// the first one that failed with its failure.
func (f *fuzzer) try(ctx context.Context, batch []cases.Case) (rejected []cases.Case, failing *cases.Case, err error) {
	trials, err := cases.Run(ctx, f.host, f.tests.spec, batch)
	if err != nil {
		return nil, nil, err
	}
	for i, t := range trials {
		var r *hook.Rejection
		switch {
		case t.Err == nil || t.Fuel == 0: // without fuel the gateway could not make this input
		case errors.As(t.Err, &r) && batch[i].ExpectError == nil:
			batch[i].ExpectError = &cases.ExpectedError{Code: r.Code, Message: r.Message}
			rejected = append(rejected, batch[i])
		default:
			return nil, &batch[i], t.Err
		}
	}
	f.tried += len(trials) - len(rejected)
	return rejected, nil, nil
}

// mutant returns a case with a changed input and without expectations.
func (f *fuzzer) mutant() cases.Case {
	of := f.tests.cases[f.rand.IntN(len(f.tests.cases))]
	c := cases.Case{Name: "fuzz", Hook: of.Hook, Config: of.Config, Grants: of.Grants, KV: of.KV, Now: of.Now, Seed: of.Seed}
	switch {
	case of.Events != nil:
		c.Events = f.events(of)
	case of.InputBase64 != nil:
		c.InputBase64 = f.mutator.mutate(of.InputBase64, false)
	case of.Input != nil && of.Input[0] != '"':
		c.Input = f.mutator.mutate(of.Input, true) // the gateway always sends JSON
	default:
		c.Input = of.Input
	}
	return c
}

// events changes a stream: it drops, repeats or changes some events. The data of events
// that come from a provider may be anything, that of the gateway's own is JSON.
func (f *fuzzer) events(of cases.Case) []cases.Event {
	events := []cases.Event{}
	for i, e := range of.Events {
		own := strings.HasPrefix(e.Name, "penstock.") || of.Hook == "render_event" || e.Name == "chunk"
		switch f.rand.IntN(6) {
		case 0:
			if own {
				e.Data = f.mutator.mutate(e.Data, true)
			} else {
				e.Data = jsonData(f.mutator.mutate(e.Data, false))
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

// report writes the failing case beside the others, and returns the failure.
func (f *fuzzer) report(c *cases.Case, failure error) error {
	c.Name, c.ExpectError = "found by --fuzz", nil
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("write the case that fails (%w): %w", failure, err)
	}
	sum := sha256.Sum256(raw)
	path := filepath.Join(f.tests.dir, "fuzz-"+hex.EncodeToString(sum[:4])+".json")
	if err := os.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the case that fails (%w): %w", failure, err)
	}
	return hint.Add(fmt.Errorf("input %d: %w", f.tried+1, failure), "it is saved as %s, which penstock plugin test runs from now on", path)
}
