package penstock

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// build makes of a value what encoding/json makes of it.
func build(t *testing.T, v JSON) any {
	switch v.Kind() {
	case '{':
		object := map[string]any{}
		for key, member := range v.Members {
			object[string(key)] = build(t, member)
		}
		return object
	case '[':
		list := []any{}
		for item := range v.Items {
			list = append(list, build(t, item))
		}
		return list
	case '"':
		text, ok := v.Text(nil)
		if !ok {
			t.Errorf("%s is no text", v)
		}
		return string(text)
	case '0':
		x, ok := v.Number()
		if !ok {
			t.Errorf("%s is no number", v)
		}
		return x
	case 't', 'f':
		return v.Kind() == 't'
	case 'n':
		return nil
	}
	t.Errorf("%q has kind %q", v, v.Kind())
	return nil
}

var longExponent = regexp.MustCompile(`[eE][+-]?[0-9]{20}`)

// agree compares what this package and encoding/json make of in.
func agree(t *testing.T, in []byte) {
	if !json.Valid(in) || longExponent.Match(in) {
		return
	}
	var want any
	d := json.NewDecoder(bytes.NewReader(in))
	if !utf8.Valid(in) || d.Decode(&want) != nil { // a number beyond float64, and nothing else
		return
	}
	trimmed := JSON(bytes.Trim(in, " \t\r\n"))
	if diff := cmp.Diff(want, build(t, trimmed), cmp.Comparer(near)); diff != "" {
		t.Errorf("%q (-want +got):\n%s", in, diff)
	}
}

func near(x, y float64) bool {
	return x == y || math.Abs(x-y) <= 1e-15*max(math.Abs(x), math.Abs(y)) || math.Abs(x-y) < 1e-307
}

var texts = []string{
	`{"a":1,"b":[true,false,null,"x",-1.5e3],"c":{"d":{}},"e":[]}`, ` [ 1 , 2 ] `, `[]`, `{}`, `"x"`, `0`, `-0`, `01`, `1.`, `-`,
	`.5`, `1e5`, `1E+5`, `1e`, `1e-`, `12345678901234567890.125`, `0.1`, `1e308`, `1e-320`, `0e999`, `123456789012345678e-30`, `1.7976931348623157e308`,
	`[1,]`, `[,1]`, `[1 2]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{a:1}`, `[1}`, `{"a":1]`, `{"a":{"b":[1}}`, `nul`, `true1`, `"`, `"a`,
	`"\u00e9\ud83d\ude00\ud83d\u0041\ude00\n\/\b\f\r\t\"\\"`, `"\u12g4"`, `"\x"`, `"\`, `"\u12`, "\"\x00\"", "\"\x1f\"", "\"\x7f é 😀\"", "",
	`{"k\u0065y":1,"ключ":2,"long key with many letters":3}`, `{"a" : 1 , "b":"}]{[","c":"\"}"}`, `[[[[[]]]],[[]]]`, `{"a":1,"a":2}`,
	`["yYyY_{","[","]"]`, `[y]`, `{_}`, "[\x7f", "\t[\r\n1,\n2\t]\n", `[123456789,1234567890123456,12345678]`, `"` + strings.Repeat("x", 100) + `\n` + strings.Repeat("y", 7) + `"`,
}

func TestJSONIsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	for _, text := range texts {
		agree(t, []byte(text))
		agree(t, append(make([]byte, 0, len(text)+64), text...)) // with memory behind it
		agree(t, []byte(text)[:len(text):len(text)])             // and without any
	}
}

func FuzzJSON(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		agree(t, in)
		roam(JSON(in), 8)
	})
}

// roam looks at everything in a value that may be garbage.
func roam(v JSON, depth int) {
	_, _ = v.Text(nil)
	_, _ = v.Number()
	_, _ = v.Whole()
	_ = v.Member("a", "b")
	for _, member := range v.Members {
		if depth > 0 {
			roam(member, depth-1)
		}
	}
	for item := range v.Items {
		if depth > 0 {
			roam(item, depth-1)
		}
	}
}

func TestMember(t *testing.T) {
	v := JSON(`{"a":{"b":{"c":"d"}},"\u0061":2,"n":null,"t":true}`)
	for path, want := range map[string]string{"a b c": `"d"`, "a": `{"b":{"c":"d"}}`, "a x": "", "x": "", "t t": "", "n": "null"} {
		if got := v.Member(strings.Fields(path)...); string(got) != want {
			t.Errorf("Member(%s) = %s, want %s", path, got, want)
		}
	}
	if d := v.Member("a", "b", "c"); v.Offset(d) != 15 {
		t.Errorf("Offset = %d, want 15", v.Offset(d))
	}
	if !v.Member("x").Null() || !v.Member("n").Null() || v.Member("t").Null() {
		t.Error("Null is wrong about what is not there, null or true")
	}
}

func TestWhole(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "-0": 0, "7": 7, "-12": -12, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64} {
		if got, ok := JSON(in).Whole(); got != want || !ok {
			t.Errorf("Whole(%s) = %d, %v, want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "-", "1.0", "1e3", `"1"`, "null", "9223372036854775808", "-9223372036854775809", "18446744073709551617", "99999999999999999999"} {
		if got, ok := JSON(in).Whole(); ok {
			t.Errorf("Whole(%s) = %d, want none", in, got)
		}
	}
}

func TestTextsAndNumbersComeBack(t *testing.T) {
	text := "plain ascii text, then \"quotes\" \\ and\n\r\t\x00\x1f\x7f é 😀 end of it all"
	for from := range len(text) {
		for to := from; to <= len(text); to++ {
			if !utf8.ValidString(text[from:to]) {
				continue // the host sends none
			}
			written := AppendText(nil, []byte(text[from:to]))
			var got string
			if err := json.Unmarshal(written, &got); err != nil {
				t.Fatalf("%s: %v", written, err)
			}
			read, ok := JSON(written).Text(nil)
			if want := text[from:to]; !ok || got != want || string(read) != want {
				t.Fatalf("%q became %q and %q, want %q", text[from:to], got, read, want)
			}
		}
	}
	for _, x := range []float64{0, 1, -1.5, 0.1, 1e21, 1e-7, 123456789.125} {
		if got, ok := JSON(AppendNumber(nil, x)).Number(); !ok || !near(got, x) {
			t.Errorf("%v came back as %v", x, got)
		}
	}
	if got := AppendNumber(AppendWhole(nil, math.MinInt64), math.NaN()); string(got) != "-9223372036854775808null" {
		t.Errorf("got %s", got)
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	in := `{"a":[{"b":"c","d":1.5,"e":[1,2]},{"b":"x"}],"z":null}`
	v := append(make(JSON, 0, len(in)+16), in...) // as the host's input has room behind it
	buf := make([]byte, 0, 64)
	n := testing.AllocsPerRun(100, func() {
		for item := range v.Member("a").Items {
			for key, member := range item.Members {
				if string(key) == "b" {
					buf, _ = member.Text(buf[:0])
				}
			}
		}
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}
