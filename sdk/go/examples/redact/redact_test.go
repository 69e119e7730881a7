package main

import (
	"strings"
	"testing"

	penstock "github.com/penstock/penstock/sdk/go"
)

func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"write to a.b+c@d-e.co.uk.":     "write to [redacted].",
		"a@b.cd,e@f.gh":                 "[redacted],[redacted]",
		"a@b, a@b.c, @b.cd, a@b.c1, a@": "a@b, a@b.c, @b.cd, a@b.c1, a@",
		"a@b@c.de":                      "a@[redacted]",
		"a@b.cd@e.fg":                   "[redacted]@e.fg",
		"ä@b.cd xä@b.cd":                "ä@b.cd xä@b.cd",
		"a@b.cd.-.":                     "[redacted].-.",
		"":                              "",
	} {
		if got := string(appendRedacted(nil, []byte(in))); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestNormaliseResponse(t *testing.T) {
	reply := func(a, b string) string {
		return `{"id":1.0, "choices":[{"message":{"content":` + a + `}},{"message":{"content":` + b + `}},{"message":{"content":null}}]}`
	}
	for in, want := range map[string]string{
		reply(`"to \u0061@b.cd\n"`, `"\u0041"`): reply(`"to [redacted]\n"`, `"\u0041"`),
		reply(`"\u0041"`, `"b"`):                "",
	} {
		got, err := new(redactor).normaliseResponse(nil, []byte(`{"v":1,"body":`+in+`}`))
		if err != nil || string(got) != want {
			t.Errorf("%s became %s, %v, want %s", in, got, err, want)
		}
	}
}

// stream feeds chunks, given as contents, and joins what comes out.
func stream(t *testing.T, contents []string) string {
	t.Helper()
	var state []byte
	var seen strings.Builder
	send := func(name, data string) {
		in := append(penstock.AppendState(nil, state), name+"\n"+data...)
		out, err := new(redactor).normaliseEvent(nil, in)
		if err != nil {
			t.Fatal(err)
		}
		payload := []byte(data)
		if len(out) > 0 {
			state, payload, _ = penstock.SplitFrame(out)
		}
		for choice := range penstock.JSON(payload).Member("choices").Items {
			content, _ := choice.Member("delta", "content").Text(nil)
			seen.Write(content)
		}
	}
	send("penstock.start", `{"v":1}`)
	for _, c := range contents {
		send("chunk", `{"choices":[{"index":0,"delta":{"content":`+string(penstock.AppendText(nil, []byte(c)))+`},"finish_reason":null}]}`)
	}
	send("penstock.end", "")
	return seen.String()
}

// TestStreamsCutAnywhere cuts a text in two at every place: the same must come out.
func TestStreamsCutAnywhere(t *testing.T) {
	const text, want = "Write to ann@example.com, or don't: b@c is none.", "Write to [redacted], or don't: b@c is none."
	for cut := range len(text) {
		if got := stream(t, []string{text[:cut], text[cut:]}); got != want {
			t.Errorf("cut at %d: %q, want %q", cut, got, want)
		}
	}
	if got := stream(t, strings.Split(text, "")); got != want {
		t.Errorf("byte by byte: %q, want %q", got, want)
	}
}

func FuzzNormaliseEvent(f *testing.F) {
	f.Add([]byte("chunk\n"+`{"choices":[{"index":0,"delta":{"content":"a@b.c"},"finish_reason":"stop"}]}`), []byte("wait"))
	f.Fuzz(func(t *testing.T, payload, text []byte) {
		state := (&redactor{held: []held{{index: 1, text: text}}}).appendState(nil)
		in := append(penstock.AppendState(nil, state), payload...)
		if out, err := new(redactor).normaliseEvent(nil, in); err == nil && len(out) > 0 {
			if _, _, ok := penstock.SplitFrame(out); !ok {
				t.Errorf("%q gave a broken frame", in)
			}
		}
		_, _ = new(redactor).normaliseEvent(nil, payload)
	})
}
