package upstream

import "time"

// Backoff returns the pause before another try with full jitter: any time of at most d,
// which doubles from low to high, so that callers do not retry at the same moment. try
// counts the tries so far, from 1; random gives numbers in [0, 1).
func Backoff(try int, low, high time.Duration, random func() float64) time.Duration {
	d := low
	for i := 1; i < try && d < high; i++ {
		d *= 2
	}
	d = min(d, high)
	if d <= 0 {
		return 0
	}
	return d - time.Duration(random()*float64(d))
}
