package penstock

import (
	"bytes"
	"errors"
	"testing"
)

func TestCallReusesItsBuffers(t *testing.T) {
	echo := func(out, in []byte) ([]byte, error) { return append(out, in...), nil }
	ptr := Alloc(100)
	copy(input, "hello")
	first := Call(echo, ptr, 5)
	if first == 0 || uint32(first) != 5 || string(output[:5]) != "hello" {
		t.Fatalf("Call = %#x with output %q, want 5 bytes of hello", first, output)
	}
	if again := Alloc(50); again != ptr {
		t.Errorf("Alloc moved from %#x to %#x for a smaller input", ptr, again)
	}
	if n := testing.AllocsPerRun(100, func() { Call(echo, Alloc(80), 80) }); n > 0 {
		t.Errorf("Call allocates %v times", n)
	}
}

func TestCallWithoutResult(t *testing.T) {
	ptr := Alloc(8)
	for name, hook := range map[string]Hook{
		"no opinion": func(out, _ []byte) ([]byte, error) { return out, nil },
		"rejection":  func(out, _ []byte) ([]byte, error) { return out, Reject(400, "no ", "thanks") },
		"fault":      func(out, _ []byte) ([]byte, error) { return append(out, 1), errors.New("broken") },
	} {
		if got := Call(hook, ptr, 8); got != 0 {
			t.Errorf("%s: Call = %#x, want 0", name, got)
		}
	}
	called := func(out, _ []byte) ([]byte, error) { return append(out, 1), nil }
	if Call(called, ptr+8, 8) != 0 || Call(called, ptr, 1<<30) != 0 {
		t.Error("a hook was called with input from outside the region")
	}
}

func TestAllocIsBounded(t *testing.T) {
	if got := Alloc(MaxInput + 1); got != 0 {
		t.Errorf("Alloc over the bound = %#x, want 0", got)
	}
}

func TestReject(t *testing.T) {
	e := Reject(404, "no ", "such ", "thing")
	if e.Code != 404 || e.Error() != "no such thing" {
		t.Errorf("Reject = %+v", e)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00abcdef"))
	f.Add([]byte("\xff\xff\xff\xffabcdef"))
	f.Fuzz(func(t *testing.T, in []byte) {
		state, payload, ok := SplitFrame(in)
		if !ok {
			return
		}
		if again := append(AppendState(nil, state), payload...); !bytes.Equal(again, in) {
			t.Errorf("%q came back as %q", in, again)
		}
	})
}

func FuzzReadRoute(f *testing.F) {
	in := make([]byte, 32+96)
	in[0], in[2], in[4] = 1, 96, 1
	in[20], in[24] = 128, 0
	f.Add(append(in, "cost\nseed=1"...))
	in[28] = 128
	f.Add(append(in, "\x24\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00s\x02\x00\x00\x00\x01\x00\x00\x00a\x03\x00\x00\x00\x01\x00\x00\x00b\x04\x00\x00\x00\x01\x00\x00\x00t"...))
	f.Fuzz(func(t *testing.T, in []byte) {
		route, ok := ReadRoute(in)
		if !ok {
			return
		}
		for k := range route.Len {
			_, _ = *route.Target(k), *route.Figures(k)
		}
		_, _ = route.Setting("seed")
		_, _ = route.Tag("a")
		_, _, _ = route.Session(), route.LastUserText(), route.Class()
	})
}

func TestReadRouteRefuses(t *testing.T) {
	good := make([]byte, 32+96)
	good[0], good[2], good[4] = 1, 96, 1
	if _, ok := ReadRoute(good); !ok {
		t.Fatal("a good route was refused")
	}
	for name, spoil := range map[string]func([]byte){
		"version":       func(b []byte) { b[0] = 2 },
		"short records": func(b []byte) { b[2] = 88 },
		"odd records":   func(b []byte) { b[2] = 97 },
		"count":         func(b []byte) { b[4] = 2 },
		"huge count":    func(b []byte) { b[7] = 255 },
		"text":          func(b []byte) { b[20], b[24] = 120, 9 },
		"section":       func(b []byte) { b[28] = 129 },
		"cut section":   func(b []byte) { b[28] = 126 },
		"long section":  func(b []byte) { b[28], b[120] = 120, 5 },
	} {
		bad := bytes.Clone(good)
		spoil(bad)
		if _, ok := ReadRoute(bad); ok {
			t.Errorf("a route with a bad %s was taken", name)
		}
	}
}

func TestRouteTexts(t *testing.T) {
	in := make([]byte, 32+96)
	in[0], in[2], in[20], in[24], in[28] = 1, 96, 128, 0, 128
	entries := []byte{}
	for _, e := range []struct {
		kind byte
		text string
	}{{2, "a"}, {3, "one"}, {9, "later"}, {2, "b"}, {3, ""}, {1, "mine"}, {4, "why?"}, {4, "no more"}, {5, "hard"}, {3, "nobody's"}} {
		entries = append(AppendState(append(entries, e.kind, 0, 0, 0), nil), e.text...)
		entries[len(entries)-len(e.text)-4] = byte(len(e.text))
	}
	route, ok := ReadRoute(AppendState(in, entries))
	if !ok {
		t.Fatal("a good route was refused")
	}
	for name, want := range map[string]string{"a": "one", "b": "", "c": "–", "": "–", "one": "–"} {
		got, ok := route.Tag(name)
		if ok && string(got) != want || !ok && want != "–" {
			t.Errorf("Tag(%q) = %q, %v, want %q", name, got, ok, want)
		}
	}
	if s, u := string(route.Session()), string(route.LastUserText()); s != "mine" || u != "why?" {
		t.Errorf("session %q and last user text %q, want mine and why?", s, u)
	}
	if c := string(route.Class()); c != "hard" {
		t.Errorf("class %q, want hard", c)
	}
	cut := entries[:len(entries)-9]
	route, _ = ReadRoute(AppendState(in, cut)) // a cut entry ends the search
	if v, ok := route.Tag("none"); ok || string(route.Session()) != "mine" {
		t.Errorf("a cut section: %q, %v", v, ok)
	}
}
