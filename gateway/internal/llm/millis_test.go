package llm_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestMillisJSON(t *testing.T) {
	for _, test := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0"}, {time.Second, "1000"}, {1500 * time.Microsecond, "1.5"}, {1234567 * time.Nanosecond, "1.235"},
		{499 * time.Nanosecond, "0"}, {-time.Millisecond, "-1"}, {24 * time.Hour, "86400000"},
	} {
		got, err := json.Marshal(llm.Millis(test.d))
		if err != nil || string(got) != test.want {
			t.Errorf("%v = %s, %v, want %s", test.d, got, err, test.want)
		}
	}
	for _, in := range []string{`"5"`, `true`, `{}`} {
		var m llm.Millis
		if err := json.Unmarshal([]byte(in), &m); err == nil {
			t.Errorf("%s reads as %v, want an error", in, time.Duration(m))
		}
	}
}

func TestMillisRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(-1e12, 1e12).Draw(t, "µs") // twelve days; a float cannot hold much more
		m := llm.Millis(time.Duration(us) * time.Microsecond)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back llm.Millis
		if err := json.Unmarshal(b, &back); err != nil || back != m {
			t.Fatalf("%v prints as %s and reads back as %v, %v", time.Duration(m), b, time.Duration(back), err)
		}
	})
}
