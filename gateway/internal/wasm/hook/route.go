package hook

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// AppendRouteEnvelope appends the JSON form of a router's input. Unknown figures are null.
func AppendRouteEnvelope(dst []byte, in *RouteInput) []byte {
	req, f := in.Request, &in.Request.Facts
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "request_id", req.ID)
	dst = appendText(dst, "model", f.Model)
	dst = appendText(dst, "key", req.Principal.KeyID)
	dst = appendText(dst, "team", req.Principal.Team)
	dst = appendText(dst, "user", req.Principal.User)
	dst = appendText(dst, "session", req.Session)
	dst = appendTags(dst, req.Tags)
	dst = appendText(dst, "class", req.Class)
	dst = appendWhole(dst, "est_input_tokens", f.EstInputTokens)
	dst = appendKnown(dst, "max_tokens", f.MaxTokens, f.MaxTokens > 0)
	dst = appendBool(dst, "stream", f.Stream)
	dst = appendNames(dst, "features", f.Features.Names())
	dst = appendWhole(dst, "last_user_chars", int64(f.LastUserChars))
	if in.Reads.Has(ReadLastUser) {
		dst = appendText(dst, "last_user_text", string(in.LastUser))
	}
	if in.Reads.Has(ReadMessages) {
		dst = appendMessages(dst, req.Body)
	}
	if len(in.Part) > 0 {
		dst = append(jsontext.AppendComma(dst), in.Part...)
	}
	dst = append(dst, `,"candidates":[`...)
	for i := range in.Candidates {
		dst = appendCandidate(jsontext.AppendComma(dst), i, &in.Candidates[i], in.Now)
	}
	return append(dst, `]}`...)
}

// AppendRoutePart appends the members of the envelope that depend on the route alone: the
// strategy's name and its settings, a JSON object or nil.
func AppendRoutePart(dst []byte, strategy string, with json.RawMessage) []byte {
	if len(with) == 0 {
		with = json.RawMessage("{}")
	}
	dst = jsontext.AppendName(appendText(dst, "strategy", strategy), "with")
	return append(dst, with...)
}

func appendCandidate(dst []byte, i int, c *llm.Candidate, now time.Time) []byte {
	t, s := c.Target, &c.Stats
	dst = append(dst, `{"i":`...)
	dst = strconv.AppendInt(dst, int64(i), 10)
	dst = appendText(dst, "id", t.ID)
	dst = appendText(dst, "provider", t.Provider)
	dst = appendText(dst, "model", t.Model)
	dst = appendKnown(dst, "price_in", int64(t.Price.Input), t.Price.Known)
	dst = appendKnown(dst, "price_out", int64(t.Price.Output), t.Price.Known)
	dst = appendKnown(dst, "price_cached", int64(t.Price.CacheRead), t.Price.Known)
	dst = appendKnown(dst, "context", t.Context, t.Context > 0)
	dst = appendNumber(dst, "quality", quality(t), true)
	dst = appendNumber(dst, "ttft_ms", millis(time.Duration(s.TTFT)), s.TTFT > 0)
	dst = appendNumber(dst, "tps", s.TPS, s.TPS > 0)
	dst = appendNumber(dst, "error_rate", s.ErrorRate, true)
	dst = appendWhole(dst, "inflight", s.Inflight)
	dst = appendNumber(dst, "weight", t.Weight, true)
	dst = appendWhole(dst, "order", int64(t.Order))
	dst = appendBool(dst, "healthy", healthy(c, now))
	dst = appendBool(dst, "fallback", t.Fallback)
	dst = appendKnown(dst, "remaining_rpm", s.RemainingRequests, s.RemainingRequests >= 0)
	dst = appendKnown(dst, "remaining_tpm", s.RemainingTokens, s.RemainingTokens >= 0)
	dst = appendWhole(dst, "cached_prefix", c.CachedPrefix)
	cost := estCost(c)
	dst = appendKnown(dst, "est_cost", int64(cost), cost >= 0)
	dst = appendNumber(dst, "ttft_p50_ms", millis(time.Duration(s.TTFTP50)), s.TTFTP50 > 0)
	dst = appendNumber(dst, "ttft_p95_ms", millis(time.Duration(s.TTFTP95)), s.TTFTP95 > 0)
	dst = appendNumber(dst, "samples", s.Samples, true)
	dst = appendNumber(dst, "requests_left", s.RequestsLeft, s.RequestsLeft >= 0)
	dst = appendNumber(dst, "tokens_left", s.TokensLeft, s.TokensLeft >= 0)
	dst = appendKnown(dst, "max_inflight", int64(t.MaxInflight), t.MaxInflight > 0)
	dst = appendKnown(dst, "expected_output", s.ExpectedOutput, s.ExpectedOutput > 0)
	return append(appendSticky(dst, c.Sticky), '}')
}

// appendSticky appends the hash as a decimal string, since it has more digits than every
// reader of JSON keeps of a number; null if there is none.
func appendSticky(dst []byte, hash uint64) []byte {
	dst = jsontext.AppendName(dst, "sticky")
	if hash == 0 {
		return append(dst, "null"...)
	}
	return append(strconv.AppendUint(append(dst, '"'), hash, 10), '"')
}

// appendMessages appends the body's messages unchanged, if it has any.
func appendMessages(dst, body []byte) []byte {
	s := newScan(body)
	for key := range s.Members() {
		v := s.Raw()
		if string(key.Raw) == "messages" && s.OK() {
			dst = append(jsontext.AppendName(dst, "messages"), v...)
		}
	}
	return dst
}

func appendTags(dst []byte, tags map[string]string) []byte {
	return jsontext.AppendMap(jsontext.AppendName(dst, "tags"), tags)
}

func appendText(dst []byte, name, v string) []byte {
	return jsontext.AppendQuote(jsontext.AppendName(dst, name), v)
}

func appendWhole(dst []byte, name string, v int64) []byte {
	return strconv.AppendInt(jsontext.AppendName(dst, name), v, 10)
}

// appendKnown appends a whole number, or null if it is unknown.
func appendKnown(dst []byte, name string, v int64, known bool) []byte {
	if !known {
		return append(jsontext.AppendName(dst, name), "null"...)
	}
	return appendWhole(dst, name, v)
}

// appendNumber appends a number, or null if it is unknown or not finite.
func appendNumber(dst []byte, name string, v float64, known bool) []byte {
	dst = jsontext.AppendName(dst, name)
	if !known || math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

func appendBool(dst []byte, name string, v bool) []byte {
	return strconv.AppendBool(jsontext.AppendName(dst, name), v)
}

func appendNames(dst []byte, name string, list []string) []byte {
	return jsontext.AppendStrings(jsontext.AppendName(dst, name), list)
}

// AppendInit appends the input of penstock_init.
func AppendInit(dst []byte, name string, config []byte) []byte {
	dst = append(dst, `{"v":1,"plugin":`...)
	dst = jsontext.AppendQuote(dst, name)
	dst = append(dst, `,"config":`...)
	dst = append(dst, config...)
	return append(dst, `,"seed":"0"}`...)
}
