package canonical

import "testing"

// TestCountRunes counts characters in JSON strings as Python's and JavaScript's code points
// do.
func TestCountRunes(t *testing.T) {
	for raw, want := range map[string]int64{``: 0, `abc`: 3, `é`: 1, `\u00e9`: 1, `😀`: 1, `\ud83d\ude00`: 1,
		`\uD83D\uDE00!`: 2, `\n\"\\`: 3, `\u12`: 3, `\`: 1} {
		if got := CountRunes([]byte(raw)); got != want {
			t.Errorf("CountRunes(%s) = %d, want %d", raw, got, want)
		}
	}
}

func TestTrimRight(t *testing.T) {
	for raw, want := range map[string]string{`a\\n`: `a\\n`, `a\\\n`: `a\\`, `a\\u00a0`: `a\\u00a0`, `a\u00a0\u200b`: `a\u00a0\u200b`, `a\u00A0 `: `a`,
		"é\u00a0": "é", `\ud83d\ude00 `: `\ud83d\ude00`, "a\xc2": "a\xc2", `\u`: `\u`, `u00a0`: `u00a0`} {
		if got := string(TrimRight([]byte(raw))); got != want {
			t.Errorf("TrimRight(%q) = %q, want %q", raw, got, want)
		}
	}
}
