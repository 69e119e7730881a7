package cases

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// check compares a run with what the case expects and reports all differences.
func (c *Case) check(r run) error {
	if r.err != nil || c.ExpectError != nil {
		return errors.Join(c.checkError(r.err), c.checkStore(r.store))
	}
	return errors.Join(c.checkResult(r), c.checkBytes(r), c.checkStore(r.store), c.checkFuel(r.fuel))
}

func (c *Case) checkError(err error) error {
	want := c.ExpectError
	if want == nil {
		return fmt.Errorf("want no error, got: %w", err)
	}
	var r *hook.Rejection
	var f *hook.Fault
	switch {
	case err == nil:
		return fmt.Errorf("want %s, got a result", want)
	case errors.As(err, &r) && want.Fault == "" && (want.Code == 0 || want.Code == r.Code) && strings.Contains(r.Message, want.Message):
		return nil
	case errors.As(err, &f) && want.Fault == f.Kind && strings.Contains(f.Detail, want.Message):
		return nil
	}
	return fmt.Errorf("want %s, got: %w", want, err)
}

// String describes the expected error.
func (f *ExpectedError) String() string {
	what := "a rejection"
	if f.Fault != "" {
		what = "the fault " + string(f.Fault)
	}
	if f.Code != 0 {
		what += fmt.Sprintf(" with %d", f.Code)
	}
	if f.Message != "" {
		what += fmt.Sprintf(" that says %q", f.Message)
	}
	return what
}

func (c *Case) checkResult(r run) error {
	if c.Expect == nil || c.Hook == hookInit {
		return nil
	}
	if c.Events != nil {
		return c.checkEvents(r.outs)
	}
	out, err := c.readable(r.outs[0])
	if err != nil {
		return err
	}
	return matches(c.Expect, out)
}

// readable returns a result in the form of the case's expectation: a flat one is converted to
// JSON, unless the input is not a routing envelope.
func (c *Case) readable(out []byte) ([]byte, error) {
	if h, _ := c.hook(); h != hook.RouteFlat {
		return out, nil
	}
	in, err := c.input()
	if err != nil {
		return nil, err
	}
	if n, ok := candidates(in); ok {
		return hook.FlatJSON(out, n)
	}
	return out, nil
}

func (c *Case) checkEvents(outs [][]byte) error {
	var entries []json.RawMessage
	if err := json.Unmarshal(c.Expect, &entries); err != nil {
		return fmt.Errorf("expect: %w", err)
	}
	var errs []error
	for i, out := range outs {
		if err := c.checkEvent(entries[i], c.Events[i], out); err != nil {
			errs = append(errs, fmt.Errorf("event %d (%s): %w", i+1, c.Events[i].Name, err))
		}
	}
	return errors.Join(errs...)
}

// checkEvent compares the lines of one event. Results with the same effect are equal: no
// opinion and the unchanged chunk, and for events without a chunk no opinion and no lines.
func (c *Case) checkEvent(want json.RawMessage, e Event, out []byte) error {
	lines, opinion := linesOf(c.Hook, out)
	data, err := payload(e.Data)
	if err != nil {
		return err
	}
	own := e.Name == hook.EventStart || e.Name == hook.EventEnd
	if string(want) == "null" {
		same := !opinion || own && len(lines) == 0 || len(lines) == 1 && bytes.Equal(lines[0], data)
		if !same {
			return fmt.Errorf("want no opinion, got %s", hook.Clip(linesJSON(lines)))
		}
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(want, &list); err != nil {
		return fmt.Errorf("expect: want a list of lines or null: %w", err)
	}
	if !opinion && !own {
		lines = [][]byte{data}
	}
	if len(lines) != len(list) {
		return fmt.Errorf("want %d lines, got %s", len(list), hook.Clip(linesJSON(lines)))
	}
	for i := range list {
		if err := matches(list[i], lines[i]); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return nil
}

// linesOf splits the result of an event hook into lines. One for a caller is not split, since
// its framing is part of it.
func linesOf(name string, out []byte) (lines [][]byte, opinion bool) {
	if len(out) == 0 {
		return nil, false
	}
	_, payload, err := hook.SplitFrame(out)
	switch {
	case err != nil || len(payload) == 0:
		return nil, true
	case hook.ExportPrefix+name == hook.RenderEvent.String():
		return [][]byte{payload}, true
	}
	for line := range bytes.SplitSeq(payload, []byte{'\n'}) {
		if len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines, true
}

func (c *Case) checkBytes(r run) error {
	if c.ExpectBase64 == nil || len(r.outs) == 0 {
		return nil
	}
	if got := bytes.Join(r.outs, nil); !bytes.Equal(c.ExpectBase64, got) {
		return fmt.Errorf("want the bytes %q, got %q (%s)", hook.Clip(c.ExpectBase64), hook.Clip(got), firstDifference(string(c.ExpectBase64), string(got)))
	}
	return nil
}

func (c *Case) checkStore(have map[string][]byte) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(c.ExpectKV)) {
		got, there := have[key]
		switch want := c.ExpectKV[key]; {
		case want == nil && there:
			errs = append(errs, fmt.Errorf("the store holds %q = %q, want no such entry", key, hook.Clip(got)))
		case want != nil && !there:
			errs = append(errs, fmt.Errorf("the store lacks %q, want %q", key, *want))
		case want != nil && *want != string(got):
			errs = append(errs, fmt.Errorf("the store holds %q = %q, want %q", key, hook.Clip(got), *want))
		}
	}
	return errors.Join(errs...)
}

func (c *Case) checkFuel(fuel int64) error {
	if c.MaxFuel > 0 && fuel > c.MaxFuel {
		return fmt.Errorf("it used %d instructions, want at most %d", fuel, c.MaxFuel)
	}
	return nil
}
