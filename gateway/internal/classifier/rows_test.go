package classifier

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/hint"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadFiles(t *testing.T) {
	lines := write(t, "own.jsonl", `{"prompt":"a","weak":0,"strong":1}`+"\n\n"+`{"strong":0.75,"weak":0.5,"prompt":"b","group":"g","other":[]}`)
	csv := write(t, "sums.csv", "prompt,weak,strong,more\n\"c, and\n\"\"d\"\"\",True,False,x\ne,0.25,1\n")
	got, err := ReadFiles([]string{lines, csv}, "", map[string]bool{"a": true})
	want := []Row{{"b", .5, .75, "g"}, {"c, and\n\"d\"", 1, 0, "sums"}, {"e", .25, 1, "sums"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("rows (-want +got):\n%s%v", diff, err)
	}
	if got, err := ReadFiles([]string{lines}, JSONL, nil); err != nil || len(got) != 2 || got[0].Group != "own" {
		t.Errorf("as JSON lines: %+v, %v", got, err)
	}
	if _, err := ReadFiles([]string{lines}, RouteLLM, nil); err == nil {
		t.Error("JSON lines are read as CSV")
	}
}

func TestBadRows(t *testing.T) {
	const good = `{"prompt":"a","weak":0,"strong":1}` + "\n"
	for _, tt := range []struct{ name, text, want string }{
		{"x.jsonl", "", "x.jsonl has no rows"},
		{"x.jsonl", "\n \n", "x.jsonl has no rows"},
		{"x.jsonl", good + `{"weak":0,"strong":1}`, "x.jsonl:2: the prompt is missing or empty"},
		{"x.jsonl", good + `{"prompt":" ","weak":0,"strong":1}`, "x.jsonl:2: the prompt is missing or empty"},
		{"x.jsonl", good + "\n" + `{"prompt":"a"}`, "x.jsonl:3: weak and strong are missing; at least one of them"},
		{"x.jsonl", `{"prompt":"a","weak":null}`, "x.jsonl:1: weak and strong are missing"},
		{"x.jsonl", `{"prompt":"a","strong":-0.1}`, "x.jsonl:1: strong is -0.1"},
		{"x.jsonl", `{"prompt":"a","weak":0,"strong":1.5}`, "x.jsonl:1: strong is 1.5; it must be a number between 0 and 1"},
		{"x.jsonl", `{"prompt":"a","weak":-1,"strong":1}`, "x.jsonl:1: weak is -1"},
		{"x.jsonl", `{"prompt":"a","weak":NaN,"strong":1}`, "x.jsonl:1: not a row: "},
		{"x.jsonl", `{"prompt":"a","weak":"0","strong":1}`, "x.jsonl:1: not a row: "},
		{"x.jsonl", `{"prompt":"a","weak":1e999,"strong":1}`, "x.jsonl:1: not a row: "},
		{"x.jsonl", "[]", "x.jsonl:1: not a row: "},
		{"x.csv", "", "x.csv has no rows"},
		{"x.csv", "prompt,weak,strong\n", "x.csv has no rows"},
		{"x.csv", "prompt,weak,strong\na,True\n", "x.csv:2: 2 columns where there should be at least 3"},
		{"x.csv", "prompt,weak,strong\n\"a\nb\",True,False\n,True,True\n", "x.csv:4: the prompt is missing or empty"},
		{"x.csv", "prompt,weak,strong\na,yes,True\n", `x.csv:2: column 2: "yes" is neither True nor False nor a number`},
		{"x.csv", "prompt,weak,strong\na,True,NaN\n", `x.csv:2: column 3: "NaN" is neither`},
		{"x.csv", "prompt,weak,strong\na,True,2\n", "x.csv:2: strong is 2; it must be"},
		{"x.csv", "prompt,weak,strong\na,True,False\n\"b,True,False\n", "x.csv:3: "},
	} {
		path := write(t, tt.name, tt.text)
		_, err := ReadFiles([]string{path}, "", nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) || hint.Of(err) == "" {
			t.Errorf("%q: %v with the hint %q, want %q", tt.text, err, hint.Of(err), tt.want)
		}
	}
	if _, err := ReadFiles([]string{"missing.jsonl"}, "", nil); err == nil {
		t.Error("a missing file is read")
	}
	for text, want := range map[string]string{`{"prompt":"a"}` + "\n{\n": "x.jsonl:2: ", `{"prompt":"a"}` + "\n{}": "x.jsonl:2: the prompt is missing or empty"} {
		if _, err := ReadPrompts(write(t, "x.jsonl", text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("bad prompts: %v, want %q", err, want)
		}
	}
}

func FuzzReadJSONL(f *testing.F) {
	f.Add(`{"prompt":"a","weak":0,"strong":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := readJSONL(strings.NewReader(text), "g")
		checkRows(t, rows, err)
	})
}

func FuzzReadRouteLLM(f *testing.F) {
	f.Add("prompt,weak,strong\na,True,0.5\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := readRouteLLM(strings.NewReader(text), "g")
		checkRows(t, rows, err)
	})
}

func checkRows(t *testing.T, rows []Row, err error) {
	if err != nil && rows != nil {
		t.Fatal("rows and an error")
	}
	for _, r := range rows {
		if err := r.check(); err != nil {
			t.Fatalf("a row was read although %v", err)
		}
	}
}
