package llm

import (
	"testing"
	"time"
)

func TestParseWindow(t *testing.T) {
	for in, want := range map[string]Window{
		"1s": {Every: time.Second}, "1m": {Every: time.Minute}, "5h": {Every: 5 * time.Hour},
		"8784h": {Every: 366 * 24 * time.Hour}, "day": {Calendar: "day"}, "month": {Calendar: "month"},
	} {
		got, err := ParseWindow(in)
		if err != nil || got != want {
			t.Errorf("ParseWindow(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "m", "0m", "-1m", "+1m", "01m", "1", "1d", "1 m", "8785h", "9999999999h", "year", "Day", "1µ"} {
		if got, err := ParseWindow(in); err == nil {
			t.Errorf("ParseWindow(%q) = %+v, want an error", in, got)
		}
	}
}
