package plugintool

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValuesOf(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{`{"a":1,"b":["x\"y",null]}`, []string{`1`, `"x\"y"`, `null`, `["x\"y",null]`, `{"a":1,"b":["x\"y",null]}`}},
		{` "a" `, []string{`"a"`}},
		{`{"a" : {}}`, []string{`{}`, `{"a" : {}}`}},
		{`"open`, []string{`"open`}},
		{`]]`, nil},
		{``, nil},
	} {
		var got []string
		for _, s := range valuesOf([]byte(tt.in)) {
			got = append(got, tt.in[s.from:s.to])
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("valuesOf(%s) (-want +got):\n%s", tt.in, diff)
		}
	}
}

// TestMutantsOfOneSeed checks that one seed makes the same inputs again, and another seed
// other inputs.
func TestMutantsOfOneSeed(t *testing.T) {
	in := []byte(`{"v":1,"candidates":[{"i":0,"price_in":1.5,"healthy":true},{"i":1}],"with":{}}`)
	mutants := func(seed uint64, keepJSON bool) []string {
		m := newMutator(seed, [][]byte{in})
		var all []string
		for range 500 {
			all = append(all, string(m.mutate(in, keepJSON)))
		}
		return all
	}
	for _, stay := range []bool{true, false} {
		if diff := cmp.Diff(mutants(7, stay), mutants(7, stay)); diff != "" {
			t.Fatalf("one seed makes different inputs:\n%s", diff)
		}
		if cmp.Equal(mutants(7, stay), mutants(8, stay)) {
			t.Error("two seeds make the same inputs")
		}
	}
	different := map[string]bool{}
	for _, out := range mutants(7, true) {
		different[out] = true
		if !json.Valid([]byte(out)) {
			t.Fatalf("a variation that had to stay JSON is not: %s", out)
		}
	}
	if len(different) < 300 {
		t.Errorf("of 500 variations only %d differ", len(different))
	}
}

func FuzzMutate(f *testing.F) {
	f.Add(uint64(1), []byte(`{"a":[1,2,{"b":"c"}]}`))
	f.Add(uint64(2), []byte("\x04\x00\x00\x00abcdchunk\n{}"))
	f.Fuzz(func(t *testing.T, seed uint64, in []byte) {
		m := newMutator(seed, [][]byte{in})
		for range 10 {
			if got := len(m.mutate(in, false)); got > maxMutant {
				t.Errorf("mutate made %d bytes, more than the bound", got)
			}
			if out := m.mutate(in, true); json.Valid(in) && len(in) < maxMutant && !json.Valid(out) {
				t.Errorf("mutate(%s) = %s, which is not JSON", in, out)
			}
		}
	})
}
