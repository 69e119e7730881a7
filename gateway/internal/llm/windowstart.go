package llm

import "time"

// Start returns when the window that ends at a time began, in the zone of the window, or else in
// zone; false for a rolling window, which has no beginning.
func (w Window) Start(end time.Time, zone *time.Location) (time.Time, bool) {
	if w.Zone != nil {
		zone = w.Zone
	}
	years, months, days := 0, 0, 0
	switch w.Calendar {
	case "":
		return end.Add(-w.Every), !w.Rolling && w.Every > 0
	case "minute":
		return end.Add(-time.Minute), true
	case "hour":
		return end.Add(-time.Hour), true
	case "day":
		days = 1
	case "week":
		days = 7
	case "month":
		months = 1
	case "quarter":
		months = 3
	case "year":
		years = 1
	}
	return end.In(zone).AddDate(-years, -months, -days), true
}
