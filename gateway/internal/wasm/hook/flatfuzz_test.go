package hook

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	penstock "github.com/penstock/penstock/sdk/go"
)

// FuzzFlat writes an input and reads it with the SDK for Go, which is the same code natively
// and in a module.
func FuzzFlat(f *testing.F) {
	f.Add("s", "app", "docs", "why?", "easy", int64(5), 0.5, uint64(1), uint8(3), uint8(31))
	f.Add("", "", "\n=", "", "", int64(-1), math.NaN(), uint64(0), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, session, tag, value, user, class string, whole int64, number float64, sticky uint64, n, reads uint8) {
		in := &RouteInput{Request: &llm.Request{Session: session, Class: class, Tags: map[string]string{tag: value}}, Part: []byte("s\nk=v\n"), Seed: sticky,
			Now: time.Unix(1, 0), Reads: Reads(reads) & AllReads, LastUser: []byte(user)}
		for i := range int(n) {
			d := llm.Millis(whole % int64(time.Hour))
			in.Candidates = append(in.Candidates, llm.Candidate{Target: &llm.Target{Price: llm.Price{Known: i%2 == 0}, Weight: float64(i)},
				EstCost: llm.NanoUSD(whole), CachedPrefix: whole, Sticky: sticky + uint64(i),
				Stats: llm.Stats{TTFTP50: d, TTFTP95: 2 * d, Samples: number, RequestsLeft: number, TokensLeft: -1}})
		}
		b := AppendFlat(nil, in)
		r, ok := penstock.ReadRoute(b)
		if !ok || r.Len != int(n) {
			t.Fatalf("ReadRoute of %d candidates = %d, %v", n, r.Len, ok)
		}
		for k := range r.Len {
			c, f := &in.Candidates[k], r.Figures(k)
			if r.Target(k).Weight != float64(k) || r.Target(k).CachedPrefix != clamp32(whole) || f.EstCost != int64(estCost(c)) || f.Sticky != c.Sticky ||
				math.Float64bits(f.Samples) != math.Float64bits(number) || f.RequestsLeft != f.Samples && number == number || f.TokensLeft != -1 ||
				f.FirstTokenP50 != millis(time.Duration(c.Stats.TTFTP50)) || f.FirstTokenP95 != millis(time.Duration(c.Stats.TTFTP95)) {
				t.Errorf("candidate %d: %+v, %+v of %+v", k, r.Target(k), f, c)
			}
		}
		checkTexts(t, in, &r)
		for cut := range b { // a part of an input is refused, or read without harm
			if r, ok := penstock.ReadRoute(b[:cut]); ok {
				r.Tag(tag)
				r.LastUserText()
				r.Class()
			}
		}
	})
}

// checkTexts compares the texts of a route with those that it was made from.
func checkTexts(t *testing.T, in *RouteInput, r *penstock.Route) {
	t.Helper()
	want := func(read Reads, text string) []byte {
		if !in.Reads.Has(read) {
			return nil
		}
		return []byte(text)
	}
	if got := r.Session(); !bytes.Equal(got, want(ReadSession, in.Request.Session)) {
		t.Errorf("session %q", got)
	}
	if got := r.LastUserText(); !bytes.Equal(got, want(ReadLastUser, string(in.LastUser))) {
		t.Errorf("last user text %q", got)
	}
	if got := r.Class(); !bytes.Equal(got, want(ReadClass, in.Request.Class)) {
		t.Errorf("class %q", got)
	}
	for name, value := range in.Request.Tags {
		if got, ok := r.Tag(name); ok != in.Reads.Has(ReadTags) || !bytes.Equal(got, want(ReadTags, value)) {
			t.Errorf("tag %q is %q, %v", name, got, ok)
		}
		if _, ok := r.Tag(name + "?"); ok {
			t.Errorf("there is a tag %q", name+"?")
		}
	}
	if v, ok := r.Setting("k"); !ok || string(v) != "v" || !strings.HasPrefix(string(r.Text), "s\nk=v\nseed=") {
		t.Errorf("settings %q", r.Text)
	}
}
