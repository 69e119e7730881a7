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
	d.mean += d.weigh(now) * (v - d.mean)
}

// weigh counts one more measurement and returns its weight.
func (d *decayed) weigh(now time.Time) float64 {
	d.count = min(d.count+1, maxCount)
	weight := 1 / float64(d.count)
	if age := now.Sub(d.at); d.count > 1 && age > 0 {
		weight = max(weight, 1-math.Exp(-float64(age)/float64(timeConstant)))
	}
	d.at = now
	return weight
}

// strength is how much the measurements weigh against others of another age: their number, less
// what they have lost with time.
func (d *decayed) strength(now time.Time) float64 {
	return float64(d.count) * math.Exp(-float64(max(now.Sub(d.at), 0))/float64(timeConstant))
}

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

// exceeds reports whether at least this share of minAttempts or more has failed.
func (e *errorShare) exceeds(now time.Time, limit float64) bool {
	good, bad := e.counts(now)
	return good+bad >= minAttempts && bad/(good+bad) >= limit
}
