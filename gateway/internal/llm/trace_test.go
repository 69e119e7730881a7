package llm

import "testing"

func TestParseTraceparent(t *testing.T) {
	const id, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for header, want := range map[string]Trace{
		"00-" + id + "-" + span + "-01":              {id, span},
		"cc-" + id + "-" + span + "-01-what-follows": {id, span}, // a later version
		"":                                   {},
		"00-" + id + "-" + span + "-01-more": {},
		"ff-" + id + "-" + span + "-01":      {},
		"00-" + id + "-" + span:              {},
		"00-" + id[1:] + "-" + span + "-01":  {},
		"00-" + id + "-" + span + "-1":       {},
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span + "-01":   {},
		"00-00000000000000000000000000000000-" + span + "-01":   {},
		"00-" + id + "-0000000000000000-01":                     {},
		"00-zzf92f3577b34da6a3ce929d0e0e4736-" + span + "-01\n": {},
	} {
		if got := ParseTraceparent(header); got != want {
			t.Errorf("ParseTraceparent(%q) = %v, want %v", header, got, want)
		}
	}
}
