package cases

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// These are the conformance suite's three plugins in plain Go, written from their description
// alone. The cases are run on them, so that a wrong case is not mistaken for five wrong SDKs.

// reference is a plugin in plain Go.
type reference func(config json.RawMessage, h hook.Hook, in []byte) ([]byte, error)

var references = map[string]reference{"cheapest": refCheapest, "house-style": refHouseStyle, "redact": refRedact}

func reject(code int, message string) error { return &hook.Rejection{Code: code, Message: message} }

// conformanceCases are the cases of one example plugin.
func conformanceCases(t testing.TB, plugin string) []Case {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "sdk", "conformance", plugin, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases for %s: %v", plugin, err)
	}
	var all []Case
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		cases, err := Parse(f, data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cases...)
	}
	return all
}

func TestTheReferencesPassTheConformanceCases(t *testing.T) {
	for plugin, ref := range references {
		t.Run(plugin, func(t *testing.T) {
			names := map[string]bool{}
			for _, c := range conformanceCases(t, plugin) {
				if names[c.Name] {
					t.Errorf("two cases are called %q", c.Name)
				}
				names[c.Name] = true
				if err := c.refer(ref); err != nil {
					t.Errorf("%s: %v", c.Name, err)
				}
			}
		})
	}
}

// refer runs a case against a reference.
func (c *Case) refer(ref reference) error {
	if c.Hook == hookInit {
		_, err := ref(settings(c), hook.Count, nil)
		return c.check(run{err: err})
	}
	r, err := c.play(hook.AllReads, func(h hook.Hook, in []byte) ([]byte, int64, error) {
		out, err := ref(settings(c), h, in)
		return out, 1, err
	})
	if err != nil {
		return err
	}
	return c.check(r)
}

// settings returns the settings of a case's plugin.
func settings(c *Case) json.RawMessage {
	if len(c.Config) == 0 {
		return json.RawMessage("{}")
	}
	return c.Config
}

// TestTheConformanceCasesFindDeviations: every case fails for a plugin that never has an
// opinion, unless it expects that.
func TestTheConformanceCasesFindDeviations(t *testing.T) {
	silent := func(json.RawMessage, hook.Hook, []byte) ([]byte, error) { return nil, nil }
	for plugin := range references {
		passed, all := 0, conformanceCases(t, plugin)
		for _, c := range all {
			if c.refer(silent) == nil {
				passed++
			}
		}
		if passed > len(all)/3 {
			t.Errorf("%s: a plugin that is silent passes %d of %d cases", plugin, passed, len(all))
		}
	}
}

type refCandidate struct {
	I       *float64 `json:"i"`
	In      *float64 `json:"price_in"`
	Out     *float64 `json:"price_out"`
	Healthy bool     `json:"healthy"`
}

type refEntry struct {
	I     uint32  `json:"i"`
	Score float64 `json:"score"`
}

func refCheapest(_ json.RawMessage, h hook.Hook, in []byte) ([]byte, error) {
	if h == hook.RouteFlat {
		return refCheapestFlat(in)
	}
	var e struct {
		Input      float64                    `json:"est_input_tokens"`
		Max        *float64                   `json:"max_tokens"`
		With       map[string]json.RawMessage `json:"with"`
		Candidates []refCandidate             `json:"candidates"`
	}
	if err := json.Unmarshal(in, &e); err != nil {
		return nil, reject(500, err.Error())
	}
	output, err := refOutput(string(e.With["output_tokens"]), e.Max)
	if err != nil {
		return nil, err
	}
	ranking := refRank(e.Candidates, e.Input, output)
	if len(ranking) == 0 {
		return nil, nil
	}
	return json.Marshal(map[string]any{"ranking": ranking, "drop": []int{}, "reason": "cheapest"})
}

func refOutput(setting string, bound *float64) (float64, error) {
	output := 500.0
	if setting != "" {
		v, err := strconv.ParseFloat(setting, 64)
		if err != nil || v < 0 {
			return 0, reject(400, "output_tokens must be a number that is not negative")
		}
		output = v
	}
	if bound != nil {
		output = min(output, *bound)
	}
	return output, nil
}

func refRank(c []refCandidate, input, output float64) []refEntry {
	var ranking []refEntry
	for _, x := range c {
		if x.Healthy && x.In != nil && x.Out != nil && x.I != nil && *x.I == float64(uint32(*x.I)) {
			ranking = append(ranking, refEntry{uint32(*x.I), -((input**x.In + output**x.Out) / 1e6)})
		}
	}
	slices.SortStableFunc(ranking, func(a, b refEntry) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return int(a.I) - int(b.I)
	})
	return ranking
}

// refSection reports whether the request's section lies in the input.
func refSection(in []byte, at uint64) bool {
	size := uint64(len(in))
	return at == 0 || at+4 <= size && at+4+uint64(binary.LittleEndian.Uint32(in[at:])) <= size
}

func refCheapestFlat(in []byte) ([]byte, error) {
	le := binary.LittleEndian
	if len(in) < 32 || le.Uint16(in) != 1 || le.Uint16(in[2:]) < 96 {
		return nil, reject(500, "header")
	}
	size, n := uint64(le.Uint16(in[2:])), uint64(le.Uint32(in[4:]))
	text, length := uint64(le.Uint32(in[20:])), uint64(le.Uint32(in[24:]))
	if 32+n*size > uint64(len(in)) || text+length > uint64(len(in)) || !refSection(in, uint64(le.Uint32(in[28:]))) {
		return nil, reject(500, "header")
	}
	setting := ""
	for line := range strings.SplitSeq(string(in[text:text+length]), "\n") {
		if v, ok := strings.CutPrefix(line, "output_tokens="); ok {
			if setting = v; v == "" {
				setting = "none"
			}
		}
	}
	bound := float64(le.Uint32(in[12:]))
	var max *float64
	if bound > 0 {
		max = &bound
	}
	output, err := refOutput(setting, max)
	if err != nil {
		return nil, err
	}
	var c []refCandidate
	for k := range n {
		r := in[32+k*size:]
		flags := le.Uint32(r[4:])
		i, pin, pout := float64(le.Uint32(r)), float64(int64(le.Uint64(r[8:]))), float64(int64(le.Uint64(r[16:])))
		c = append(c, refCandidate{I: &i, In: &pin, Out: &pout, Healthy: flags&3 == 3})
	}
	var out []byte
	for _, e := range refRank(c, float64(le.Uint32(in[8:])), output) {
		out = le.AppendUint32(le.AppendUint32(out, e.I), 0)
		out = le.AppendUint64(out, math.Float64bits(e.Score))
	}
	return out, nil
}
