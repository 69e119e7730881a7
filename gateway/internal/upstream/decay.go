package upstream

import (
	"math"
	"time"
)

// timeConstant is the age at which a measurement weighs 1/e of a fresh one.
const timeConstant = 10 * time.Second

// decayed is a running mean in which measurements lose weight with age and with the
// number of later ones. A burst does not wipe out what came before it.
type decayed struct {
	mean  float64
	at    time.Time
	count int
}

// maxCount bounds how little one more measurement weighs: 1/50 at least.
const maxCount = 50

func (d *decayed) add(now time.Time, v float64) {
	d.count = min(d.count+1, maxCount)
	weight := 1 / float64(d.count)
	if age := now.Sub(d.at); d.count > 1 && age > 0 {
		weight = max(weight, 1-math.Exp(-float64(age)/float64(timeConstant)))
	}
	d.mean += weight * (v - d.mean)
	d.at = now
}

// speed is how fast a target answers: its time to the first token, and its tokens
// per second from then on, so that long answers do not look like slow targets.
type speed struct {
	first, tps decayed
	// firstToken is the spread of the times to the first token.
	firstToken quantiles
}

// begin notes a time to the first token.
func (s *speed) begin(now time.Time, first time.Duration) {
	s.first.add(now, float64(first))
	s.firstToken.add(now, first)
}

// end notes a whole answer.
func (s *speed) end(now time.Time, o Outcome) {
	if took := o.producing(); o.OutputTokens > 0 && took > 0 {
		s.tps.add(now, float64(o.OutputTokens)/took.Seconds())
	}
}

// producing returns how long the target took to produce its answer. One that came all at
// once was produced before its first token was seen.
func (o *Outcome) producing() time.Duration {
	if rest := o.Duration - o.FirstToken; rest > o.Duration/20 {
		return rest
	}
	return o.Duration
}

func (s *speed) ttft() time.Duration { return time.Duration(s.first.mean) }

// errorShare counts good and bad attempts, each losing half its weight every
// halfLife.
type errorShare struct {
	good, bad float64
	at        time.Time
}

const halfLife = 30 * time.Second

// minAttempts is how many recent attempts make a meaningful share.
const minAttempts = 10

func (e *errorShare) add(now time.Time, good, bad float64) {
	e.good, e.bad = e.counts(now)
	e.good += good
	e.bad += bad
	e.at = now
}

// counts returns both counts, decayed until now.
func (e *errorShare) counts(now time.Time) (good, bad float64) {
	age := now.Sub(e.at)
	if age <= 0 {
		return e.good, e.bad
	}
	w := math.Exp2(-float64(age) / float64(halfLife))
	return e.good * w, e.bad * w
}

// rate returns the decayed share of failures, 0 to 1. One added success keeps a single
// failure from being 100 % and lets old ones fade.
func (e *errorShare) rate(now time.Time) float64 {
	good, bad := e.counts(now)
	return bad / (good + bad + 1)
}

// samples returns how many recent attempts there were, to two decimals.
func (e *errorShare) samples(now time.Time) float64 {
	good, bad := e.counts(now)
	return math.Round((good+bad)*100) / 100
}

// exceeds reports whether at least this share of minAttempts or more has failed.
func (e *errorShare) exceeds(now time.Time, limit float64) bool {
	good, bad := e.counts(now)
	return good+bad >= minAttempts && bad/(good+bad) >= limit
}
