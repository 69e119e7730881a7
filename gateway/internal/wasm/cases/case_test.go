package cases

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseReadsOneOrMany(t *testing.T) {
	text := "one"
	got, err := Parse("tests/route.json", []byte(`[{"hook":"route","name":"a","config":{"x":1},"grants":[],"kv":{"k":"v"},"kv_base64":{"b":"/w=="},
		"now":5,"seed":"18446744073709551615","input":{"b": 1, "a":[ ]},"expect":null,"expect_kv":{"k":"one","gone":null},"max_fuel":9},
		{"hook":"normalise_event","events":[["penstock.start",{}],["chunk","x"],["penstock.end",null]],"expect":[null,[],["y"]]},
		{"hook":"init","seed":7,"expect_error":{"code":400,"message":"no"}}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Case{
		{Hook: "route", Name: "a", Config: json.RawMessage(`{"x":1}`), Grants: []string{}, KV: map[string]string{"k": "v"}, KVBase64: map[string][]byte{"b": {0xff}},
			Now: 5, Seed: 1<<64 - 1, Input: json.RawMessage(`{"b": 1, "a":[ ]}`), Expect: json.RawMessage("null"), ExpectKV: map[string]*string{"k": &text, "gone": nil}, MaxFuel: 9},
		{Hook: "normalise_event", Name: "route.json 2", Events: []Event{{"penstock.start", json.RawMessage("{}")}, {"chunk", json.RawMessage(`"x"`)},
			{"penstock.end", json.RawMessage("null")}}, Expect: json.RawMessage(`[null,[],["y"]]`)},
		{Hook: "init", Name: "route.json 3", Seed: 7, ExpectError: &ExpectedError{Code: 400, Message: "no"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cases (-want +got)\n%s", diff)
	}
	if in, err := got[0].input(); err != nil || string(in) != `{"b":1,"a":[]}` {
		t.Errorf("input = %s, %v, want it compact and in order", in, err)
	}
	one, err := Parse("one.json", []byte(`{"hook":"init"}`))
	if err != nil || len(one) != 1 || one[0].Name != "one.json 1" {
		t.Errorf("a single case: %+v, %v", one, err)
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	for in, want := range map[string]string{
		"{\"hook\":\"init\",\n\"expct\":null}":        "c.json: line 2: expct: a case has no such member",
		"[{\"hook\":\"init\"},\n{\"hook\":\"rout\"}]": `c.json: line 2: there is no hook "rout"`,
		`{"name":"x"}`:                                                   "has no hook",
		`{"hook":"init","hook":"route"}`:                                 "hook: it appears twice",
		`{"hook":"route","input":{},"input_base64":""}`:                  "exclude each other",
		`{"hook":"route","events":[]}`:                                   "the hook route has no events",
		`{"hook":"normalise_event","events":[["a"]]}`:                    "event 1 is not a list of a name and data",
		`{"hook":"normalise_event","events":[["a",null]],"expect":null}`: "want a list",
		`{"hook":"normalise_event","events":[["a",null]],"expect":[]}`:   "0 entries for 1 events",
		`{"hook":"route","expect_error":{"cod":1}}`:                      `unknown field "cod"`,
		`{"hook":"route","seed":-1}`:                                     "seed",
		`{"hook":"route","now":-1}`:                                      "negative",
		`{"hook":"route"`:                                                "not valid JSON",
		`{"hook":"route"} x`:                                             "expected the end of the text",
		`"route"`:                                                        "expected an object",
	} {
		_, err := Parse("c.json", []byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseCases(%s) = %v, want %q", in, err, want)
		}
	}
}

func TestACaseIsWrittenAsItIsRead(t *testing.T) {
	cases, err := Parse("c.json", []byte(`[{"name":"n","hook":"route","grants":[],"seed":"9007199254740993","input":"a<b","expect":null,"expect_base64":""},
		{"name":"m","hook":"render_event","events":[["e",{"a":1}],["f",null]],"expect_error":{"fault":"trap"}}]`))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("c.json", b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range cases { // JSON may spell the same input in another way
		one, err1 := cases[i].input()
		two, err2 := again[i].input()
		if string(one) != string(two) || err1 != nil || err2 != nil {
			t.Errorf("input %s became %s", one, two)
		}
		cases[i].Input, again[i].Input = nil, nil
	}
	if diff := cmp.Diff(cases, again); diff != "" {
		t.Errorf("after writing and reading (-want +got)\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`[]`))
	f.Add([]byte(`[{"hook":"route","input":{"a":1},"expect":{"ranking":[]}}]`))
	f.Add([]byte(`{"hook":"normalise_event","events":[["chunk",{"x":"\ud800"}]],"expect":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		cases, err := Parse("f.json", data)
		if err != nil {
			return
		}
		b, err := json.Marshal(cases)
		if err != nil {
			t.Fatalf("write what was read: %v", err)
		}
		if again, err := Parse("f.json", b); err != nil || len(again) != len(cases) {
			t.Fatalf("read what was written, %s: %v", b, err)
		}
	})
}

func TestComparing(t *testing.T) {
	for _, c := range []struct{ want, out, fault string }{
		{`{"a":1.5e3}`, `{"b":2,"a":1500}`, ""},
		{`{"a":[1,{"b":null}]}`, `{"a":[1.0,{"b":null,"c":0}]}`, ""},
		{`"{ }"`, `{ }`, ""},
		{`"é"`, "\u00e9", ""},
		{`null`, ``, ""},
		{`{"a":"\u0041"}`, `{"a":"A"}`, ""},
		{`{}`, ``, "got no opinion"},
		{`null`, `{}`, "want no opinion, got {}"},
		{`{"a":{"b":1}}`, `{"a":{}}`, "a.b is missing"},
		{`{"a":[1,2]}`, `{"a":[1]}`, "a has 1 items, want 2"},
		{`{"a":[1,2]}`, `{"a":[1,3]}`, "a.1 is 3, want 2"},
		{`{"a":9007199254740993}`, `{"a":9007199254740992}`, "a is 9007199254740992"},
		{`{"a":"1"}`, `{"a":1}`, `a is 1, want "1"`},
		{`[]`, `{}`, "the result is {}, want []"},
		{`{}`, `{]`, "want JSON"},
		{`"abc"`, `abd`, "differ at byte 2"},
		{`"abc"`, `ab`, "2 bytes, want 3"},
	} {
		err := matches(json.RawMessage(c.want), []byte(c.out))
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("matches(%s, %s) = %v, want %q", c.want, c.out, err, c.fault)
		}
	}
}
