package jsontext_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// encodingDepth is how deep encoding/json nests.
const encodingDepth = 10_000

var faults = []struct{ name, in, want string }{
	{"empty", "", "not valid JSON: expected a value, found the end of the text at byte 0"},
	{"white space alone", " \n", "not valid JSON: expected a value, found the end of the text at byte 2"},
	{"two values", "1 2", `not valid JSON: expected the end of the text, found "2" at byte 2`},
	{"NUL", "\x00", "not valid JSON: expected a value, found U+0000 at byte 0"},
	{"byte order mark", "\ufeff1", "not valid JSON: expected a value, found U+FEFF at byte 0"},
	{"bad byte", "\xff", "not valid JSON: expected a value, found the byte 0xff at byte 0"},
	{"no-break space", "1\u00a0", "not valid JSON: expected the end of the text, found U+00A0 at byte 1"},
	{"vertical tab", "\v1", "not valid JSON: expected a value, found U+000B at byte 0"},
	{"comment", "{/**/}", `not valid JSON: expected a member name in double quotes, found "/" at byte 1`},
	{"single quotes", "{'a':1}", `not valid JSON: expected a member name in double quotes, found "'" at byte 1`},
	{"no colon", `{"a" 1}`, `not valid JSON: expected ':' after the member name, found "1" at byte 5`},
	{"no value", `{"a":}`, `not valid JSON: expected a value, found "}" at byte 5`},
	{"no comma", `{"a":1 "b":2}`, `not valid JSON: expected ',' or '}', found "\"" at byte 7`},
	{"trailing comma", `{"a":1,}`, `not valid JSON: expected a member name in double quotes, found "}" at byte 7`},
	{"comma alone", `{,}`, `not valid JSON: expected a member name in double quotes, found "," at byte 1`},
	{"trailing comma in an array", `[1,]`, `not valid JSON: expected a value, found "]" at byte 3`},
	{"comma first", `[,1]`, `not valid JSON: expected a value, found "," at byte 1`},
	{"other bracket", `[1}`, `not valid JSON: expected ',' or ']', found "}" at byte 2`},
	{"open array", `[1`, "not valid JSON: expected ',' or ']', found the end of the text at byte 2"},
	{"open object", `{`, "not valid JSON: expected a member name in double quotes, found the end of the text at byte 1"},
	{"closing bracket alone", `]`, `not valid JSON: expected a value, found "]" at byte 0`},
	{"cut word", `[tru]`, `not valid JSON: expected true, false or null, found "t" at byte 1`},
	{"long word", `nulls`, `not valid JSON: expected the end of the text, found "s" at byte 4`},
	{"word in capitals", `True`, `not valid JSON: expected a value, found "T" at byte 0`},
	{"minus alone", `-`, "not valid JSON: expected a digit, found the end of the text at byte 1"},
	{"plus", `+1`, `not valid JSON: expected a value, found "+" at byte 0`},
	{"leading zero", `01`, `not valid JSON: expected the end of the text, found "1" at byte 1`},
	{"leading point", `.5`, `not valid JSON: expected a value, found "." at byte 0`},
	{"trailing point", `[1. 5]`, `not valid JSON: expected a digit after the decimal point, found " " at byte 3`},
	{"empty exponent", `1e+`, "not valid JSON: expected a digit in the exponent, found the end of the text at byte 3"},
	{"hexadecimal", `0x1`, `not valid JSON: expected the end of the text, found "x" at byte 1`},
	{"NaN", `NaN`, `not valid JSON: expected a value, found "N" at byte 0`},
	{"open string", `["abc`, "not valid JSON: the string that starts here has no closing quote at byte 1"},
	{"string open after a backslash", `"abc\`, "not valid JSON: the string that starts here has no closing quote at byte 0"},
	{"line feed in a string", "\"a\nb\"", `not valid JSON: a string holds a control character, which must be written as an escape such as \n at byte 2`},
	{"control character far into a string", `"0123456789` + "\x1f" + `"`, `not valid JSON: a string holds a control character, which must be written as an escape such as \n at byte 11`},
	{"unknown escape", `"a\q"`, `not valid JSON: a backslash must be followed by one of " \ / b f n r t u at byte 2`},
	{"short escape", `"\u12"`, `not valid JSON: \u must be followed by four hexadecimal digits at byte 1`},
	{"escape in capitals", `"\U0041"`, `not valid JSON: a backslash must be followed by one of " \ / b f n r t u at byte 1`},
	{"bad byte in a string", "\"abc\xff\"", "not valid JSON: a string is not valid UTF-8 at byte 4"},
	{"bad byte in a name", "{\"\xff\":1}", "not valid JSON: a string is not valid UTF-8 at byte 2"},
	{"overlong", "\"\xc0\xaf\"", "not valid JSON: a string is not valid UTF-8 at byte 1"},
	{"surrogate in UTF-8", "\"\xed\xa0\x80\"", "not valid JSON: a string is not valid UTF-8 at byte 1"},
	{"bad byte before a control character", "\"\xe2\x82\n\"", "not valid JSON: a string is not valid UTF-8 at byte 1"},
	{"bad byte before a bad escape", "\"é\xe2\\q\"", "not valid JSON: a string is not valid UTF-8 at byte 3"},
	{"bad byte in an open string", "\"aé\xe2", "not valid JSON: a string is not valid UTF-8 at byte 4"},
	{"bad byte before a backslash at the end", "\"\xe2\\", "not valid JSON: a string is not valid UTF-8 at byte 1"},
	{"high half", `"a\ud800"`, "not valid JSON: escaped surrogates must come in pairs at byte 2"},
	{"low half", `"\udc00a"`, "not valid JSON: escaped surrogates must come in pairs at byte 1"},
	{"high half before a letter", `"\ud800\u0041"`, "not valid JSON: escaped surrogates must come in pairs at byte 1"},
	{"wrong order", `"\udc00\ud800"`, "not valid JSON: escaped surrogates must come in pairs at byte 1"},
}

func TestFaults(t *testing.T) {
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			err := jsontext.Validate([]byte(tt.in), 8, jsontext.UTF8|jsontext.Pairs)
			if err == nil || err.Error() != tt.want {
				t.Errorf("Validate(%q) =\n%v, want\n%s", tt.in, err, tt.want)
			}
		})
	}
}

// TestChecks holds what passes without a check.
func TestChecks(t *testing.T) {
	for _, tt := range []struct {
		in     string
		passes jsontext.Check // all that may be demanded
	}{
		{`"é\u00e9\ud83d\ude00"`, jsontext.UTF8 | jsontext.Pairs},
		{`"\ufffd"`, jsontext.UTF8 | jsontext.Pairs},
		{`"\ud83d"`, jsontext.UTF8},
		{"\"\xff\"", jsontext.Pairs},
		{"\"\xff\\ud83d\"", jsontext.Grammar},
	} {
		for c := range jsontext.Check(4) {
			err := jsontext.Validate([]byte(tt.in), 0, c)
			if want := c&^tt.passes == 0; (err == nil) != want {
				t.Errorf("Validate(%q, %b) = %v, want valid %t", tt.in, c, err, want)
			}
		}
	}
}

func TestDepth(t *testing.T) {
	nested := func(n int) []byte {
		return []byte(strings.Repeat(`[{"a":`, n/2) + "0" + strings.Repeat("}]", n/2))
	}
	if err := jsontext.Validate(nested(128), 128, jsontext.Grammar); err != nil {
		t.Error(err)
	}
	if err := jsontext.Validate([]byte("[[],{},[[]]]"), 3, jsontext.Grammar); err != nil {
		t.Errorf("a depth counts what is closed: %v", err)
	}
	for _, in := range [][]byte{nested(130), bytes.Repeat([]byte("["), 10_000_000)} {
		err := jsontext.Validate(in, 128, jsontext.Grammar)
		if err == nil || !strings.HasPrefix(err.Error(), "nested more than 128 levels deep at byte ") {
			t.Errorf("%v, want a fault", err)
		}
	}
}

func TestFirstFaultEndsTheScan(t *testing.T) {
	errOurs := errors.New("ours")
	s := jsontext.New([]byte(`{"a":[1,2],"b":3}`), 8, jsontext.Grammar)
	if !s.Open('{') || !s.More('}') || !s.Name().Is("a") || !s.Open('[') {
		t.Fatal(s.Err())
	}
	s.Stop(nil)
	if !s.OK() {
		t.Fatalf("Stop(nil) ended the scan: %v", s.Err())
	}
	s.Stop(errOurs)
	s.Expected("something else")
	if s.OK() || s.Peek() != 0 || s.Open('{') || s.More(']') || s.More('}') || s.Name().Raw != nil || s.Text().Raw != nil || s.Raw() != nil {
		t.Error("the scan goes on after Stop")
	}
	s.Skip()
	s.Stop(errors.New("another"))
	if s.Err() != errOurs || s.End() != errOurs {
		t.Errorf("Err() = %v, End() = %v, want the first", s.Err(), s.End())
	}
}

// TestExpected holds that what is valid but of another kind is not called invalid.
func TestExpected(t *testing.T) {
	for in, want := range map[string]string{
		` [1]`:   `not the expected JSON: expected an object, found "[" at byte 1`,
		`-1`:     `not the expected JSON: expected an object, found "-" at byte 0`,
		`7`:      `not the expected JSON: expected an object, found "7" at byte 0`,
		`<html>`: `not valid JSON: expected an object, found "<" at byte 0`,
		``:       `not valid JSON: expected an object, found the end of the text at byte 0`,
	} {
		s := jsontext.New([]byte(in), 8, jsontext.Grammar)
		for range s.Members() {
			t.Errorf("%s has a member", in)
		}
		if err := s.End(); err == nil || err.Error() != want {
			t.Errorf("Members of %s: %v, want %s", in, err, want)
		}
	}
	s := jsontext.New([]byte(`{}`), 8, jsontext.Grammar)
	for range s.Elements() {
		t.Error("an object has an element")
	}
	if err := s.End(); err == nil || err.Error() != `not the expected JSON: expected an array, found "{" at byte 0` {
		t.Errorf("Elements of an object: %v", err)
	}
}

// TestCallersThatReadNothing holds that a caller's loop ends, also if it does not read.
func TestCallersThatReadNothing(t *testing.T) {
	s := jsontext.New([]byte(`[1,2]`), 8, jsontext.Grammar)
	n := 0
	for s.Open('['); s.More(']'); n++ {
	}
	if s.OK() || n != 1 {
		t.Errorf("%d rounds, %v", n, s.Err())
	}
}

func TestPos(t *testing.T) {
	in := ` { "a" : [ 1 , "x" ] } `
	s := jsontext.New([]byte(in), 8, jsontext.Grammar)
	s.Open('{')
	s.More('}')
	s.Name()
	s.Peek()
	start := s.Pos()
	raw := s.Raw()
	if got := in[start:s.Pos()]; got != `[ 1 , "x" ]` || string(raw) != got {
		t.Errorf("Raw() = %s at %q", raw, got)
	}
	if s.More('}') || s.End() != nil || s.Pos() != len(in) {
		t.Errorf("Pos() = %d at the end, %v", s.Pos(), s.Err())
	}
}

func TestScanningAllocatesNothing(t *testing.T) {
	in := []byte(`{"a":["text","\u00e9\n",-1.5e3,true,null],"b":{"é":"漢字"}}`)
	n := testing.AllocsPerRun(100, func() {
		if err := jsontext.Validate(in, 8, jsontext.UTF8|jsontext.Pairs); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// decode builds the value that encoding/json builds, numbers as json.Number.
func decode(s *jsontext.Scanner) any {
	switch s.Peek() {
	case '{':
		m := map[string]any{}
		for s.Open('{'); s.More('}'); {
			name := s.Name().String()
			m[name] = decode(s)
		}
		return m
	case '[':
		list := []any{}
		for s.Open('['); s.More(']'); {
			list = append(list, decode(s))
		}
		return list
	case '"':
		return s.Text().String()
	}
	switch raw := string(s.Raw()); raw {
	case "null":
		return nil
	case "true", "false":
		return raw == "true"
	default:
		return json.Number(raw)
	}
}

var (
	pairs = regexp.MustCompile(`\\u[dD][89abAB]..\\u[dD][c-fC-F]..`)
	half  = regexp.MustCompile(`\\u[dD][89a-fA-F]`)
)

// hasHalf reports whether a valid JSON text has half a surrogate pair.
func hasHalf(text []byte) bool {
	text = bytes.ReplaceAll(text, []byte(`\\`), []byte("__"))
	return half.Match(pairs.ReplaceAll(text, nil))
}

// FuzzScan holds the scanner against encoding/json: both accept the same texts, apart from
// what a Check demands, and read the same values.
func FuzzScan(f *testing.F) {
	for _, tt := range faults {
		f.Add([]byte(tt.in))
	}
	for _, in := range []string{`{"a":[1,-0.5E+3,"\u00e9\n\ud83d\ude00",true,false,null,{}],"b":{},"a":[]}`, ` "" `, `"\\ud800"`, "[0,-0,1e5,10]"} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		valid := json.Valid(in)
		for c, want := range map[jsontext.Check]bool{
			jsontext.Grammar:               valid,
			jsontext.UTF8:                  valid && utf8.Valid(in),
			jsontext.UTF8 | jsontext.Pairs: valid && utf8.Valid(in) && !hasHalf(in),
		} {
			err := jsontext.Validate(in, encodingDepth, c)
			var e *jsontext.Error
			if (err == nil) != want || err != nil && (!errors.As(err, &e) || e.Offset < 0 || e.Offset > len(in)) {
				t.Fatalf("Validate(%q, %b) = %v, want valid %t", in, c, err, want)
			}
		}
		s := jsontext.New(in, encodingDepth, jsontext.Grammar)
		got := decode(&s)
		if err := s.End(); (err == nil) != valid {
			t.Fatalf("decoding %q: %v, want valid %t", in, err, valid)
		}
		if !valid {
			return
		}
		var want any
		d := json.NewDecoder(bytes.NewReader(in))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q reads as %#v, want %#v", in, got, want)
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	for name, in := range map[string]string{
		"members": `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"choices":[{"index":0,"delta":{"content":"gateway "},"logprobs":null,"finish_reason":null}]}`,
		"ASCII":   `"` + strings.Repeat("I ordered a lamp last week. ", 1000) + `"`,
		"escapes": `"` + strings.Repeat(`line \"one\"\nline two\n`, 1000) + `"`,
		"Chinese": `"` + strings.Repeat("我上周订购了一盏灯。", 1000) + `"`,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			text := []byte(in)
			for b.Loop() {
				if err := jsontext.Validate(text, 8, jsontext.UTF8|jsontext.Pairs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
