package module

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// probes are the SDKs' probes, built when first asked for.
var probes = map[string]func() ([]byte, error){"rust": builtProbe("rust", "rs"), "c": builtProbe("c", "c")}

func builtProbe(language, suffix string) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", "probe")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		wasm := filepath.Join(dir, "probe.wasm")
		c := exec.Command("make", "-s", "-f", "plugin.mk", "SRC=testdata/probe."+suffix, "OUT="+wasm)
		c.Dir = filepath.Join("..", "..", "..", "sdk", language)
		if msg, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, msg)
		}
		return os.ReadFile(wasm)
	})
}

// probe loads the probe of an SDK. The test is skipped if that SDK was not built.
func probe(t testing.TB, language string) *Module {
	t.Helper()
	sdkModule(t, language, "cheapest")
	wasm, err := probes[language]()
	if err != nil {
		t.Fatal(err)
	}
	return load(t, wasm, func(s *Spec) { s.Grants = []string{GrantClock, GrantRandom, GrantMetrics, GrantKV} })
}

// again is a JSON list, read and written by a probe.
func again(t testing.TB, m *Module, in []byte) []byte {
	t.Helper()
	out, _, err := m.Call(context.Background(), Route, 1, in, nil)
	if err != nil || !json.Valid(out) {
		t.Fatalf("Call(%q) = %q, %v", in, out, err)
	}
	return out
}

func TestTheSDKsReadAndWriteNumbers(t *testing.T) {
	numbers := []string{"0", "-0", "0.1", "-1.5e-7", "9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
		"1e22", "1e23", "8.5e22", "123456789012345678901234567890", "0.30000000000000004", "1.7976931348623157e308", "2.2250738585072014e-308",
		"2.2250738585072011e-308", "5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400", "4.9406564584124654e-324",
		"0." + strings.Repeat("0", 400) + "1e400", "1" + strings.Repeat("0", 400) + "e-400", "9007199254740993." + strings.Repeat("0", 900) + "1",
		"6.02214076e23", "100000000000000000000000e-23", "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899"}
	for language := range probes {
		m := probe(t, language)
		for _, n := range numbers {
			sameNumber(t, m, language, n)
		}
	}
}

// sameNumber checks that a probe reads a number as Go does and writes it so that Go reads
// the same.
func sameNumber(t testing.TB, m *Module, language, spelled string) {
	t.Helper()
	want, err := strconv.ParseFloat(spelled, 64)
	if err != nil {
		return // too large; what comes of that is another matter
	}
	out := again(t, m, []byte("["+spelled+"]"))
	got, err := strconv.ParseFloat(string(out[1:len(out)-1]), 64)
	if err != nil || got != want {
		t.Errorf("%s: %s became %s, %v", language, spelled, out, err)
	}
	if x := math.Abs(want); x == math.Trunc(x) && x < 1<<53 && bytes.ContainsAny(out, ".e") && x != 0 {
		t.Errorf("%s: %s became %s, want it without a dot", language, spelled, out)
	}
}

func TestTheSDKsReadAndWriteTexts(t *testing.T) {
	for language := range probes {
		m := probe(t, language)
		for _, in := range []string{`[]`, `{}`, `{"x":1,"y":"\u0000"}`, `["\ud83d\ude00","\ud83d","\ude00\ud83d","\ud83d\ud83d\ude00","\ud83dx","\u00e9é"]`,
			"[\"\xff\",\"a\xe2\x82\",\"\xe2\x82\xac\",\"\xc0\x80\",\"\xed\xa0\x80\",\"\xf4\x90\x80\x80\",\"\xf0\x9f\x98\x80\"]",
			`["\"\\\/\b\f\n\r\t\u001f` + strings.Repeat("é", 200) + `",[1,"]"],{"a":[]},true,false,null]`} {
			sameText(t, m, language, []byte(in))
		}
	}
}

// sameText checks that a probe's answer means what its input did.
func sameText(t testing.TB, m *Module, language string, in []byte) {
	t.Helper()
	out := again(t, m, in)
	if in[bytes.IndexAny(in, "[{")] == '{' {
		return // its values without their names; that it is JSON is enough
	}
	var want, got any
	if err := json.Unmarshal(in, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &got); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%s: %q became %q, %v", language, in, out, err)
	}
}

// FuzzSDKValues holds what the SDKs make of JSON against what Go does.
func FuzzSDKValues(f *testing.F) {
	modules := map[string]*Module{}
	for language := range probes {
		modules[language] = probe(f, language)
	}
	f.Add([]byte(`["a\ud83d\ude00",1.5e-7,[{}],null]`), uint64(1))
	f.Add([]byte(`{"x":"\u0078","\u0078":2}`), math.Float64bits(0.3))
	f.Fuzz(func(t *testing.T, in []byte, bits uint64) {
		x := math.Float64frombits(bits)
		for language, m := range modules {
			if !math.IsNaN(x) && !math.IsInf(x, 0) {
				sameNumber(t, m, language, strconv.FormatFloat(x, 'g', -1, 64))
				sameNumber(t, m, language, strconv.FormatFloat(x, 'e', 30, 64))
			}
			var list any
			if err := json.Unmarshal(in, &list); err != nil || deep(in) {
				continue // FuzzCheapest sees to what is not valid, and Go is stricter with numbers
			}
			if in = bytes.TrimSpace(in); in[0] == '[' || in[0] == '{' {
				sameText(t, m, language, in)
			}
		}
	})
}

func TestTheSDKsCallTheHost(t *testing.T) {
	for language := range probes {
		m := probe(t, language)
		for _, want := range []string{" ", "first "} {
			out, _, err := m.Call(context.Background(), TransformRequest, 1, []byte("first"), nil)
			now, cut := strings.CutPrefix(string(out), want)
			ms, bad := strconv.ParseInt(now, 10, 64)
			if err != nil || !cut || bad != nil || time.Since(time.UnixMilli(ms)).Abs() > time.Hour {
				t.Errorf("%s: %q, %v, want %q and the time", language, out, err, want)
			}
		}
	}
}
