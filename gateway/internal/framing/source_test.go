package framing_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/framing"
)

// events reads a stream to its end, or to an error.
func events(k framing.Kind, r io.Reader, limit int) (data []string, partial bool, err error) {
	s := framing.Open(k, r, limit)
	defer s.Release()
	for {
		e, err := s.Next()
		if err == io.EOF {
			return data, partial, nil
		}
		if err != nil {
			return data, partial, err
		}
		if e.Data != nil {
			data = append(data, string(e.Data))
		}
		partial = e.Partial
	}
}

func TestSources(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 20_000) + `"}`
	tests := []struct {
		name    string
		kind    framing.Kind
		in      string
		want    []string
		partial bool
		err     error
	}{
		{"lines", framing.Lines, "{\"a\":1}\n{\"b\":2}\r\n\n{\"c\":3}\n", []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}, false, nil},
		{"the last line without its end", framing.Lines, "{\"a\":1}\n{\"b\"", []string{`{"a":1}`, `{"b"`}, true, nil},
		{"a long line", framing.Lines, long + "\n" + long + "\n", []string{long, long}, false, nil},
		{"no lines", framing.Lines, "", nil, false, nil},
		{"an array", framing.Array, "[{\"a\":\"]}\\\"\"}\n,\r\n{\"b\":[1,{}]} , [] ]", []string{`{"a":"]}\""}`, `{"b":[1,{}]}`, `[]`}, false, nil},
		{"an array of anything", framing.Array, ` [1, "two",null,true]`, []string{"1", `"two"`, "null", "true"}, false, nil},
		{"an empty array", framing.Array, "[]", nil, false, nil},
		{"a long element", framing.Array, "[" + long + "," + long + "]", []string{long, long}, false, nil},
		{"an array without its end", framing.Array, `[{"a":1},`, []string{`{"a":1}`}, false, io.ErrUnexpectedEOF},
		{"an element without its end", framing.Array, `[{"a":1},{"b"`, []string{`{"a":1}`, `{"b"`}, true, io.ErrUnexpectedEOF},
		{"no array", framing.Array, `{"a":1}`, nil, false, errors.New("stream is not a JSON array")},
		{"events", framing.SSE, "data: {\"a\":1}\n\ndata: {\"b\":2}\n\n", []string{`{"a":1}`, `{"b":2}`}, false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{"at once": strings.NewReader(tt.in), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.in)),
				"with its error": iotest.DataErrReader(strings.NewReader(tt.in))} {
				got, partial, err := events(tt.kind, r, 0)
				if diff := cmp.Diff(tt.want, got); diff != "" || partial != tt.partial {
					t.Errorf("%s: partial %t (-want +got):\n%s", name, partial, diff)
				}
				if (err == nil) != (tt.err == nil) || err != nil && err.Error() != tt.err.Error() {
					t.Errorf("%s: %v, want %v", name, err, tt.err)
				}
			}
		})
	}
}

func TestSourcesAreBounded(t *testing.T) {
	for _, k := range []framing.Kind{framing.SSE, framing.Lines, framing.Array} {
		in := map[framing.Kind]string{framing.SSE: "data: ", framing.Array: "[\""}[k] + strings.Repeat("x", 1<<20)
		if _, _, err := events(k, strings.NewReader(in), 1000); !errors.Is(err, framing.ErrTooLong) {
			t.Errorf("kind %d: %v, want ErrTooLong", k, err)
		}
	}
	want := errors.New("reset")
	for _, k := range []framing.Kind{framing.SSE, framing.Lines, framing.Array} {
		if _, _, err := events(k, iotest.ErrReader(want), 0); err != want {
			t.Errorf("kind %d: %v, want the source's error", k, err)
		}
	}
}

// FuzzArray holds the elements of an array against encoding/json.
func FuzzArray(f *testing.F) {
	for _, s := range []string{`[]`, `[{"a":"]"},[1,2],"x\"",-1.5e3,null]`, `[1 , 2]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		at, partial, err := events(framing.Array, strings.NewReader(in), 1<<16)
		by, partialBy, errBy := events(framing.Array, iotest.OneByteReader(strings.NewReader(in)), 1<<16)
		if diff := cmp.Diff(at, by); diff != "" || partial != partialBy || (err == nil) != (errBy == nil) {
			t.Errorf("%q byte by byte: %v, %v (-at once +byte by byte):\n%s", in, err, errBy, diff)
		}
		var want []json.RawMessage
		if json.Unmarshal([]byte(in), &want) != nil || want == nil {
			return
		}
		if len(want) != len(at) || err != nil {
			t.Fatalf("%q has %d elements, got %q, %v", in, len(want), at, err)
		}
		for i := range want {
			if strings.TrimSpace(at[i]) != string(want[i]) {
				t.Errorf("element %d of %q = %q, want %q", i, in, at[i], want[i])
			}
		}
	})
}
