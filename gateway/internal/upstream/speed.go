package upstream

import (
	"math"
	"sync/atomic"
	"time"
)

// speed is how fast a target answers: its time to the first token, and the time that each token
// takes from then on, so that long answers do not look like slow targets. A stream shows both. Of
// a plain reply only the sum is seen, which the lengths of several replies tell apart.
type speed struct {
	// first is in nanoseconds, token in nanoseconds a token; both are of streams.
	first, token decayed
	// whole are replies that came in one piece.
	whole wholeReplies
	// firstToken is the spread of the times to the first token that were seen.
	firstToken quantiles
	// lumped says that the last stream came all at once: then nothing is known of its first
	// token when that comes.
	lumped bool
}

// minSpeedTokens is how many tokens a stream must have for its tokens per second to count: of
// a few, the time is that of one or two packets.
const minSpeedTokens = 8

// add takes in a complete answer.
func (s *speed) add(now time.Time, o Outcome, usual *shape) {
	tokens := float64(o.OutputTokens)
	switch rest := o.Duration - o.FirstToken; {
	case o.FirstToken <= 0: // a plain reply
		if tokens > 0 {
			s.whole.add(now, tokens, float64(o.Duration))
		}
		return
	case tokens >= minSpeedTokens && rest <= o.Duration/20: // all of it came at once, after it was made
		s.whole.add(now, tokens, float64(o.Duration))
		s.lump(now, o)
		return
	case tokens >= minSpeedTokens && o.Held <= rest/4: // else the caller set the pace
		s.token.add(now, float64(rest)/tokens)
		usual.add(float64(o.FirstToken) / (float64(rest) / tokens))
	}
	s.end(now, o)
	s.lumped = s.lumped && tokens < minSpeedTokens
}

// begin takes in the time to a first token that has just come.
func (s *speed) begin(now time.Time, first time.Duration) {
	if !s.lumped {
		s.addFirst(now, first)
	}
}

// end takes in the time to the first token of a stream that is over, unless begin has.
func (s *speed) end(now time.Time, o Outcome) {
	if !o.Noted || s.lumped {
		s.addFirst(now, o.FirstToken)
	}
}

// lump takes in a stream that came all at once, whose first token shows nothing but that it
// came.
func (s *speed) lump(now time.Time, o Outcome) {
	if !o.Noted || s.lumped {
		s.firstToken.add(now, o.FirstToken)
	} else if s.token.count == 0 { // what begin has taken in was none
		s.first = decayed{}
	}
	s.lumped = true
}

// addFirst takes in the time to a first token.
func (s *speed) addFirst(now time.Time, first time.Duration) {
	s.first.add(now, float64(first))
	s.firstToken.add(now, first)
}

// addSilence takes in that nothing had come after so long, when another target was taken or the
// caller left. It counts only if it is longer than usual: then the target has become slower.
func (s *speed) addSilence(now time.Time, silent time.Duration, usual *shape) {
	if first, _ := s.figures(now, usual); first > 0 && silent > first {
		s.first.add(now, float64(silent))
	}
}

// figures returns the time to the first token and the tokens per second; 0 for what is unknown.
// Streams and plain replies count by how many there were of late.
func (s *speed) figures(now time.Time, usual *shape) (first time.Duration, tps float64) {
	f, t := s.first.mean, s.token.mean
	if s.whole.at.count > 0 {
		ratio := usual.value()
		if s.first.count > 0 && t > 0 {
			ratio = f / t
		}
		wholeFirst, wholeToken := s.whole.split(ratio)
		weight := s.whole.at.strength(now)
		f = blend(f, s.first.strength(now), wholeFirst, weight)
		t = blend(t, s.token.strength(now), wholeToken, weight)
	}
	if t > 0 {
		tps = float64(time.Second) / t
	}
	return time.Duration(f), tps
}

// blend is the mean of two figures by their weights; of two without weight the second.
func blend(a, weightA, b, weightB float64) float64 {
	if weightA <= 0 {
		return b
	}
	return (a*weightA + b*weightB) / (weightA + weightB)
}

// wholeReplies are plain replies: decayed means of their lengths in tokens, their times in
// nanoseconds and the products of these, from which a line of time by length follows.
type wholeReplies struct {
	at                                   decayed // its mean is not used
	tokens, took, tokensSquared, product float64
}

func (w *wholeReplies) add(now time.Time, tokens, took float64) {
	weight := w.at.weigh(now)
	for _, one := range [...]struct {
		mean *float64
		v    float64
	}{{&w.tokens, tokens}, {&w.took, took}, {&w.tokensSquared, tokens * tokens}, {&w.product, tokens * took}} {
		*one.mean += weight * (one.v - *one.mean)
	}
}

// sameLength is the spread of the replies' lengths, as a share of their mean, at which what
// they tell of the time for a token counts as much as what is usual.
const sameLength = 0.2

// split returns the time to the first token and for each token from then on, by the line through
// the replies. ratio is how many tokens take as long as the first one takes to come, which decides
// where all replies are of much the same length. Both times are positive, and agree with the
// mean.
func (w *wholeReplies) split(ratio float64) (first, token float64) {
	variance := max(w.tokensSquared-w.tokens*w.tokens, 0)
	usual := w.took / (ratio + w.tokens)
	prior := sameLength * sameLength * w.tokens * w.tokens
	token = (w.product - w.tokens*w.took + prior*usual) / (variance + prior)
	most := w.took / (minRatio + w.tokens)
	token = min(max(token, usual/8), most)
	return w.took - token*w.tokens, token
}

// The bounds of a ratio of the time to the first token to that of one token, and what it is before
// any stream was seen: half a second at 50 tokens per second.
const (
	minRatio, maxRatio = 0.5, 1000
	usualRatio         = 25
)

// shape is the usual ratio of the time to the first token to that of one token, among all
// targets. It is safe for concurrent use; of two changes at one moment one may be lost.
type shape struct{ bits atomic.Uint64 }

// add takes in a stream, which counts for a twentieth.
func (s *shape) add(ratio float64) {
	ratio = math.Log(min(max(ratio, minRatio), maxRatio))
	if s.bits.Load() == 0 {
		s.bits.Store(math.Float64bits(ratio))
		return
	}
	had := math.Float64frombits(s.bits.Load())
	s.bits.Store(math.Float64bits(had + (ratio-had)/20))
}

func (s *shape) value() float64 {
	bits := s.bits.Load()
	if bits == 0 {
		return usualRatio
	}
	return math.Exp(math.Float64frombits(bits))
}
