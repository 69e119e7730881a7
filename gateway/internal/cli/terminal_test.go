package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
)

// nasty is text that would control a terminal, hide or reorder what follows, or add a line
// or column.
const nasty = "a\x1b]0;x\a\u009b31m\u202eb\u2066\x7f\r\u0000\U000E0067\nc\td"

// checkVisible fails if text has characters that control a terminal.
func checkVisible(t *testing.T, what, text string) {
	t.Helper()
	rest := strings.NewReplacer("\n", "", "\t", "").Replace(text)
	if i := strings.IndexFunc(rest, llm.Invisible); i >= 0 {
		t.Errorf("%s prints %q in %q", what, []rune(rest[i:])[0], text)
	}
}

func TestTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext\n": "plain\ttext\n",
		"日本 é 😀":        "日本 é 😀",
		"\x1b[31m":      `\u001b[31m`,
		"a\u009bb":      `a\u009bb`,
		"\u202e\u2069":  `\u202e\u2069`,
		"\U000E0067":    `\udb40\udc67`,
		"a\x9bb":        "a\ufffdb",
		"a\r\n":         `a\u000d` + "\n",
		"\xf0\x9f":      "\ufffd\ufffd",
		"\ufffd":        "\ufffd",
	} {
		for size := 1; size <= len(in); size++ {
			var out bytes.Buffer
			w := newTerminal(&out)
			for i := 0; i < len(in); i += size {
				if n, err := w.Write([]byte(in[i:min(i+size, len(in))])); err != nil || n != min(size, len(in)-i) {
					t.Errorf("Write = %d, %v", n, err)
				}
			}
			if err := w.Flush(); err != nil || out.String() != want {
				t.Errorf("%q in steps of %d: %q, %v, want %q", in, size, out.String(), err, want)
			}
		}
	}
}

// TestTerminalKeepsJSON checks that no control character passes, and that JSON stays the
// same JSON, however the writes cut it.
func TestTerminalKeepsJSON(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOf(rapid.Rune()).Draw(rt, "text") + nasty
		quoted, err := json.Marshal(text)
		if err != nil {
			rt.Fatal(err)
		}
		var out bytes.Buffer
		w := newTerminal(&out)
		for len(quoted) > 0 {
			n := rapid.IntRange(1, len(quoted)).Draw(rt, "n")
			_, _ = w.Write(quoted[:n])
			quoted = quoted[n:]
		}
		_ = w.Flush()
		checkVisible(t, "visible", out.String())
		var back string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != text {
			rt.Errorf("%q became %q, %v", text, out.String(), err)
		}
	})
}

// nastyRecord is a record in which everything that came from outside is nasty.
func nastyRecord() *llm.Record {
	return &llm.Record{ID: "req_1", Model: nasty, Route: nasty, KeyName: nasty, Team: nasty, User: nasty,
		Tags: map[string]string{nasty: nasty}, Dialect: nasty, Error: nasty, Finish: nasty, Target: nasty, Code: nasty,
		Decision:   &llm.Decision{Allow: true, Revision: nasty, Reasons: []llm.Reason{{Code: nasty, Message: nasty, Rule: nasty}}, Warnings: []string{nasty}},
		Limits:     []llm.LimitState{{}},
		Ranking:    &llm.Ranking{Router: nasty, Reason: nasty},
		Candidates: []llm.Considered{{Target: nasty, Refused: nasty, Terms: []llm.Term{{Name: nasty}}, Dropped: []string{nasty}}},
		Feedback:   []llm.Feedback{{KeyID: nasty, Label: nasty, Comment: nasty}},
		Attempts:   []llm.Attempt{{Target: nasty, Fault: llm.FaultServer, Error: nasty, Transforms: []llm.Applied{{Plugin: nasty, Hook: nasty, Fault: nasty}}}},
	}
}

func nastyReplay() *replay.Result {
	return &replay.Result{ID: nasty, Router: nasty, Notes: []string{nasty}, Fault: nasty, Candidates: []replay.Candidate{{Target: nasty, Differs: []string{nasty}}}}
}

func nastyReport() *replay.Report {
	column := replay.Column{Router: nasty, Shares: []replay.Share{{Target: nasty}}}
	return &replay.Report{Skipped: []replay.Skip{{Why: nasty}}, Recorded: column, A: column, B: column}
}

// TestNothingReachesATerminalRaw prints whatever the verbs print for people with values
// that somebody else has chosen.
func TestNothingReachesATerminalRaw(t *testing.T) {
	var out, errs bytes.Buffer
	stdout, stderr := newTerminal(&out), newTerminal(&errs)
	e := &environment{stdout: stdout, stderr: stderr}
	spent := ledger.Report{Rows: []ledger.Row{{Values: []string{nasty, "=1+1"}}}}
	by := []string{"user", "tag:" + nasty}
	key := admin.Key{ID: "1", Name: nasty, Team: nasty, User: nasty, Tags: map[string]string{nasty: nasty}}
	for what, print := range map[string]func() error{
		"explain":       func() error { return printRecord(e.stdout, nastyRecord()) },
		"replay":        func() error { return printReplay(e.stdout, nastyReplay()) },
		"route compare": func() error { return printComparison(e.stdout, nastyReport()) },
		"feedback list": func() error {
			return e.printFeedback([]llm.Feedback{{RequestID: nasty, KeyID: nasty, Label: nasty, Comment: nasty}})
		},
		"spend":         func() error { return e.printSpend("table", by, spent, nil) },
		"spend -o csv":  func() error { return e.printSpend("csv", by, spent, nil) },
		"spend -o json": func() error { return e.printSpend("json", by, spent, nil) },
		"keys list":     func() error { return e.printKeys("table", []admin.Key{key}) },
		"keys create":   func() error { return e.printNewKey("table", key) },
		"keys show":     func() error { return e.printKey("table", key) },
		"teams": func() error {
			return e.printTeams([]keys.Team{{Name: nasty, Members: map[string]string{nasty: nasty}}})
		},
		"users":           func() error { return e.printUsers([]keys.User{{Name: nasty, Roles: []string{nasty}}}) },
		"audit":           func() error { return e.printAudit([]audit.Entry{{User: nasty, Object: nasty, Detail: nasty}}) },
		"keys -o json":    func() error { return e.printKeys("json", []admin.Key{key}) },
		"an error's text": func() error { printError(stderr, hint.Add(errors.New(nasty), nasty)); return nil },
	} {
		out.Reset()
		errs.Reset()
		if err := print(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		checkVisible(t, what, out.String())
		checkVisible(t, what, errs.String())
		if strings.HasSuffix(what, "json") && !json.Valid(out.Bytes()) {
			t.Errorf("%s is no JSON: %s", what, out.String())
		}
		if what == "spend" || what == "keys list" || what == "audit" || what == "teams" || what == "users" || what == "feedback list" {
			if n := strings.Count(strings.TrimRight(out.String(), "\n"), "\n"); n > 2 {
				t.Errorf("%s has lines of somebody else's:\n%s", what, out.String())
			}
		}
		if what == "spend -o csv" && !strings.Contains(out.String(), "'=1+1") {
			t.Errorf("a formula in %s", out.String())
		}
	}
}

func TestOneLine(t *testing.T) {
	if d := cmp.Diff(`a\nb`+"\t"+`c\td`, cells("a\nb", "c\td")); d != "" {
		t.Error(d)
	}
}

// What has an exit code of its own ends with it.
func TestExitCodes(t *testing.T) {
	for want, err := range map[int]error{0: nil, exitFault: errDiffers, exitReplay: &codeError{errors.New("gone"), exitReplay}} {
		if got := printError(io.Discard, err); got != want {
			t.Errorf("the exit code of %v is %d, want %d", err, got, want)
		}
	}
}

// TestFlushWaitsForNobody has a terminal that does not take what was written to it.
func TestFlushWaitsForNobody(t *testing.T) {
	read, write := io.Pipe()
	w, written := newTerminal(write), make(chan error)
	go func() { _, err := io.WriteString(w, "text"); written <- err }()
	first := make([]byte, 1)
	if _, err := read.Read(first); err != nil { // so that Write waits for the rest
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	if code := printError(w, errors.New("fault")); code != exitFault {
		t.Errorf("the status is %d, want %d", code, exitFault)
	}
	_ = read.Close()
	if err := <-written; err == nil {
		t.Error("the rest was written although nobody has read it")
	}
}
