package cases

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// probe loads an SDK's probe, a plugin that uses all that the SDK offers. Its penstock_route
// reads a list, or the values of an object, and writes them again as a list: texts, whole
// numbers and other numbers by way of their values. Its penstock_transform_request calls
// the host, its penstock_accept_request ranks.
func probe(t testing.TB, language string) *wasm.Module {
	t.Helper()
	return load(t, sdkModule(t, language, "probe"), func(s *wasm.Spec) {
		s.Grants = []string{hook.GrantClock, hook.GrantRandom, hook.GrantMetrics, hook.GrantKV}
	})
}

// again returns a JSON list that a probe has read and written.
func again(t testing.TB, m *wasm.Module, in []byte) []byte {
	t.Helper()
	out, _, err := m.Call(context.Background(), hook.Route, 1, in, nil)
	if err != nil || !json.Valid(out) {
		t.Fatalf("Call(%q) = %q, %v", in, out, err)
	}
	return out
}

// TestTheSDKsTurnAFlatAnswerIntoJSON: a probe's penstock_accept_request ranks by a list of
// scores and drops every second one.
func TestTheSDKsTurnAFlatAnswerIntoJSON(t *testing.T) {
	for _, language := range sdkLanguages {
		t.Run(language, func(t *testing.T) {
			m := probe(t, language)
			for in, want := range map[string]string{
				`[]`:              "",
				`[1]`:             `{"ranking":[{"i":0,"score":1}],"drop":[],"reason":"the \"odd\" ones are dropped"}`,
				`[1,7,2.5,7,2.5]`: `{"ranking":[{"i":2,"score":2.5},{"i":4,"score":2.5},{"i":0,"score":1}],"drop":[1,3],"reason":"the \"odd\" ones are dropped"}`,
				"[" + strings.Repeat("-1,", 1023) + "-1]": "",
			} {
				out, _, err := m.Call(context.Background(), hook.AcceptRequest, 1, []byte(in), nil)
				if err != nil || len(in) < 100 && string(out) != want {
					t.Fatalf("%.40s: %q, %v, want %q", in, out, err, want)
				}
				var b hook.RankingBuilder
				b.Reset(1024)
				if err := hook.ReadRanking(&b, out); len(out) > 0 && err != nil || len(in) > 100 && len(b.Ranking().Order) != 512 {
					t.Errorf("%.40s: the host reads %v of %.100q, %v", in, b.Ranking().Order, out, err)
				}
			}
		})
	}
}

func TestTheSDKsReadAndWriteNumbers(t *testing.T) {
	numbers := []string{"0", "-0", "0.1", "-1.5e-7", "9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
		"1e22", "1e23", "8.5e22", "123456789012345678901234567890", "0.30000000000000004", "1.7976931348623157e308", "2.2250738585072014e-308",
		"0." + strings.Repeat("0", 400) + "1e400", "1" + strings.Repeat("0", 400) + "e-400", "9007199254740993." + strings.Repeat("0", 900) + "1",
		"1e-400", "1E+2", "2.50", "-7", "6.02214076e23", "100000000000000000000000e-23", "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899"}
	for _, language := range sdkLanguages {
		t.Run(language, func(t *testing.T) {
			m := probe(t, language)
			for _, n := range numbers {
				sameNumber(t, m, n)
			}
		})
	}
}

// sameNumber checks that a probe reads a number as Go does and writes it so that Go reads
// the same, but for what the SDKs may round off.
func sameNumber(t testing.TB, m *wasm.Module, spelled string) {
	t.Helper()
	want, err := strconv.ParseFloat(spelled, 64)
	if err != nil {
		return // too large; what comes of that is another matter
	}
	out := again(t, m, []byte("["+spelled+"]"))
	if x := math.Abs(want); x > 1.79e308 && bytes.Equal(out, []byte("[null]")) {
		return // rounded up to infinity
	}
	got, err := strconv.ParseFloat(string(out[1:len(out)-1]), 64)
	if err != nil || !near(got, want) {
		t.Errorf("%s became %s, %v", spelled, out, err)
	}
	if x := math.Abs(want); x == math.Trunc(x) && x < 1<<53 && (bytes.ContainsAny(out, ".e") || got != want) && x != 0 {
		t.Errorf("%s became %s, want it exactly and without a dot", spelled, out)
	}
}

// near reports whether two numbers differ by no more than the SDKs may round: a few units in
// the last place, and nothing below the smallest normal number.
func near(x, y float64) bool {
	d := math.Abs(x - y)
	return d <= 1e-15*max(math.Abs(x), math.Abs(y)) || d < 1e-307
}

func TestTheSDKsReadAndWriteTexts(t *testing.T) {
	for _, language := range sdkLanguages {
		t.Run(language, func(t *testing.T) {
			m := probe(t, language)
			for _, in := range []string{`[]`, `[ ]`, `{}`, `{"x":1,"y":"\u0000"}`, `{ "y" : [ "]" , {} ] , "x" : "\"" }`,
				`["\ud83d\ude00","\ud83d","\ude00\ud83d","\ud83d\ud83d\ude00","\ud83dx","\u00e9é"]`,
				"[\"\xe2\x82\xac\",\"\xf0\x9f\x98\x80\",\"\x7f\"]",
				`["\"\\\/\b\f\n\r\t\u001f` + strings.Repeat("é", 200) + `",[1,"]"],{"a":[]},true,false,null]`,
				`[ [ 1 , [ ] ] , {"a":[{}], "b" : "}" } , 1 ,"" , "\\" ]`, `["` + strings.Repeat(`\\\"`, 3000) + `",1]`,
				strings.Repeat("[", 250) + `"x"` + strings.Repeat("]", 250)} {
				sameText(t, m, []byte(in))
			}
		})
	}
}

// sameText checks that a probe's result has the value of its input.
func sameText(t testing.TB, m *wasm.Module, in []byte) {
	t.Helper()
	out := again(t, m, in)
	want, err := valuesOf(in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := valuesOf(out)
	if err != nil || !slices.EqualFunc(want, got, same) {
		t.Errorf("%q became %q, %v", in, out, err)
	}
}

// same compares decoded JSON, numbers with near. cmp.Equal would take time that doubles with
// every level.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && near(a, b)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, same)
	}
	return a == b
}

// valuesOf decodes a list's items, or an object's values in their order.
func valuesOf(in []byte) ([]any, error) {
	d := json.NewDecoder(bytes.NewReader(in))
	first, err := d.Token()
	if err != nil {
		return nil, err
	}
	var values []any
	for d.More() {
		if first == json.Delim('{') {
			if _, err := d.Token(); err != nil {
				return nil, err
			}
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// FuzzSDKValues compares how the SDKs and Go read JSON. Go's own SDK has a fuzz target of its
// own.
func FuzzSDKValues(f *testing.F) {
	modules := map[string]*wasm.Module{}
	for _, language := range smallSDKs {
		modules[language] = probe(f, language)
	}
	f.Add([]byte(`["a\ud83d\ude00",1.5e-7,[{}],null]`), uint64(1))
	f.Add([]byte(`{"x":"\u0078","\u0078":2}`), math.Float64bits(0.3))
	f.Fuzz(func(t *testing.T, in []byte, bits uint64) {
		x := math.Float64frombits(bits)
		for _, m := range modules {
			if !math.IsNaN(x) && !math.IsInf(x, 0) {
				sameNumber(t, m, strconv.FormatFloat(x, 'g', -1, 64))
				sameNumber(t, m, strconv.FormatFloat(x, 'e', 30, 64))
			}
			var all any
			if !utf8.Valid(in) || json.Unmarshal(in, &all) != nil {
				answersToGarbage(t, m, hook.Route, in) // Go is stricter with numbers, too
			} else if in = bytes.TrimSpace(in); in[0] == '[' || in[0] == '{' {
				sameText(t, m, in)
			}
		}
	})
}

// answersToGarbage checks that a call with input that no host sends ends before its fuel does.
func answersToGarbage(t *testing.T, m *wasm.Module, h hook.Hook, in []byte) {
	t.Helper()
	_, _, err := m.Call(context.Background(), h, 1, in, nil)
	if f, ok := errors.AsType[*hook.Fault](err); ok && f.Kind == hook.OutOfFuel {
		t.Fatalf("Call(%q): %v", in, err)
	}
}

func TestTheSDKsCallTheHost(t *testing.T) {
	for _, language := range sdkLanguages {
		t.Run(language, func(t *testing.T) {
			m := probe(t, language)
			for _, want := range []string{" ", "first "} {
				out, _, err := m.Call(context.Background(), hook.TransformRequest, 1, []byte("first"), nil)
				now, cut := strings.CutPrefix(string(out), want)
				ms, bad := strconv.ParseInt(now, 10, 64)
				if err != nil || !cut || bad != nil || time.Since(time.UnixMilli(ms)).Abs() > time.Hour {
					t.Errorf("%q, %v, want %q and the time", out, err, want)
				}
			}
			if got := m.Stats().Metrics["calls"]; got != 2 {
				t.Errorf("the counter is %v, want 2", got)
			}
		})
	}
}
