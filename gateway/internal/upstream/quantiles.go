package upstream

import (
	"math"
	"time"
)

// The buckets of a quantiles histogram. Bucket i counts what lies between
// minSample·2^(i/perOctave) and the next bound; the outer two also count everything beyond
// them. So it covers one millisecond to 17 minutes.
const (
	perOctave = 8
	octaves   = 20
	minSample = time.Millisecond
)

// sampleHalfLife is the age at which a sample weighs half of a fresh one.
const sampleHalfLife = time.Minute

// maxGrowth is how much more than at first a sample may weigh before all weights are
// scaled down.
const maxGrowth = 1 << 30

// quantiles keeps the median and the 95th percentile of recent durations in less than 700
// bytes: a histogram with buckets that grow by 9 %. A quantile is the middle of its bucket,
// so it is at most 4.5 % off a true sample.
//
// Old samples do not lose weight, later ones weigh more: twice as much every
// sampleHalfLife. All weights decay alike, which moves no quantile, so both are worked out
// when a sample comes, and reading them costs nothing.
type quantiles struct {
	p50, p95 time.Duration
	// since is when a sample weighed 1, total the weight of all.
	since   time.Time
	total   float32
	weights [perOctave * octaves]float32
}

func (q *quantiles) add(now time.Time, v time.Duration) {
	weight := math.Exp2(float64(now.Sub(q.since)) / float64(sampleHalfLife))
	if weight > maxGrowth {
		q.scale(1 / weight)
		q.since, weight = now, 1
	}
	q.weights[bucketOf(v)] += float32(weight)
	q.total += float32(weight)
	q.p50, q.p95 = q.pick()
}

func (q *quantiles) scale(by float64) {
	q.total = 0
	for i := range q.weights {
		q.weights[i] = float32(float64(q.weights[i]) * by)
		q.total += q.weights[i]
	}
}

// pick returns the middles of the buckets at which half of the weight and 95 % of it are
// reached.
func (q *quantiles) pick() (p50, p95 time.Duration) {
	half, most := q.total*0.50, q.total*0.95
	sum, at50, last := float32(0), -1, 0
	for i, w := range q.weights {
		if w == 0 {
			continue
		}
		sum += w
		last = i // the sum may be rounded to a little less than the total
		if at50 < 0 && sum >= half {
			at50 = i
		}
		if sum >= most {
			break
		}
	}
	return middle(at50), middle(last)
}

func middle(bucket int) time.Duration {
	return time.Duration(float64(minSample) * math.Exp2((float64(bucket)+0.5)/perOctave))
}

func bucketOf(v time.Duration) int {
	if v <= minSample {
		return 0
	}
	i := int(math.Log2(float64(v)/float64(minSample)) * perOctave)
	return min(i, perOctave*octaves-1)
}
