package ledger

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestRecordFramesParse(t *testing.T) {
	r := usualRecord()
	r.Code, r.Price.Known, r.PromptSaved, r.Session, r.Usage.Estimated = llm.CodeBudget, false, -77, "s1", true
	now := time.UnixMicro(1795392000000001)
	frame := appendRecordFrame(nil, r, now)
	payload, rest := splitFrame(string(frame))
	var got entry
	if err := got.parse(payload); err != nil || rest != "" {
		t.Fatalf("parse = %v, with %d bytes left", err, len(rest))
	}
	want := entry{kind: recordEntry, charges: r.Charges, row: row{
		id: r.ID, model: "smart", route: "smart", target: "openai/gpt-5", provider: "openai", key: "abcdefgh", team: "search", user: "alice",
		code: string(llm.CodeBudget), cache: "miss", tags: `{"usecase":"support"}`, record: string(appendRecord(nil, r)),
		written: now.UnixMicro(), arrived: r.Time.UnixMicro(), status: 200, input: 1200, output: 310, cost: 3_448_000, promptSaved: -77, unpriced: true, estimated: true, session: "s1",
	}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(entry{}, row{}, routeRow{})); d != "" {
		t.Errorf("parse (-want +got):\n%s", d)
	}
	for _, older := range []struct {
		kind byte
		lack func(*row)
	}{
		{record8Entry, func(r *row) { r.estimated, r.session = false, "" }},
		{oldRecordEntry, func(r *row) { r.promptSaved = 0 }},
	} {
		want.kind = older.kind
		if err := got.parse(string(print(&want))); err != nil {
			t.Fatal(err)
		}
		older.lack(&want.row)
		if d := cmp.Diff(want, got, cmp.AllowUnexported(entry{}, row{}, routeRow{})); d != "" {
			t.Errorf("parse of an entry of kind %d (-want +got):\n%s", older.kind, d)
		}
	}
}

// print returns the payload of an entry.
func print(e *entry) []byte {
	b := []byte{e.kind}
	switch e.kind {
	case openEntry:
		return appendCharges(binary.AppendVarint(appendText(b, e.lease), e.expires), e.charges)
	case draftEntry:
		return append(appendText(b, e.lease), e.row.record...)
	case extendEntry:
		return binary.AppendVarint(appendText(b, e.lease), e.output)
	case closeEntry:
		return appendCharges(appendText(b, e.lease), e.charges)
	case routeEntry:
		return append(binary.AppendVarint(appendText(b, e.route.digest), e.route.seen), e.route.facts...)
	case feedbackEntry:
		b = appendFeedback(nil, &e.feedback)
		return b[frameHead:]
	}
	r := &e.row
	for _, s := range []string{r.id, e.lease, r.model, r.route, r.target, r.provider, r.key, r.team, r.user, r.code, r.cache} {
		b = appendText(b, s)
	}
	for _, n := range []int64{r.written, r.arrived, r.status, r.input, r.output, r.cost, r.saved} {
		b = binary.AppendVarint(b, n)
	}
	if e.kind != oldRecordEntry {
		b = binary.AppendVarint(b, r.promptSaved)
	}
	b = appendBool(b, r.unpriced)
	if e.kind == recordEntry {
		b = appendText(appendBool(b, r.estimated), r.session)
	}
	return append(appendCharges(appendText(b, r.tags), e.charges), r.record...)
}

// FuzzJournal parses arbitrary bytes as a file and as a payload.
func FuzzJournal(f *testing.F) {
	open := oldLease("lease", usualRecord().Charges)
	f.Add(append(open, appendRecordFrame(nil, usualRecord(), time.Now())...))
	f.Add(appendEnd(nil, "lease", usualRecord().Charges))
	f.Add(appendRoute(nil, llm.NewRouteFacts(&llm.Route{Router: "cost"}, llm.RouterModule{}), time.Now()))
	f.Add(appendFeedback(nil, &llm.Feedback{RequestID: "req_1", KeyID: "k", Time: time.Now(), Score: 0.5, Label: "good", Comment: "yes"}))
	f.Add(open[frameHead:])
	f.Add(appendProgress(appendDraft(nil, usualRecord()), Progress{"lease", 7}))
	f.Add(appendProgress(nil, Progress{"lease", 7})[frameHead:])
	f.Add([]byte{oldRecordEntry, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		good := validLen(b)
		if good > len(b) || frameLen(b[good:]) != 0 {
			t.Fatalf("validLen = %d of %d bytes, and a frame follows", good, len(b))
		}
		payloads := []string{string(b)}
		for rest := string(b[:good]); rest != ""; {
			var payload string
			payload, rest = splitFrame(rest)
			payloads = append(payloads, payload)
		}
		for _, p := range payloads {
			var e, again entry
			if e.parse(p) != nil {
				continue
			}
			if err := again.parse(string(print(&e))); err != nil {
				t.Fatalf("a printed entry cannot be parsed: %v", err)
			}
			if d := cmp.Diff(e, again, cmp.AllowUnexported(entry{}, row{}, routeRow{}), cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("printed and parsed again (-before +after):\n%s", d)
			}
		}
	})
}
