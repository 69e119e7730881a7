package main

import (
	"fmt"
	"math"
	"strconv"
)

// axis is a range of values with its ticks.
type axis struct {
	title     string
	low, high float64
	// log marks an axis on which equal factors have equal lengths.
	log bool
	// label writes a tick; nil means a plain number.
	label func(float64) string
}

// at returns where a value lies on the axis, 0 to 1.
func (a *axis) at(x float64) float64 {
	if a.log {
		return math.Log(x/a.low) / math.Log(a.high/a.low)
	}
	return (x - a.low) / (a.high - a.low)
}

// ticks returns round values within the axis, five or so.
func (a *axis) ticks() []float64 {
	var ticks []float64
	if a.log {
		for decade := math.Pow(10, math.Floor(math.Log10(a.low))); decade <= a.high; decade *= 10 {
			for _, m := range []float64{1, 2, 5} {
				if x := decade * m; x >= a.low*0.999 && x <= a.high*1.001 {
					ticks = append(ticks, x)
				}
			}
		}
		return ticks
	}
	step := niceStep((a.high - a.low) / 5)
	for i := int(math.Ceil(a.low/step - 1e-9)); float64(i)*step <= a.high+step*1e-9; i++ {
		ticks = append(ticks, float64(i)*step)
	}
	return ticks
}

// niceStep returns the next of 1, 2, 2.5 and 5 times a power of ten.
func niceStep(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if power*m >= x*0.999 {
			return power * m
		}
	}
	return power * 10
}

func (a *axis) text(x float64) string {
	if a.label != nil {
		return a.label(x)
	}
	return strconv.FormatFloat(math.Round(x*1e6)/1e6, 'f', -1, 64)
}

// clock writes hours as a time of day.
func clock(x float64) string {
	return fmt.Sprintf("%d:%02d", int(x+1e-9), int(math.Round((x-math.Floor(x+1e-9))*60)))
}

func percent(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) }
