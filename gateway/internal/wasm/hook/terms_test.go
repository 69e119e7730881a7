package hook

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// flatEntries builds a flat answer of index, flags and value.
func flatEntries(entries ...[3]float64) []byte {
	var out []byte
	for _, e := range entries {
		out = binary.LittleEndian.AppendUint32(out, uint32(e[0]))
		out = binary.LittleEndian.AppendUint32(out, uint32(e[1]))
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(e[2]))
	}
	return out
}

func TestTermsExplainWithoutRanking(t *testing.T) {
	c := []llm.Candidate{{Target: &llm.Target{ID: "a/a"}}, {Target: &llm.Target{ID: "b/b"}}}
	answer := func(first, second float64) []byte {
		return flatEntries([3]float64{first, 0, 2}, [3]float64{second, 0, 1}, [3]float64{1, 2 | 1<<8, .25}, [3]float64{1, 2 | 200<<8, 7},
			[3]float64{0, 2 | 10<<8, .009}, [3]float64{0, 2 | 11<<8, -.5})
	}
	for first, does := range []string{"stays on a/a: its cached prompt saves $0.009000 there, the best other target gains $0.000000", "leaves a/a"} {
		var b RankingBuilder
		b.Reset(2)
		if err := ReadFlat(&b, answer(float64(first), float64(1-first))); err != nil {
			t.Fatal(err)
		}
		if err := b.Finish(c, time.Time{}); err != nil {
			t.Fatal(err)
		}
		r := b.Ranking()
		if !slices.Equal(r.Order, []int{first, 1 - first}) || !slices.Equal(r.Scores, []float64{2, 1}) {
			t.Errorf("order %v with scores %v", r.Order, r.Scores)
		}
		if want := []llm.Term{{Name: "cost_usd", Value: .25}}; !slices.Equal(r.Terms[1], want) || len(r.Terms[0]) != 2 {
			t.Errorf("terms %v, want %v of the second, without the number that is not known", r.Terms, want)
		}
		if !strings.Contains(r.Reason, "the session "+does) {
			t.Errorf("reason %q, want %q", r.Reason, does)
		}
	}
}

func TestReadFlatRefusesBadTerms(t *testing.T) {
	many := make([][3]float64, 17)
	for i := range many {
		many[i] = [3]float64{0, 2 | 1<<8, 1}
	}
	for want, out := range map[string][]byte{
		"explained candidate 2 of 2": flatEntries([3]float64{2, 2 | 1<<8, 1}),
		"not a finite number":        flatEntries([3]float64{0, 2 | 1<<8, math.Inf(1)}),
		"more than 16 terms":         flatEntries(many...),
		"34 are allowed":             flatEntries(append(append(many, many...), many[0])...),
		"ranks 3 candidates of 2":    flatEntries([3]float64{0, 0, 1}, [3]float64{1, 0, 1}, [3]float64{0, 0, 1}),
	} {
		var b RankingBuilder
		b.Reset(2)
		if err := ReadFlat(&b, out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ReadFlat = %v, want %q", err, want)
		}
	}
}

// withReason appends a reason to a flat answer, saying that it has so many bytes.
func withReason(out []byte, size int, text string) []byte {
	out = append(out, flatEntries([3]float64{float64(size), 4, 0})...)
	return append(out, text...)
}

func TestAFlatAnswerHasAReason(t *testing.T) {
	c := []llm.Candidate{{Target: &llm.Target{ID: "a/a"}}, {Target: &llm.Target{ID: "b/b"}}}
	ranks := flatEntries([3]float64{1, 0, 2}, [3]float64{0, 0, 1})
	session := append(ranks, flatEntries([3]float64{0, 2 | 10<<8, .009}, [3]float64{0, 2 | 11<<8, .01})...)
	for want, out := range map[string][]byte{
		"":                    withReason(ranks, 0, ""),
		"class code-hard":     withReason(ranks, 15, "class code-hard\x00"),
		"0123456789abcdef":    withReason(ranks, 16, "0123456789abcdef"),
		`two lines, \u{1b}[m`: withReason(ranks, 14, "two\nlines, \x1b[m\x00\x00"),
		"why; the session leaves a/a: its cached prompt saves $0.009000 there, the best other target gains $0.010000": withReason(session, 3, "why"+strings.Repeat("\x00", 13)),
	} {
		var b RankingBuilder
		b.Reset(2)
		if err := ReadFlat(&b, out); err != nil {
			t.Errorf("%q: %v", want, err)
			continue
		}
		if err := b.Finish(c, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if r := b.Ranking(); r.Reason != want || !slices.Equal(r.Order, []int{1, 0}) {
			t.Errorf("reason %q and order %v, want %q", r.Reason, r.Order, want)
		}
	}
	for _, out := range [][]byte{
		withReason(ranks, 17, "0123456789abcdef"), withReason(ranks, 3, ""), withReason(ranks, 0, "0123456789abcdef"),
		withReason(ranks, 1025, strings.Repeat("x", 1040)), append(withReason(ranks, 3, "why"+strings.Repeat("\x00", 13)), ranks...),
	} {
		var b RankingBuilder
		b.Reset(2)
		if err := ReadFlat(&b, out); err == nil || !strings.Contains(err.Error(), "for a reason of") {
			t.Errorf("ReadFlat of %d bytes = %v", len(out), err)
		}
	}
	if got, err := FlatJSON(withReason(ranks, 3, "why"+strings.Repeat("\x00", 13)), 2); err != nil || string(got) != `{"ranking":[{"i":1,"score":2},{"i":0,"score":1}],"drop":[],"reason":"why"}` {
		t.Errorf("FlatJSON = %s, %v", got, err)
	}
}

// TestTermsOfInterleavedCandidates: a router may explain candidates in any order.
func TestTermsOfInterleavedCandidates(t *testing.T) {
	var b RankingBuilder
	b.Reset(2)
	for k, i := range []int64{0, 1, 1, 0, 1, 0} {
		if err := b.explain(i, uint32(k+1), float64(k)); err != nil {
			t.Fatal(err)
		}
	}
	want := [][]llm.Term{
		{{Name: "cost_usd", Value: 0}, {Name: "error_rate", Value: 3}, {Name: "cost_part", Value: 5}},
		{{Name: "quality", Value: 1}, {Name: "latency_ms", Value: 2}, {Name: "load", Value: 4}},
	}
	if diff := cmp.Diff(want, b.terms); diff != "" {
		t.Errorf("terms (-want +got)\n%s", diff)
	}
}

// TestBriefLeavesBriefTextsAlone compares the short way with the long one.
func TestBriefLeavesBriefTextsAlone(t *testing.T) {
	long := strings.Repeat("x", maxBrief)
	for text, want := range map[string]string{"": "", " ": "", "a b": "a b", " a": "a", "a ": "a", "a  b": "a b", "a\tb": "a b", "a\x1bb": `a\u{1b}b`, "é": "é",
		long: long, long + "x": long + "…"} {
		if got := Brief(text); got != want {
			t.Errorf("Brief(%q) = %q, want %q", text, got, want)
		}
	}
}
