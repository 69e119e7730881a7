package cases

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// drawRoute draws a router's input, with a tag "app" in half of them.
func drawRoute(t *rapid.T) *hook.RouteInput {
	text := func(name string) string { return rapid.StringN(0, 40, -1).Draw(t, name) }
	in := &hook.RouteInput{Request: &llm.Request{Session: text("session"), Class: text("class"), Tags: map[string]string{text("tag"): text("value")}},
		Part: []byte("s\napp=no tag\n"), Now: time.Unix(1, 0), Reads: hook.Reads(rapid.IntRange(0, int(hook.AllReads)).Draw(t, "reads")),
		LastUser: []byte(text("last user text"))}
	delete(in.Request.Tags, "none")
	if rapid.Bool().Draw(t, "has app") {
		in.Request.Tags["app"] = text("app")
	}
	for range rapid.IntRange(0, 9).Draw(t, "candidates") {
		share := func(name string) float64 { return rapid.SampledFrom([]float64{-1, 0, 0.125, 1}).Draw(t, name) }
		in.Candidates = append(in.Candidates, llm.Candidate{
			Target: &llm.Target{Price: llm.Price{Known: rapid.Bool().Draw(t, "priced")}, MaxInflight: rapid.IntRange(0, math.MaxInt32).Draw(t, "in flight")}, EstCost: llm.NanoUSD(rapid.Int64Range(0, 1<<53).Draw(t, "cost")),
			CachedPrefix: rapid.Int64Range(0, math.MaxUint32).Draw(t, "prefix"), Sticky: rapid.Uint64().Draw(t, "sticky"),
			Stats: llm.Stats{TTFTP50: llm.Millis(rapid.Int64Range(0, 1e12).Draw(t, "p50")), TTFTP95: llm.Millis(rapid.Int64Range(0, 1e12).Draw(t, "p95")),
				Samples: rapid.Float64Range(0, 1e9).Draw(t, "samples"), ExpectedOutput: rapid.Int64Range(0, math.MaxUint32).Draw(t, "output"), RequestsLeft: share("requests"), TokensLeft: share("tokens")}})
	}
	return in
}

// knownOf is what the probes write of an input: its texts, then the appended fields of each
// candidate.
func knownOf(in *hook.RouteInput) []any {
	session, user, class := "", "", ""
	tags := map[string]string{}
	if in.Reads.Has(hook.ReadSession) {
		session = in.Request.Session
	}
	if in.Reads.Has(hook.ReadLastUser) {
		user = string(in.LastUser)
	}
	if in.Reads.Has(hook.ReadClass) {
		class = in.Request.Class
	}
	if in.Reads.Has(hook.ReadTags) {
		tags = in.Request.Tags
	}
	list := []any{session, user, class, nil, nil}
	if v, ok := tags["app"]; ok {
		list[3] = v
	}
	for i := range in.Candidates {
		c := &in.Candidates[i]
		cost := c.EstCost
		if !c.Target.Price.Known {
			cost = -1
		}
		ms := func(m llm.Millis) float64 { return float64(m) / 1e6 }
		list = append(list, float64(c.CachedPrefix), float64(cost), float64(c.Sticky>>32), float64(uint32(c.Sticky)), float64(c.Target.MaxInflight), float64(c.Stats.ExpectedOutput),
			ms(c.Stats.TTFTP50), ms(c.Stats.TTFTP95), c.Stats.Samples, c.Stats.RequestsLeft, c.Stats.TokensLeft)
	}
	return list
}

// ofFirstVersion cuts an input down to what a gateway of version 1.0 sent.
func ofFirstVersion(b []byte, n int) []byte {
	const size, first = 160, 96
	out := bytes.Clone(b[:32])
	for k := range n {
		out = append(out, b[32+k*size:][:first]...)
	}
	le := binary.LittleEndian
	text := b[le.Uint32(b[20:]):][:le.Uint32(b[24:])]
	le.PutUint16(out[2:], first)
	le.PutUint32(out[20:], uint32(len(out)))
	le.PutUint32(out[28:], 0)
	return append(out, text...)
}

// TestTheSDKsReadAppendedFields has each SDK's probe read what the host writes, and what a
// host of version 1.0 wrote.
func TestTheSDKsReadAppendedFields(t *testing.T) {
	for _, language := range sdkLanguages {
		t.Run(language, func(t *testing.T) {
			m := probe(t, language)
			rapid.Check(t, func(rt *rapid.T) {
				in := drawRoute(rt)
				b := hook.AppendFlat(nil, in)
				sameKnown(rt, m, b, knownOf(in))
				for i := range in.Candidates {
					in.Candidates[i].Target.Price.Known, in.Candidates[i].Target.MaxInflight = false, 0
					in.Candidates[i].Sticky, in.Candidates[i].Stats = 0, llm.Stats{RequestsLeft: -1, TokensLeft: -1}
				}
				in.Reads = 0
				sameKnown(rt, m, ofFirstVersion(b, len(in.Candidates)), knownOf(in))
			})
		})
	}
}

func sameKnown(t *rapid.T, m *wasm.Module, in []byte, want []any) {
	t.Helper()
	out, _, err := m.Call(context.Background(), hook.RouteFlat, 1, in, nil)
	var got []any
	if err == nil {
		err = json.Unmarshal(out, &got)
	}
	if err != nil || !slices.EqualFunc(got, want, same) {
		t.Fatalf("%x gave %s, %v, want %s", in, out, err, fmt.Sprint(want))
	}
}

// TestTheSDKsExplainScores has each SDK's probe rank by a list of scores, with a term each, and the
// host read the terms.
func TestTheSDKsExplainScores(t *testing.T) {
	for _, language := range sdkLanguages {
		t.Run(language, func(t *testing.T) {
			m := probe(t, language)
			out, _, err := m.Call(context.Background(), hook.RenderResponse, 1, []byte(`[7,-2.5]`), nil)
			if err != nil {
				t.Fatal(err)
			}
			var want []byte
			for _, e := range []struct {
				index, flags uint32
				value        float64
			}{{0, 0, 7}, {0, 2 | 3<<8, -7}, {1, 0, -2.5}, {1, 2 | 3<<8, 2.5}} {
				want = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(want, e.index), e.flags)
				want = binary.LittleEndian.AppendUint64(want, math.Float64bits(e.value))
			}
			if !bytes.Equal(out, want) {
				t.Errorf("got %x, want %x", out, want)
			}
			var b hook.RankingBuilder
			b.Reset(2)
			if err := hook.ReadFlat(&b, out); err != nil {
				t.Fatal(err)
			}
			if terms := b.Ranking().Terms; len(terms) != 2 || len(terms[1]) != 1 || terms[1][0] != (llm.Term{Name: "latency_ms", Value: 2.5}) {
				t.Errorf("the host reads the terms %v", terms)
			}
		})
	}
}

// FuzzSDKRoutes checks that the SDKs return from any flat input. Go's own SDK has a fuzz
// target beside it.
func FuzzSDKRoutes(f *testing.F) {
	modules := map[string]*wasm.Module{}
	for _, language := range smallSDKs {
		modules[language] = probe(f, language)
	}
	in := &hook.RouteInput{Request: &llm.Request{Session: "s", Class: "easy", Tags: map[string]string{"app": "docs"}}, Candidates: fleet(2), Reads: hook.AllReads, LastUser: []byte("why?")}
	whole := hook.AppendFlat(nil, in)
	f.Add(whole)
	f.Add(ofFirstVersion(whole, 2))
	f.Add(whole[:len(whole)-3])
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, m := range modules {
			answersToGarbage(t, m, hook.RouteFlat, in)
		}
	})
}
