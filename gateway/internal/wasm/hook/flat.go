package hook

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// The flat routing record of sdk/ABI.md: a header, one record for every candidate, the
// route's text, then the request's section. All numbers are little-endian.
const (
	flatVersion = 1
	flatHeader  = 32
	flatRecord  = 160
	flatEntry   = 16 // an entry of the result

	unknown32 = math.MaxUint32
)

// Bits of the header's flags.
const (
	flatStream = 1 << iota
	flatTools
	flatVision
)

// Bits of a record's flags.
const (
	flatHealthy = 1 << iota
	flatPriced
	flatFallback
	flatContext
)

// Bits of a result's flags: flatDrop drops the candidate, flatTerm marks an entry that is a term
// of its score and does not rank it. The term's number is in the bits from flatTermAt on. The
// last entry may have flatReason: its index is the length of a text behind it.
const (
	flatDrop   = 1
	flatTerm   = 2
	flatReason = 4
	flatTermAt = 8
)

// maxReason bounds the text behind a flat result, in bytes.
const maxReason = 1 << 10

// maxTerms bounds the terms of one candidate's score.
const maxTerms = 16

// AppendFlat appends the flat form of a router's input. A line with the seed follows the
// route's part.
func AppendFlat(dst []byte, in *RouteInput) []byte {
	at, req, c := len(dst), in.Request, in.Candidates
	dst = binary.LittleEndian.AppendUint16(dst, flatVersion)
	dst = binary.LittleEndian.AppendUint16(dst, flatRecord)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(c)))
	dst = binary.LittleEndian.AppendUint32(dst, clamp32(req.Facts.EstInputTokens))
	dst = binary.LittleEndian.AppendUint32(dst, clamp32(req.Facts.MaxTokens))
	dst = binary.LittleEndian.AppendUint32(dst, requestFlags(&req.Facts))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(flatHeader+len(c)*flatRecord))
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0) // the text's length, and where the section begins
	for i := range c {
		dst = appendRecord(dst, i, &c[i], in.Now)
	}
	begin := len(dst)
	dst = append(dst, in.Part...)
	dst = append(dst, "seed="...)
	dst = strconv.AppendUint(dst, in.Seed, 10) // the last line has no end
	end := len(dst)
	binary.LittleEndian.PutUint32(dst[at+24:], uint32(end-begin))
	if dst = appendTexts(dst, in); len(dst) > end {
		binary.LittleEndian.PutUint32(dst[at+28:], uint32(end-at))
	}
	return dst
}

func requestFlags(f *llm.Facts) uint32 {
	return bit(f.Stream, flatStream) | bit(f.Features.Has(llm.Tools), flatTools) |
		bit(f.Features.Has(llm.Vision), flatVision)
}

func appendRecord(dst []byte, i int, c *llm.Candidate, now time.Time) []byte {
	t, s := c.Target, &c.Stats
	flags := bit(healthy(c, now), flatHealthy) | bit(t.Price.Known, flatPriced) |
		bit(t.Fallback, flatFallback) | bit(t.Context > 0, flatContext)
	var r [flatRecord]byte
	le := binary.LittleEndian
	le.PutUint32(r[0:], uint32(i))
	le.PutUint32(r[4:], flags)
	le.PutUint64(r[8:], uint64(t.Price.Input))
	le.PutUint64(r[16:], uint64(t.Price.Output))
	le.PutUint64(r[24:], uint64(t.Price.CacheRead))
	le.PutUint32(r[32:], clamp32(t.Context))
	le.PutUint32(r[36:], clamp32(s.Inflight))
	le.PutUint64(r[40:], math.Float64bits(quality(t)))
	le.PutUint64(r[48:], math.Float64bits(millis(time.Duration(s.TTFT))))
	le.PutUint64(r[56:], math.Float64bits(s.TPS))
	le.PutUint64(r[64:], math.Float64bits(s.ErrorRate))
	le.PutUint64(r[72:], math.Float64bits(t.Weight))
	le.PutUint32(r[80:], uint32(int32(min(max(t.Order, math.MinInt32), math.MaxInt32))))
	le.PutUint32(r[84:], remaining(s.RemainingRequests))
	le.PutUint32(r[88:], remaining(s.RemainingTokens))
	le.PutUint32(r[92:], clamp32(c.CachedPrefix))
	le.PutUint64(r[96:], uint64(estCost(c)))
	le.PutUint64(r[104:], math.Float64bits(millis(time.Duration(s.TTFTP50))))
	le.PutUint64(r[112:], math.Float64bits(millis(time.Duration(s.TTFTP95))))
	le.PutUint64(r[120:], math.Float64bits(s.Samples))
	le.PutUint64(r[128:], math.Float64bits(s.RequestsLeft))
	le.PutUint64(r[136:], math.Float64bits(s.TokensLeft))
	le.PutUint64(r[144:], c.Sticky)
	le.PutUint32(r[152:], clamp32(int64(t.MaxInflight)))
	le.PutUint32(r[156:], clamp32(s.ExpectedOutput))
	return append(dst, r[:]...)
}

// healthy reports whether a candidate is not cooling down.
func healthy(c *llm.Candidate, now time.Time) bool { return !c.Stats.CoolingUntil.After(now) }

// quality is NaN when it is unknown.
func quality(t *llm.Target) float64 {
	if t.Quality < 0 {
		return math.NaN()
	}
	return t.Quality
}

// estCost is -1 when it is unknown.
func estCost(c *llm.Candidate) llm.NanoUSD {
	if !c.Target.Price.Known {
		return -1
	}
	return max(c.EstCost, -1)
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func remaining(n int64) uint32 {
	if n < 0 {
		return unknown32
	}
	return uint32(min(n, unknown32-1))
}

func clamp32(n int64) uint32 { return uint32(min(max(n, 0), math.MaxUint32)) }

func bit(on bool, mask uint32) uint32 {
	if on {
		return mask
	}
	return 0
}

// ReadFlat reads the result of the flat hook.
func ReadFlat(b *RankingBuilder, out []byte) error {
	if len(out)%flatEntry != 0 {
		return fmt.Errorf("the result has %d bytes, which is not a multiple of %d", len(out), flatEntry)
	}
	out, err := b.cutReason(out)
	if err != nil {
		return err
	}
	if most := len(b.state) * (1 + maxTerms); len(out)/flatEntry > most {
		return fmt.Errorf("the result has %d entries; %d are allowed for %d candidates", len(out)/flatEntry, most, len(b.state))
	}
	n := ranks(out)
	if n > len(b.state) {
		return fmt.Errorf("the result ranks %d candidates of %d", n, len(b.state))
	}
	b.allTerms = make([]llm.Term, 0, len(out)/flatEntry-n)
	for ; len(out) > 0; out = out[flatEntry:] {
		i, flags := int64(binary.LittleEndian.Uint32(out)), binary.LittleEndian.Uint32(out[4:])
		value := math.Float64frombits(binary.LittleEndian.Uint64(out[8:]))
		var err error
		switch {
		case flags&flatTerm != 0:
			err = b.explain(i, flags>>flatTermAt, value)
		case flags&flatDrop != 0:
			err = b.drop(i)
		default:
			err = b.rank(i, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cutReason takes the text off the end of a result.
func (b *RankingBuilder) cutReason(out []byte) ([]byte, error) {
	for at := 0; at < len(out); at += flatEntry {
		if binary.LittleEndian.Uint32(out[at+4:])&flatReason == 0 {
			continue
		}
		text, size := out[at+flatEntry:], int64(binary.LittleEndian.Uint32(out[at:]))
		if size > maxReason || int64(len(text)) != (size+flatEntry-1)/flatEntry*flatEntry {
			return nil, fmt.Errorf("the result has %d bytes for a reason of %d; it comes last, has at most %d bytes, and is padded to a multiple of %d", len(text), size, maxReason, flatEntry)
		}
		b.reason = Brief(string(text[:size]))
		return out[:at], nil
	}
	return out, nil
}

// ranks counts the entries of a result that rank or drop a candidate.
func ranks(out []byte) (n int) {
	for ; len(out) >= flatEntry; out = out[flatEntry:] {
		if binary.LittleEndian.Uint32(out[4:])&flatTerm == 0 {
			n++
		}
	}
	return n
}
