package canonical

import (
	"encoding/json"
	"strings"
	"testing"
)

func FuzzValid(f *testing.F) {
	for _, text := range []string{
		`{"a":1,"b":[true,false,null,"x",-1.5e3],"c":{"d":{}},"e":[]}`, ` [ 1 , 2 ] `, `"x"`, `-0`, `01`, `1.`, `-`, `.5`, `1E+5`, `1e`, `1e-`, ``,
		`[1,]`, `[,1]`, `[1 2]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{a:1}`, `[1}`, `{"a":1]`, `nul`, `true1`, `"`, `"a`, `[] []`,
		`"\u00e9\ud83d\/\b\f\n\r\t\"\\"`, `"\u12g4"`, `"\x"`, `"\`, `"\u12`, "\"\x1f\"", "\"\x7f\xff\"", "[1\v]", `{"a" : 1 , "b":2}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if got, want := Valid(in), json.Valid(in); got != want && !(want && strings.Count(string(in), "[")+strings.Count(string(in), "{") > maxDepth) {
			t.Errorf("Valid(%q) = %v, want %v", in, got, want)
		}
	})
}

func TestDeepJSONIsNotValid(t *testing.T) {
	for depth, want := range map[int]bool{maxDepth - 1: true, maxDepth + 1: false, 1 << 20: false} {
		in := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		if got := Valid([]byte(in)); got != want {
			t.Errorf("%d levels: Valid = %v, want %v", depth, got, want)
		}
	}
}
