package dashboard

import (
	"fmt"
	"time"
)

// pace is how a limit will go on if it is used as it has been since its window began.
type pace struct {
	// Known is false for a window without a beginning, and for one that has only begun.
	Known bool
	// PerHour is what is used in an hour, Share what will be used at the window's end, as a
	// share of the limit.
	PerHour, Share float64
	// Full is when the limit is reached; zero if not within the window.
	Full time.Time
}

// minPace is the part of a window that must be over before a pace is given.
const minPace = 0.02

// paceOf returns the pace of a limit.
func paceOf(c *Count, now time.Time) (p pace) {
	length, gone := c.Resets.Sub(c.Starts), now.Sub(c.Starts)
	if c.Starts.IsZero() || c.Max <= 0 || float64(gone) < minPace*float64(length) || gone <= 0 || !now.Before(c.Resets) {
		return pace{}
	}
	p = pace{Known: true, PerHour: float64(c.Used) / gone.Hours()}
	p.Share = p.PerHour * length.Hours() / float64(c.Max)
	switch {
	case c.Used >= c.Max:
		p.Full = now
	case p.Share > 1:
		p.Full = now.Add(time.Duration(float64(c.Max-c.Used) / p.PerHour * float64(time.Hour)))
	}
	return p
}

// words says how a limit goes on; empty when that is not known.
func (p pace) words(c *Count, now time.Time) string {
	switch {
	case c.Max > 0 && c.Used >= c.Max:
		return "full"
	case !p.Known || c.Used == 0:
		return ""
	case !p.Full.IsZero():
		return "full " + within(p.Full.Sub(now))
	}
	return fmt.Sprintf("%.0f %% at its end", 100*p.Share)
}
